"""Emit a slice of a plan: take over what a dead emission left, reserve, deliver, record.

The protocol needs no scheduler; it can be run and killed as a plain process. Killed anywhere,
the next `emit` settles it: nothing is lost, nothing is sent twice, what a destination cannot tell
is recorded as `unknown`, and what never left waits for a plan that still wants it.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from connectors.core.clock import utc_now
from connectors.core.delivery import Destination
from connectors.core.garbage import collection_paused
from connectors.ledger.audience import CapRule, audience_path, read_policy
from connectors.ledger.db import emission_lock
from connectors.ledger.deliver import Delivery
from connectors.ledger.recover import recover
from connectors.ledger.reserve import Reserved, reserve


@dataclass(frozen=True)
class EmitResult:
    """Numbers of messages. `refused` by reason; outcomes include those of what was taken over.

    `absorbed`: already in the ledger. `recovered`: outcomes of messages an earlier run left.
    """

    reserved: int = 0
    held: int = 0
    absorbed: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    recovered: int = 0


def emit(
    engine: Engine,
    snapshot_dir: Path,
    run_id: str,
    audience_slice: str,
    destinations: Mapping[str, Destination],
    *,
    policy: Sequence[CapRule] | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> EmitResult:
    """Emit the 'triggered' or 'mass' audience of a published snapshot.

    `policy` defaults to the snapshot's own. What another run reserved but never sent is cancelled
    as `left_over` before this plan is entered. Raises `FixConfig`, `StopRun`, or `RetryLater`
    while another emission runs. A destination's error passes through; the next emission reads
    back what became of that batch.
    """
    audience = audience_path(snapshot_dir, audience_slice)
    rules = read_policy(snapshot_dir) if policy is None else tuple(policy)
    with emission_lock(engine), collection_paused():
        at = clock()
        recovered = recover(engine, snapshot_dir, run_id, destinations, at)
        entered = reserve(engine, audience, run_id, rules, destinations=destinations, at=at)
        delivery = Delivery(engine, run_id, destinations, at)
        delivery.run([audience])
    return _result(entered, recovered, delivery.tally)


def _result(entered: Reserved, recovered: Counter[str], delivered: Counter[str]) -> EmitResult:
    tally = recovered + delivered
    return EmitResult(
        **vars(entered),
        accepted=tally["accepted"],
        rejected=tally["rejected"],
        unknown=tally["unknown"],
        recovered=recovered.total(),
    )
