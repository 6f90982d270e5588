"""The warehouse: the one place that picks the engine, `PARLEY_WAREHOUSE`.

A writer holds `writer_slot`; everybody else reads a run's snapshot or the BI copy. Those are
Parquet, and the same on either engine: `scratch` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from connectors.core.warehouse import on_duckdb, on_spark
from connectors.core.warehouse.embedded import Connection, EngineError, scratch
from connectors.core.warehouse.slot import writer_slot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from connectors.core.settings import Settings

__all__ = [
    "Connection",
    "EngineError",
    "Revision",
    "Warehouse",
    "applied_batches",
    "branch",
    "dbt_environment",
    "drop",
    "exists",
    "label",
    "opened",
    "release",
    "restore",
    "scratch",
    "writer_slot",
]


@dataclass(frozen=True)
class Revision:
    """Another value in a column of a seed, in the rows that have these keys; None is null."""

    seed: str
    column: str
    value: str | None
    keys: Mapping[str, str]


class Warehouse(Protocol):
    """The warehouse's finished tables, to be read by whoever holds the writer's slot."""

    def tables(self, layer: str) -> list[str]:
        """The names of a layer's tables and views, sorted; none if there is no such schema."""
        ...

    def write(self, layer: str, table: str) -> Path:
        """Write a table as `<table>.parquet`, ordered by all its columns.

        Equal tables give equal bytes, and columns have the same types on either engine.

        Raises:
            FixConfig: the engine writes where this machine does not see it.
            RetryLater: the engine went away.
            StopRun: the table could not be written.
        """
        ...


class Engine(Protocol):
    """What a module must offer to be an engine; each function is told of below."""

    def opened(self, settings: Settings, folder: Path) -> AbstractContextManager[Warehouse]: ...
    def exists(self, settings: Settings) -> bool: ...
    def drop(self, settings: Settings) -> None: ...
    def restore(self, settings: Settings, layer: str, file: Path) -> None: ...
    def branch(self, settings: Settings, apart: Settings, changed: Sequence[Revision]) -> None: ...
    def dbt_environment(self, settings: Settings) -> dict[str, str]: ...
    def release(self) -> None: ...
    def applied_batches(self, settings: Settings) -> set[str]: ...


def _engine(settings: Settings) -> Engine:
    return on_spark if settings.warehouse == "spark" else on_duckdb


def opened(settings: Settings, folder: Path) -> AbstractContextManager[Warehouse]:
    """Open the warehouse to write tables of it to `folder`.

    Raises:
        FixConfig: there is none yet, or its engine is not installed or refuses the user.
        RetryLater: it is being written, or its server does not answer.
        StopRun: it cannot be opened at all.
    """
    return _engine(settings).opened(settings, folder)


def exists(settings: Settings) -> bool:
    """Whether there is a warehouse at all; there is none before the first run.

    Raises:
        FixConfig: its engine is not installed or refuses the user.
        RetryLater: its server does not answer.
    """
    return _engine(settings).exists(settings)


def drop(settings: Settings) -> None:
    """Remove all tables, with what deleted rows left in their files; raises as `exists` does.

    A replay's warehouse is dropped, and the one that an erasure builds anew.
    """
    _engine(settings).drop(settings)


def restore(settings: Settings, layer: str, file: Path) -> None:
    """Make a table of a Parquet file, named after it, where there is none; raises as `exists`."""
    _engine(settings).restore(settings, layer, file)


def branch(settings: Settings, apart: Settings, changed: Sequence[Revision]) -> None:
    """Copy the warehouse to where `apart` has its own, and change seeds in the copy alone.

    The caller holds the writer's slot, and removes the copy.

    Raises:
        FixConfig: the engine can't be copied so, or a value is none for its column.
        RetryLater: another process is writing the warehouse.
    """
    _engine(settings).branch(settings, apart, changed)


def label(settings: Settings) -> str:
    """Which warehouse it is, for the run's record: engine, prefix of schemas, fuzzy identity."""
    fuzzy = "fuzzy_identity" if settings.fuzzy_identity else ""
    return " ".join(filter(None, (settings.warehouse, settings.schema_prefix, fuzzy)))


def dbt_environment(settings: Settings) -> dict[str, str]:
    """The variables by which `profiles.yml` and the names of schemas follow these settings."""
    return {
        "PARLEY_WAREHOUSE": settings.warehouse,
        "PARLEY_THREADS": str(settings.threads),
        "PARLEY_DBT_SCHEMA_PREFIX": settings.schema_prefix,
        **_engine(settings).dbt_environment(settings),
    }


def applied_batches(settings: Settings) -> set[str]:
    """The ids of the batches that all tables have taken in; raises as `exists` does."""
    return _engine(settings).applied_batches(settings)


def release(settings: Settings) -> None:
    """Close what dbt left open in this process, so that others can open the warehouse."""
    _engine(settings).release()
