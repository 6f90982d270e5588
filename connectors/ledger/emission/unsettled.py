"""Messages of which nobody knows yet whether they arrived."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, func, select

from connectors.ledger.leases import emission_lease, is_held
from connectors.ledger.models import MessageAuditRow, MessageRow

UNKNOWN, DELIVERING = "unknown", "delivering"


@dataclass(frozen=True)
class Unsettled:
    """A message that left, or may have, and in which batch; `since` by the run's clock.

    `state`: 'unknown' if the destination could not tell, 'delivering' if it was not asked yet.
    """

    message_key: str
    destination: str
    batch_id: str
    run_id: str
    state: str
    since: datetime


def unsettled(engine: Engine) -> list[Unsettled]:
    """Return them by destination, batch and key. What a live emission is delivering is not."""
    marked = (
        select(MessageAuditRow.delivery_batch_id, func.max(MessageAuditRow.at).label("since"))
        .where(MessageAuditRow.to_state.in_((UNKNOWN, DELIVERING)))
        .group_by(MessageAuditRow.delivery_batch_id)
        .subquery()
    )
    since = func.coalesce(marked.c.since, MessageRow.reserved_at, MessageRow.planned_as_of)
    columns = MessageRow.message_key, MessageRow.destination, MessageRow.batch_id
    query = (
        select(*columns, MessageRow.run_id, MessageRow.state, since, MessageRow.emission)
        .outerjoin(marked, marked.c.delivery_batch_id == MessageRow.batch_id)
        .where(MessageRow.state.in_((UNKNOWN, DELIVERING)))
        .order_by(*reversed(columns))
    )
    with engine.connect() as connection:
        found = connection.execute(query).all()
    live = {*_live(engine, {(row.run_id, row.emission) for row in found})}
    return [
        Unsettled(key, destination, batch_id or "", run_id, state, at)
        for key, destination, batch_id, run_id, state, at, emission in found
        if state == UNKNOWN or (run_id, emission) not in live
    ]


def _live(engine: Engine, emissions: set[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for run_id, name in emissions:
        if is_held(engine, emission_lease(run_id, name)):
            yield run_id, name


def count_unsettled(engine: Engine) -> dict[str, int]:
    """Return how many there are, by destination."""
    counts: dict[str, int] = {}
    for each in unsettled(engine):
        counts[each.destination] = counts.get(each.destination, 0) + 1
    return counts
