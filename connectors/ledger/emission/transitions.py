"""The states of a message, the only ways between them, and their audit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, Subquery, func, insert, select, update

from connectors.core.errors import StopRun
from connectors.ledger.models import CounterRow, MessageAuditRow, MessageRow

# from, to -> whether only reconciliation (reading back from the destination) may go there
EDGES: Mapping[tuple[str, str], bool] = {
    ("reserved", "delivering"): False,
    ("reserved", "cancelled"): False,
    ("delivering", "accepted"): False,
    ("delivering", "rejected"): False,
    ("delivering", "unknown"): False,
    ("delivering", "reserved"): True,
    ("unknown", "accepted"): True,
    ("unknown", "rejected"): True,
    ("cancelled", "reserved"): False,
    ("cancelled", "held"): False,
}
DETAIL_LENGTH = 200


@dataclass(frozen=True)
class Move:
    """A transition of some messages of one run, at the run's clock."""

    from_state: str
    to_state: str
    run_id: str
    at: datetime
    batch_id: str | None = None
    detail: str | None = None
    is_reconciled: bool = False
    is_audited: bool = True


def check_edge(step: Move) -> None:
    """Raise `StopRun` for a way that does not exist."""
    needs_reading_back = EDGES.get((step.from_state, step.to_state))
    if needs_reading_back is None or (needs_reading_back and not step.is_reconciled):
        what = f"A message may not go from {step.from_state} to {step.to_state}"
        raise StopRun(
            what,
            f"ledger, run {step.run_id}",
            "Nothing was changed. Report this as a fault in Parley.",
        )


def move(
    connection: Connection,
    keys: Select[Any],
    step: Move,
    values: Mapping[str, Any] | None = None,
    copied: tuple[str, ...] = (),
) -> int:
    """Move the messages that `keys` selects; return how many.

    `values` are set as given, `copied` are taken from columns of `keys`. Raises `StopRun` (and
    the caller's transaction rolls back) for a forbidden way, or if one is in another state.
    """
    check_edge(step)
    chosen = change(
        connection, keys, {"state": step.to_state, **(values or {})}, copied, step.from_state
    )
    if chosen and step.is_audited:
        audit(connection, step, chosen)
    return chosen


def change(
    connection: Connection,
    keys: Select[Any],
    values: Mapping[str, Any],
    copied: tuple[str, ...],
    state: str,
) -> int:
    """Update the selected messages, all of them in `state`, and number the changes."""
    base = take_sequence(connection)
    wanted = connection.scalar(select(func.count()).select_from(keys.subquery())) or 0
    if not wanted:
        return 0
    numbered = _numbered(keys)
    statement = (
        update(MessageRow)
        .where(MessageRow.message_key == numbered.c.message_key, MessageRow.state == state)
        .values(
            change_seq=base + numbered.c.change_no,
            **{name: numbered.c[name] for name in copied},
            **values,
        )
    )
    changed = connection.execute(statement).rowcount
    if changed != wanted:
        what = f"{wanted - changed} of {wanted} messages were not {state} as expected"
        raise StopRun(what, "ledger", "Nothing was changed. Run again; report it if it stays.")
    give_sequence(connection, base + changed)
    return changed


def _numbered(keys: Select[Any]) -> Subquery:
    inner = keys.subquery("chosen")
    number = func.row_number().over(order_by=inner.c.message_key)
    return select(inner, number.label("change_no")).subquery("numbered")


def take_sequence(connection: Connection) -> int:
    """Return the last change number; its row stays locked until the transaction ends."""
    query = select(CounterRow.value).where(CounterRow.name == "change_seq").with_for_update()
    return connection.execute(query).scalar_one()


def give_sequence(connection: Connection, value: int) -> None:
    """Store the last change number used."""
    statement = update(CounterRow).where(CounterRow.name == "change_seq").values(value=value)
    connection.execute(statement)


def audit(
    connection: Connection, step: Move, messages: int, message_key: str | None = None
) -> None:
    """Write one row of the audit."""
    row = audit_row(step, messages, message_key)
    connection.execute(insert(MessageAuditRow), [row])


def audit_row(step: Move, messages: int, message_key: str | None = None) -> dict[str, Any]:
    """Shape a transition as a row of `message_audit`."""
    return {
        "delivery_batch_id": step.batch_id,
        "message_key": message_key,
        "run_id": step.run_id,
        "from_state": step.from_state or None,
        "to_state": step.to_state,
        "at": step.at,
        "messages": messages,
        "detail": step.detail[:DETAIL_LENGTH] if step.detail else None,
    }
