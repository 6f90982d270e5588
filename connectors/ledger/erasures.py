"""Erasure in the ledger: first who must never be contacted again, then everything of theirs goes.

What stays is hashes: those of addresses are keyed, on the list of suppressions and in `erasures`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, delete, insert, or_, select, text, update

from connectors.core.errors import RetryLater
from connectors.ledger import facts
from connectors.ledger.db import write
from connectors.ledger.emission.transitions import Move, give_sequence, move, take_sequence
from connectors.ledger.models import (
    ErasureRow,
    IdentityCutRow,
    KnownRowRow,
    MessageAuditRow,
    MessageRow,
    RunRow,
    SuppressionRow,
)
from connectors.ledger.suppressions import Suppression, suppress

REASON = "erased"
SOURCE = "erasure"
ADDRESSES = ("email", "phone")
# SQLite takes 32,766 parameters in a statement.
MOST = 2_000
# What a file of SQLite keeps of deleted rows until it is told not to.
_SCRUB = ("pragma secure_delete = on", "vacuum", "pragma wal_checkpoint(truncate)")


@dataclass(frozen=True)
class ErasedNode:
    """An identifier of somebody who is erased; `is_shared`: others' records name it too."""

    node_id: str
    node_type: str
    is_shared: bool = False


def refuse(engine: Engine, request_id: str, nodes: Iterable[ErasedNode], at: datetime) -> int:
    """Put the nodes on both lists and cancel what waits to go to them; how many were cancelled.

    Done again it changes nothing. `at` is the request's clock.
    """
    listed = list(nodes)
    addresses = [node.node_id for node in listed if node.node_type in ADDRESSES]
    on_list = suppressions_of(engine, addresses)
    known = {each.address_hash for each in on_list if each.reason == REASON}
    new = (Suppression(each, REASON, SOURCE, at) for each in addresses if each not in known)
    suppress(engine, new)
    with write(engine) as connection:
        _note(connection, request_id, listed, at)
        return sum(_cancel(connection, request_id, part, at) for part in _parts(addresses))


def _note(connection: Connection, request_id: str, nodes: list[ErasedNode], at: datetime) -> None:
    noted = select(ErasureRow.node_id).where(ErasureRow.request_id == request_id)
    there = set(connection.scalars(noted))
    first = take_sequence(connection) + 1
    rows = [
        {"request_id": request_id, "erased_at": at, "change_seq": number, **vars(node)}
        for number, node in enumerate((n for n in nodes if n.node_id not in there), first)
    ]
    if rows:
        connection.execute(insert(ErasureRow), rows)
        give_sequence(connection, first + len(rows) - 1)


def _cancel(connection: Connection, request_id: str, hashes: list[str], at: datetime) -> int:
    waiting = MessageRow.address_hash.in_(hashes), MessageRow.state == "reserved"
    keys = select(MessageRow.message_key).where(*waiting)
    step = Move("reserved", "cancelled", request_id, at, detail=REASON)
    return move(connection, keys, step, {"refusal": REASON})


def messages_of(
    engine: Engine, nodes: Collection[str], people: Collection[str]
) -> list[dict[str, Any]]:
    """Return the messages to any of these addresses or people, by plan and key."""
    found: dict[str, dict[str, Any]] = {}
    with engine.connect() as connection:
        for column, values in ((MessageRow.address_hash, nodes), (MessageRow.person_id, people)):
            for part in _parts(values):
                query = select(*MessageRow.__table__.c).where(column.in_(part))
                for row in connection.execute(query).mappings():
                    found[row["message_key"]] = dict(row)
    return sorted(found.values(), key=lambda row: (row["planned_as_of"], row["message_key"]))


def suppressions_of(engine: Engine, nodes: Collection[str]) -> list[Suppression]:
    """Return what stands on the list of these addresses."""
    table = SuppressionRow.__table__
    columns = [table.c[name] for name in Suppression._fields]
    found = []
    with engine.connect() as connection:
        for part in _parts(nodes):
            query = select(*columns).where(table.c.address_hash.in_(part))
            found += [Suppression(*row) for row in connection.execute(query)]
    return sorted(found)


def forget(
    engine: Engine,
    message_keys: Collection[str],
    nodes: Collection[str],
    known: Mapping[str, Collection[str]],
) -> None:
    """Delete messages with their audit, what is told of these nodes, what is known of records.

    `known` has the keys of records by vendor/source_id/stream.
    """
    with write(engine) as connection:
        for part in _parts(message_keys):
            for column in (MessageAuditRow.message_key, MessageRow.message_key):
                connection.execute(delete(column.class_).where(column.in_(part)))
        for part in _parts(nodes):
            cut = or_(IdentityCutRow.node_id.in_(part), IdentityCutRow.other_id.in_(part))
            connection.execute(delete(IdentityCutRow).where(cut))
            facts.forget(connection, part)
        for stream, keys in known.items():
            for part in _parts(keys):
                _forget_known(connection, stream, KnownRowRow.record_key.in_(part))


def _forget_known(connection: Connection, stream: str, named: ColumnElement[bool]) -> None:
    within = KnownRowRow.scope.startswith(f"{stream}/", autoescape=True)
    connection.execute(delete(KnownRowRow).where(within, named))


def note_audience(engine: Engine, run_id: str, audience_sha256: str) -> None:
    """Note the hash of a completed run's plan without those who were erased."""
    with write(engine) as connection:
        told = RunRow.run_id == run_id, RunRow.audience_sha256.is_not(None)
        connection.execute(update(RunRow).where(*told).values(audience_sha256=audience_sha256))


def erased_since(engine: Engine, as_of: datetime) -> int:
    """Return how many requests were carried out at or after a moment."""
    query = select(ErasureRow.request_id).where(ErasureRow.erased_at >= as_of).distinct()
    with engine.connect() as connection:
        return len(connection.scalars(query).all())


def scrub(engine: Engine) -> None:
    """Overwrite what deleted rows left in the database's files, as far as the database can."""
    if engine.dialect.name == "sqlite":
        connection = engine.raw_connection()
        try:
            cursor = connection.cursor()
            told = [cursor.execute(statement).fetchall() for statement in _SCRUB]
        finally:
            connection.close()
        if told[-1][0][0]:
            what = "the ledger's log cannot be emptied: somebody is reading it"
            raise RetryLater(what, "ledger", "Wait for them to end, then run again.")
        return
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as plain:
        for model in (MessageRow, MessageAuditRow, KnownRowRow, IdentityCutRow, facts.FactRow):
            plain.execute(text(f"vacuum full {model.__tablename__}"))


def _parts(values: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(sorted(set(values)))
    while part := list(islice(remaining, MOST)):
        yield part
