"""Put a backup in the ledger's place, and own up to what cannot be known since it was taken.

All or nothing, into either database. Nobody who must not be contacted is forgotten: suppressions
and erasures that only the replaced ledger knew are kept. What may have been sent after the backup
was taken becomes `unknown` (`possibly_sent`); where nobody can say what that is, what occurred
before the restore is refused as `before_restore`.
"""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    MetaData,
    Table,
    and_,
    exists,
    insert,
    select,
    text,
)

from connectors.core.errors import FixConfig
from connectors.ledger.db import open_ledger, write
from connectors.ledger.emission.scratch import drop, fresh
from connectors.ledger.emission.transitions import give_sequence, take_sequence
from connectors.ledger.keeping.backup import Label, read_label
from connectors.ledger.keeping.possibly_sent import Plan, own_up
from connectors.ledger.keeping.restores import note
from connectors.ledger.keeping.tables import METADATA, pages, replace_all

# Who has rows here that the backup lacks knows more than the backup, as does a later number of
# changes. Other tables can be had again from the sources, or follow from these.
TELLING = ("runs", "batches", "suppressions")
KEPT = (METADATA.tables["suppressions"], METADATA.tables["erasures"])


@dataclass(frozen=True)
class Restored:
    """What was restored: the backup's label, and how many messages may have been sent since."""

    label: Label
    possibly_sent: int
    kept: int  # suppressions and erasures of which the backup did not know


@contextmanager
def opened_backup(file: Path) -> Iterator[Engine]:
    """A ledger to read with the backup's content, migrated; the file itself stays as it is.

    Raises `FixConfig` for a file that is no sound backup.
    """
    read_label(file)
    with tempfile.TemporaryDirectory(prefix="parley-restore-") as folder:
        copy = Path(folder) / "ledger.db"
        shutil.copyfile(file, copy)
        engine = open_ledger(f"sqlite:///{copy}")
        try:
            yield engine
        finally:
            engine.dispose()


def restore(
    engine: Engine, file: Path, plans: Iterable[Plan] | None, at: datetime, *, force: bool = False
) -> Restored:
    """Replace the ledger by a backup; the caller has made sure that nobody works on it.

    `plans` are those that may have sent something since the backup; None where nobody knows them:
    then whatever occurred before `at`, the clock of what is noted, is not answered any more.
    Raises `FixConfig` for a file that is no sound backup and, without `force`, where the ledger
    knows more than the backup: nothing is changed then.
    """
    label = read_label(file)
    with opened_backup(file) as copy, copy.connect() as source, write(engine) as target:
        _keep_others_out(target)
        if not force and (more := _knows_more(target, source)):
            what = f"The ledger knows more than this backup: {', '.join(more)}"
            remedy = "Back it up first; then --force replaces it all the same."
            raise FixConfig(what, str(file), remedy)
        kept = {table: _only_in(target, source, table) for table in KEPT}
        replace_all(source, target)
        for table, rows in kept.items():
            _put_back(target, table, rows)
        found = own_up(target, plans or (), at)
        note(target, at, label.taken_at, label.revision, at if plans is None else None)
    return Restored(label, found, sum(map(len, kept.values())))


def _keep_others_out(target: Connection) -> None:
    """SQLite's transaction holds the one lock there is; on PostgreSQL each table has its own."""
    if target.dialect.name == "postgresql":
        names = ", ".join(table.name for table in METADATA.sorted_tables)
        target.execute(text(f"lock table {names} in access exclusive mode"))


def _knows_more(target: Connection, source: Connection) -> list[str]:
    """Name what the ledger has and the backup lacks."""
    more = [name for name in TELLING if _only_in(target, source, METADATA.tables[name], at_most=1)]
    is_later = take_sequence(target) > take_sequence(source)
    return [*more, "changes of messages"] if is_later else more


def _only_in(
    target: Connection, source: Connection, table: Table, at_most: int | None = None
) -> list[Mapping[str, Any]]:
    """Return the rows of a table of the ledger whose keys the backup does not have."""
    columns = [Column(each.name, each.type) for each in table.primary_key]
    keys = Table("keys_of_the_ledger", MetaData(), *columns, prefixes=["temporary"])
    same = [table.c[each.name] == keys.c[each.name] for each in columns]
    lacking = select(keys).where(~exists().where(and_(*same)))
    found: list[Mapping[str, Any]] = []
    for page in pages(target, table):
        by_key = {tuple(row[each.name] for each in columns): row for row in page}
        fresh(source, keys)
        names = [each.name for each in columns]
        source.execute(insert(keys), [dict(zip(names, key, strict=True)) for key in by_key])
        found += [by_key[tuple(key)] for key in source.execute(lacking)]
        drop(source, keys)
        if at_most is not None and len(found) >= at_most:
            break
    return found


def _put_back(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add rows of the replaced ledger; those that are numbered get new numbers."""
    last = take_sequence(connection)
    for row in rows:
        numbered = {}
        if "change_seq" in table.c:
            last += 1
            numbered = {"change_seq": last}
        connection.execute(insert(table), [{**row, **numbered}])
    give_sequence(connection, last)
