"""What the ledger can tell: the history of a person's messages, and the counts of a run."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Engine, func, or_, select
from sqlalchemy.orm import Session

from connectors.ledger.models import MessageAuditRow, MessageRow


@dataclass(frozen=True)
class Step:
    """A transition of a message: its own, or that of the batch it was in."""

    from_state: str | None
    to_state: str
    at: datetime
    run_id: str
    detail: str | None


@dataclass(frozen=True)
class MessageHistory:
    """A message as the ledger knows it, with the steps that led there."""

    message_key: str
    run_id: str
    programme: str
    campaign_id: str
    occasion: str
    step: int
    channel: str
    purpose: str
    person_id: str
    address_hash: str
    destination: str
    planned_as_of: datetime
    state: str
    refusal: str | None
    reserved_at: datetime | None
    accepted_at: datetime | None
    sent_at: datetime | None
    delivered_at: datetime | None
    batch_id: str | None
    attempts: int
    steps: tuple[Step, ...] = ()


_FIELDS = tuple(field.name for field in fields(MessageHistory) if field.name != "steps")


def message_history(
    engine: Engine, address_hashes: Iterable[str] = (), person_ids: Iterable[str] = ()
) -> list[MessageHistory]:
    """Return the messages to any of these addresses or persons, oldest plan first."""
    query = (
        select(MessageRow)
        .where(
            or_(
                MessageRow.address_hash.in_(list(address_hashes)),
                MessageRow.person_id.in_(list(person_ids)),
            )
        )
        .order_by(MessageRow.planned_as_of, MessageRow.message_key)
    )
    with Session(engine) as session:
        return [
            MessageHistory(
                **{name: getattr(row, name) for name in _FIELDS}, steps=_steps(session, row)
            )
            for row in session.scalars(query)
        ]


def _steps(session: Session, row: MessageRow) -> tuple[Step, ...]:
    """Return the steps of its batch; a message that differs from its batch has its own step."""
    query = (
        select(MessageAuditRow)
        .where(
            or_(
                MessageAuditRow.message_key == row.message_key,
                (MessageAuditRow.delivery_batch_id == row.batch_id)
                & MessageAuditRow.message_key.is_(None),
            )
        )
        .order_by(MessageAuditRow.audit_id)
    )
    found = list(session.scalars(query))
    own = {each.from_state for each in found if each.message_key}
    return tuple(
        Step(each.from_state, each.to_state, each.at, each.run_id, each.detail)
        for each in found
        if each.message_key or each.from_state not in own
    )


def open_destinations(engine: Engine) -> list[str]:
    """Return where messages are under way or waiting to go, by whatever run, sorted."""
    query = (
        select(MessageRow.destination)
        .where(MessageRow.state.in_(("reserved", "delivering", "unknown")))
        .distinct()
        .order_by(MessageRow.destination)
    )
    with engine.connect() as connection:
        return list(connection.scalars(query))


def counts_by_state(engine: Engine, run_id: str) -> dict[str, int]:
    """Return how many messages of a run are in each state."""
    query = (
        select(MessageRow.state, func.count())
        .where(MessageRow.run_id == run_id)
        .group_by(MessageRow.state)
        .order_by(MessageRow.state)
    )
    with engine.connect() as connection:
        return dict(connection.execute(query).tuples().all())


def refusals(engine: Engine, run_id: str) -> dict[str, int]:
    """Return how many messages of a run the ledger refused, by reason."""
    query = (
        select(MessageRow.refusal, func.count())
        .where(MessageRow.run_id == run_id, MessageRow.state == "cancelled")
        .group_by(MessageRow.refusal)
        .order_by(MessageRow.refusal)
    )
    with engine.connect() as connection:
        return {reason or "": messages for reason, messages in connection.execute(query)}


def refusals_by_programme(engine: Engine, run_id: str) -> dict[str, dict[str, int]]:
    """Return how many messages of a run the ledger refused, by programme and reason."""
    columns = MessageRow.programme, MessageRow.refusal
    query = (
        select(*columns, func.count())
        .where(MessageRow.run_id == run_id, MessageRow.state == "cancelled")
        .group_by(*columns)
        .order_by(*columns)
    )
    found: dict[str, dict[str, int]] = {}
    with engine.connect() as connection:
        for programme, reason, messages in connection.execute(query):
            found.setdefault(programme, {})[reason or ""] = messages
    return found
