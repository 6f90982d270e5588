"""What a destination said about a batch, and how the ledger records it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from connectors.core.delivery import Destination, Outcome
from connectors.core.errors import StopRun
from connectors.ledger.emission.scratch import CLAIMS, claim, drop
from connectors.ledger.emission.transitions import Move, audit_row, move
from connectors.ledger.models import MessageAuditRow, MessageRow
from connectors.ledger.suppressions import Suppression, enter

# What a destination says -> the state that follows: what surely did not arrive waits again.
SAID = {
    "accepted": "accepted",
    "rejected": "rejected",
    "unknown": "unknown",
    "waiting": "reserved",
}
# Bad mailbox, system, syntax or null MX of the recipient (RFC 3463 and 7505), for good.
NO_SUCH_MAILBOX = re.compile(r"5\d\d 5\.1\.(?:1|2|3|10)\b")
# message_key -> state and detail
Verdicts = Mapping[str, tuple[str, str]]


def stamps(destination: Destination | None, at: datetime) -> dict[str, dict[str, Any]]:
    """Return the columns that go with a state.

    Accepting is sending where the destination says so (files, call lists); feedback tells
    `sent_at` of the others.
    """
    accepted: dict[str, Any] = {"accepted_at": at}
    if getattr(destination, "accepted_is_sent", False):
        accepted["sent_at"] = at
    # What is left of a batch that arrived in part is another batch.
    return {"accepted": accepted, "reserved": {"batch_id": None}}


def heard(outcomes: Iterable[Outcome]) -> dict[str, tuple[str, str]]:
    """Return what was said of each message: two answers that differ mean unknown."""
    said: dict[str, tuple[str, str]] = {}
    for outcome in outcomes:
        state = SAID.get(outcome.state)
        verdict = (state, outcome.detail) if state else ("unknown", "no known word")
        if said.setdefault(outcome.message_key, verdict)[0] != verdict[0]:
            said[outcome.message_key] = ("unknown", "the destination gave two answers")
    return said


def settle(keys: Iterable[str], outcomes: Iterable[Outcome]) -> Verdicts:
    """Return one verdict per message: no answer, or two that differ, means unknown."""
    said = heard(outcomes)
    silent = ("unknown", "the destination did not mention it")
    return {key: said.get(key, silent) for key in keys}


def record(
    connection: Connection,
    step: Move,
    verdicts: Verdicts,
    values: Mapping[str, Mapping[str, Any]],
) -> None:
    """Move the messages of a batch out of `step.from_state`, each to its verdict.

    `values` are the columns that go with a state. The most frequent state is audited as the
    batch's own; a message that differs from it is audited by itself.
    """
    by_state: dict[str, list[str]] = {}
    for key, (state, _) in verdicts.items():
        by_state.setdefault(state, []).append(key)
    first, *others = sorted(by_state, key=lambda state: (-len(by_state[state]), state))
    for state in others:
        differing = {key: verdicts[key][1] for key in by_state[state]}
        _record_differing(connection, replace(step, to_state=state), differing, values.get(state))
    drop(connection, CLAIMS)
    rest = select(MessageRow.message_key).where(
        MessageRow.batch_id == step.batch_id, MessageRow.state == step.from_state
    )
    detail = step.detail or verdicts[by_state[first][0]][1]
    _suppress_bounced(connection, step.at, verdicts)
    going = replace(step, to_state=first, detail=detail)
    moved = move(connection, rest, going, values.get(first))
    if moved != len(by_state[first]):
        what = f"{moved} messages were {step.from_state}, {len(by_state[first])} were expected"
        raise StopRun(
            what,
            f"batch {step.batch_id}",
            "Nothing was recorded. Run again, and report it if it stays.",
        )


def _suppress_bounced(connection: Connection, at: datetime, verdicts: Verdicts) -> None:
    """Stop addresses that a mail server said are nobody's."""
    gone = [
        key
        for key, (state, detail) in verdicts.items()
        if state == "rejected" and NO_SUCH_MAILBOX.match(detail)
    ]
    if gone:
        columns = MessageRow.address_hash, MessageRow.destination
        query = select(*columns).where(MessageRow.message_key.in_(gone)).distinct()
        found = connection.execute(query).all()
        enter(connection, [Suppression(who, "hard_bounce", by, at) for who, by in found])


def _record_differing(
    connection: Connection, step: Move, details: Mapping[str, str], values: Mapping[str, Any] | None
) -> None:
    claim(connection, details)
    move(connection, select(CLAIMS), replace(step, is_audited=False), values)
    rows = [audit_row(replace(step, detail=detail), 1, key) for key, detail in details.items()]
    connection.execute(insert(MessageAuditRow), rows)
