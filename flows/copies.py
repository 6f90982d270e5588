"""Test mode: copies of a few of a plan's emails go to one address; the ledger hears nothing of it.

A plan that was only tried must not use up anybody's caps or occasions: the real one comes later.
"""

from __future__ import annotations

import logging
from collections import Counter
from itertools import chain, islice, zip_longest
from typing import TYPE_CHECKING, Final

from connectors.core import live, plan
from connectors.destinations.render import RENDERED
from connectors.ledger.emission.audience import audience_path, chunks
from connectors.ledger.emission.outbox import EmitResult
from connectors.ledger.emission.outgoing import COLUMNS, out_messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from connectors.core.delivery import Destination, OutMessage
    from flows.run import Run, Slice

MOST: Final = 20
"""Copies of a slice; a mailbox is no place for a whole campaign."""

log = logging.getLogger("parley")


def send(run: Run, audience: Slice) -> EmitResult:
    """Send copies of one slice to the test address; the numbers are of copies.

    Every programme gets its turn. Only what comes as an email is copied: nobody is called or
    written to by a test.

    Raises:
        FixConfig: there is no such destination.
    """
    names = plan.destinations(run.snapshot_dir)
    made = live.destinations(run.settings, names, live=run.is_live)
    states: Counter[str] = Counter()
    for name, messages in _chosen(run, audience, made).items():
        size = made[name].batch_size
        for first in range(0, len(messages), size):
            batch_id = f"{run.run_id}-{audience}-{first}"
            outcomes = made[name].deliver(batch_id, messages[first : first + size])
            states.update(outcome.state for outcome in outcomes)
    told = states["accepted"], audience
    log.info("test mode: %s copies of %s went to the test address, nothing to anybody else", *told)
    return EmitResult(
        accepted=states["accepted"], rejected=states["rejected"], unknown=states["unknown"]
    )


def _chosen(
    run: Run, audience: Slice, made: Mapping[str, Destination]
) -> Mapping[str, list[OutMessage]]:
    """At most `MOST` messages by destination, one of each programme before the second of any."""
    barred = live.barred(made)
    by_programme: dict[str, list[tuple[str, OutMessage]]] = {}
    for name, message in _emails(run, audience):
        found = by_programme.setdefault(message.programme, [])
        if name not in barred and len(found) < MOST:
            found.append((name, message))
    in_turn = chain.from_iterable(zip_longest(*by_programme.values()))
    chosen: dict[str, list[OutMessage]] = {}
    for name, message in islice((each for each in in_turn if each), MOST):
        chosen.setdefault(name, []).append(message)
    return chosen


def _emails(run: Run, audience: Slice) -> Iterator[tuple[str, OutMessage]]:
    """What the plan sends as an email, with its destination."""
    wanted = [*COLUMNS, "destination", "verdict"]
    for chunk in chunks(audience_path(run.snapshot_dir, audience), wanted):
        names, verdicts = (chunk.column(each).to_pylist() for each in ("destination", "verdict"))
        for name, verdict, message in zip(names, verdicts, out_messages(chunk), strict=True):
            if verdict == "send" and message.channel in RENDERED:
                yield name, message
