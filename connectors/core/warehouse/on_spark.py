"""The warehouse on Apache Spark.

There is no transaction over several tables. A snapshot is whole all the same: nobody but a run
writes these schemas, it holds the writer's slot until its snapshot is staged, and it stages when
its last model is done.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pyarrow.parquet as pq

from connectors.core.errors import FixConfig
from connectors.core.warehouse.embedded import (
    EngineError,
    scratch,
    unwritable,
    write_ordered,
)
from connectors.core.warehouse.spark_session import Session, session

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from connectors.core.settings import Settings
    from connectors.core.warehouse import Revision

LAYERS: Final = (
    "staging", "intermediate", "marts", "programmes", "decisions", "calibration", "seeds"
)  # fmt: skip
WRITE: Final = "insert overwrite directory {place} using parquet select * from {name}"
APPLIED: Final = "select batch_id from {name}"
RESTORE: Final = "create table {name} using parquet as select * from parquet.`{place}`"
COUNT: Final = "select count(*) from {name}"


class SparkWarehouse:
    """The warehouse's tables, read in one session."""

    def __init__(self, opened: Session, settings: Settings, folder: Path) -> None:
        """Write tables to `folder`, which the cluster must see under the same path."""
        self._session = opened
        self._settings = settings
        self._folder = folder

    def tables(self, layer: str) -> list[str]:
        """The names of a layer's tables and views, sorted; none if there is no such schema."""
        return _tables(self._session, self._settings.schema_of(layer))

    def write(self, layer: str, table: str) -> Path:
        """Write a table as one Parquet file; the cluster first writes its parts beside it."""
        name = f"{self._settings.schema_of(layer)}.{table}"
        parts = self._folder / f".{table}.parts"
        target = self._folder / f"{table}.parquet"
        try:
            place = _literal(f"file://{parts}")
            self._session.rows(WRITE.format(place=place, name=name), name)
            ((rows,),) = self._session.rows(COUNT.format(name=name), name)
            _gather(sorted(parts.glob("*.parquet")), target, rows, name)
        finally:
            shutil.rmtree(parts, ignore_errors=True)
        return target


@contextmanager
def opened(settings: Settings, folder: Path) -> Iterator[SparkWarehouse]:
    """The warehouse, in a session that ends with the block; see `warehouse.opened`."""
    with session(settings) as one:
        yield SparkWarehouse(one, settings, folder)


def exists(settings: Settings) -> bool:
    """Whether there are marts."""
    with session(settings) as one:
        return bool(_tables(one, settings.schema_of("marts")))


def drop(settings: Settings) -> None:
    """Drop the schemas of all layers, with everything in them."""
    with session(settings) as one:
        for schema in map(settings.schema_of, LAYERS):
            one.rows(f"drop schema if exists {schema} cascade", schema)


def restore(settings: Settings, layer: str, file: Path) -> None:
    """Make a table of a Parquet file, which the cluster must see under the same path."""
    schema = settings.schema_of(layer)
    name = f"{schema}.{file.stem}"
    with session(settings) as one:
        one.rows(f"create schema if not exists {schema}", schema)
        one.rows(RESTORE.format(name=name, place=f"file://{file}"), name)


def branch(settings: Settings, apart: Settings, changed: Sequence[Revision]) -> None:
    """Refuse: a copy of all tables is no small thing on a cluster."""
    del apart, changed
    what = "a what-if is built in a copy of the warehouse's file, and this one is a cluster's"
    remedy = "Change the seed and run `parley run daily --shadow`: it plans, and sends nothing."
    raise FixConfig(what, f"PARLEY_WAREHOUSE={settings.warehouse}", remedy)


def dbt_environment(settings: Settings) -> dict[str, str]:
    """What the profile's output asks for; dbt keeps a DBT_ENV_SECRET out of its logs."""
    password = settings.spark_password
    return {
        "PARLEY_SPARK_HOST": settings.spark_host,
        "PARLEY_SPARK_PORT": str(settings.spark_port),
        "PARLEY_SPARK_USER": settings.spark_user,
        "PARLEY_SPARK_AUTH": "LDAP" if password else "NONE",
        "DBT_ENV_SECRET_SPARK_PASSWORD": password.get_secret_value() if password else "",
    }


def _tables(one: Session, schema: str) -> list[str]:
    if not one.rows(f"show schemas like '{schema}'", schema):
        return []
    return sorted(str(row[1]) for row in one.rows(f"show tables in {schema}", schema))


def _gather(parts: Sequence[Path], target: Path, rows: int, name: str) -> None:
    """Make one ordered file of a table's parts, which must hold so many rows."""
    found = sum(pq.read_metadata(part).num_rows for part in parts)
    if not parts or found != rows:
        what = f"the cluster wrote {rows} rows and this machine sees {found}"
        remedy = "Put PARLEY_HOME where the cluster and this machine mount it under one path."
        raise FixConfig(what, f"{name} in {target.parent}", remedy)
    try:
        with scratch([target.parent]) as connection:
            files = [str(part) for part in parts]
            relation = connection.read_parquet(files)
            columns = zip(relation.columns, relation.types, strict=True)
            plain = ", ".join(_plain(column, str(kind)) for column, kind in columns)
            write_ordered(relation.project(plain), target)
    except EngineError as error:
        raise unwritable(type(error).__name__, name) from None


def _plain(column: str, kind: str) -> str:
    """A column as the models mean it: a moment is in UTC and has no zone; Spark's always has."""
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f'"{column}" at time zone \'UTC\' as "{column}"'
    return f'"{column}"'


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def applied_batches(settings: Settings) -> set[str]:
    """What the model `applied_batches` holds; nothing before there is one."""
    schema = settings.schema_of("intermediate")
    with session(settings) as one:
        if "applied_batches" not in _tables(one, schema):
            return set()
        name = f"{schema}.applied_batches"
        return {str(row[0]) for row in one.rows(APPLIED.format(name=name), name)}


def release() -> None:
    """Nothing is kept open."""
