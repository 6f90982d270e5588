"""Who must not be contacted, as the reserve step sees it: at once, before the next plan knows."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Connection, Engine, insert, select

from connectors.ledger.db import write
from connectors.ledger.emission.transitions import take_sequence
from connectors.ledger.models import SuppressionRow

CHUNK_ROWS = 2_000
_TABLE = SuppressionRow.__table__


class Suppression(NamedTuple):
    """A row of the table: the address by its node, why, who says so, and since when (aware).

    `since` of an unsubscription is when Parley learned of it.
    """

    address_hash: str
    reason: str
    source: str
    since: datetime


def suppress(engine: Engine, suppressions: Iterable[Suppression]) -> int:
    """Add those that are not in the ledger yet; how many were added."""
    remaining, added = iter(suppressions), 0
    while chunk := frozenset(islice(remaining, CHUNK_ROWS)):
        with write(engine) as connection:
            added += enter(connection, chunk)
    return added


def enter(connection: Connection, some: Collection[Suppression]) -> int:
    """Add those that are not there yet, in the transaction of the caller; how many were added."""
    # Whatever batch leaves next knows of it: claims are made under the same lock.
    take_sequence(connection)
    new = sorted({*some}.difference(_known(connection, {each.address_hash for each in some})))
    if new:
        connection.execute(insert(SuppressionRow), [each._asdict() for each in new])
    return len(new)


def _known(connection: Connection, hashes: Iterable[str]) -> Iterator[Suppression]:
    columns = [_TABLE.c[name] for name in Suppression._fields]
    query = select(*columns).where(_TABLE.c.address_hash.in_(sorted(hashes)))
    return (Suppression(*row) for row in connection.execute(query))
