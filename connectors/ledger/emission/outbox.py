"""Emit a slice of a plan: take over what a dead emission left, reserve, deliver, record.

The protocol needs no scheduler; it can be run and killed as a plain process. Killed anywhere,
the next `emit` settles it: nothing is lost, nothing is sent twice, what a destination cannot tell
is recorded as `unknown`, and what never left waits for a plan that still wants it.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from connectors.core.clock import utc_now
from connectors.core.delivery import Destination
from connectors.core.errors import FixConfig
from connectors.core.garbage import collection_paused
from connectors.core.live import barred, usable
from connectors.ledger.emission.audience import CapRule, audience_path, read_policy
from connectors.ledger.emission.batches import Emission
from connectors.ledger.emission.budgets import REAL_TIME, Pace
from connectors.ledger.emission.deliver import Delivery
from connectors.ledger.emission.recover import Recovery
from connectors.ledger.emission.reserve import reserve
from connectors.ledger.emission.reserved import Reserved
from connectors.ledger.guards import complaints
from connectors.ledger.guards.stops import Stops, read_guards
from connectors.ledger.leases import emission_id, emitting, lease

log = logging.getLogger("parley")


@dataclass(frozen=True)
class EmitResult:
    """Numbers of messages. `refused` by reason; outcomes include those of what was taken over.

    `absorbed`: already in the ledger. `recovered`: outcomes of messages an earlier run left.
    `waiting`: still reserved, since their destination could not take them now.
    """

    reserved: int = 0
    held: int = 0
    absorbed: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    recovered: int = 0
    waiting: int = 0


def emit(
    engine: Engine,
    snapshot_dir: Path,
    run_id: str,
    audience_slice: str,
    destinations: Mapping[str, Destination],
    *,
    policy: Sequence[CapRule] | None = None,
    clock: Callable[[], datetime] = utc_now,
    pace: Pace = REAL_TIME,
) -> EmitResult:
    """Emit the 'triggered' or 'mass' audience of a published snapshot.

    `policy` defaults to the snapshot's own, which also says what the guards are. Other emissions
    may run at the same time. What dead ones of other runs reserved but never sent is cancelled as
    `left_over` before this plan is entered. `clock` is asked once for the times that are recorded,
    and again before each batch for what has expired by then; `pace` is real time, for waiting.

    One destination's trouble does not keep the others from going on. Raises `StopRun`;
    `RetryLater` while another process emits the same slice of the same run, or if nothing at all
    could be delivered; `FixConfig`, after everything else is delivered, for a destination that
    somebody has to mend.
    """
    name = emission_id(run_id, audience_slice)
    audience = audience_path(snapshot_dir, audience_slice)
    rules = read_policy(snapshot_dir) if policy is None else tuple(policy)
    guards = read_guards(snapshot_dir)
    with emitting(engine), lease(engine, name) as held, collection_paused():
        at = clock()
        complaints.brake(engine, guards, at)
        own = Emission(engine, run_id, name, at, held, clock, pace)
        recovery = Recovery(own, snapshot_dir, destinations)
        recovery.run()
        entered = reserve(
            engine, audience, run_id, rules, destinations=destinations, at=at, emission=name,
            stops=Stops(guards, barred(destinations)),
        )  # fmt: skip
        delivery = Delivery(own, usable(destinations), handovers=recovery.deliveries[-1].handovers)
        delivery.run([audience])
        result = _result(entered, recovery.tally, delivery.tally, delivery.still_reserved())
    _tell_trouble([*recovery.deliveries, delivery], result)
    return result


def _tell_trouble(deliveries: Iterable[Delivery], result: EmitResult) -> None:
    """Raise what somebody has to mend, or why nothing went; say what else waits."""
    troubles = [trouble for each in deliveries for trouble in each.troubles()]
    for error in troubles:
        if isinstance(error, FixConfig):
            raise error
    if troubles and result.waiting and not result.accepted + result.rejected:
        raise troubles[0]
    for error in dict.fromkeys(troubles):
        log.warning("%s messages wait for another emission: %s", result.waiting, error)


def _result(
    entered: Reserved, recovered: Counter[str], delivered: Counter[str], waiting: int
) -> EmitResult:
    tally = recovered + delivered
    return EmitResult(
        **vars(entered),
        accepted=tally["accepted"],
        rejected=tally["rejected"],
        unknown=tally["unknown"],
        recovered=recovered.total(),
        waiting=waiting,
    )
