"""Where a shop's rows are: tables with documented columns, or a preset's views of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, FromClause, inspect
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.types import TypeEngine

from connectors.core.database.keyset import KeysetTable
from connectors.core.database.presets.view import View

CHANGED = "updated_at"

_PRESET_REMEDY = (
    "Correct the url or the preset; a shop whose tables differ connects views, without a preset."
)

Found = dict[str, tuple[str, TypeEngine[Any]]]


@dataclass(frozen=True, slots=True)
class TableColumns:
    """The columns that a stream's table has to have, and those it may have.

    `happened` is the column that dates a row without `updated_at`. `needed`: the shop can't be
    used without the table. `is_whole`: what goes away leaves no row that could tell of it, so the
    table is always read as a whole. Money is in minor units; `country` is ISO-2, `currency` ISO-3.
    """

    key: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    happened: str | None = None
    booleans: tuple[str, ...] = ()
    needed: bool = False
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stream's rows are, and how they are read, or why they can't be.

    Without a `table` and a `problem` the shop just has none. `is_whole`: read as a whole and
    compared. `told` describes it in a few words.
    """

    table: KeysetTable | None = None
    is_whole: bool = False
    told: str = ""
    problem: str = ""
    remedy: str = ""


def own_table(engine: Engine, name: str, columns: TableColumns) -> Place:
    """The table or view of the stream's name, with the documented columns that it has."""
    found = _reflected(engine, name)
    if found is None:
        absent = f"there is no table or view '{name}'"
        if columns.needed:
            return Place(problem=absent, remedy=_remedy(name, columns))
        return Place(told=absent, remedy=_remedy(name, columns))
    missing = [c for c in columns.required if c not in found and c != CHANGED]
    if missing:
        problem = f"table '{name}' has no column {', '.join(missing)}"
        return Place(problem=problem, remedy=_remedy(name, columns))
    chosen = {c: found[c] for c in (*columns.required, *columns.optional) if c in found}
    table = _table(engine, name, columns, chosen)
    is_whole = columns.is_whole or CHANGED not in found
    if not is_whole and not table.is_orderable:
        problem = f"column {CHANGED} of table '{name}' is not a timestamp"
        return Place(problem=problem, remedy=_remedy(name, columns))
    return Place(table, is_whole, f"table '{name}' can be read{_how(columns, chosen, is_whole)}")


def preset_view(
    engine: Engine, name: str, columns: TableColumns, preset: str, view: View | None
) -> Place:
    """A preset's view of the shop's own tables."""
    if view is None:
        return Place(told=f"a shop on {preset} keeps no {name}")
    for table, wanted in sorted(view.tables.items()):
        has = {column for column, _ in (_reflected(engine, table) or {}).values()}
        missing = ", ".join(sorted(wanted - has))
        if missing:
            what = f"its table '{table}' has no column {missing}" if has else f"no table '{table}'"
            problem = f"stream '{name}' of preset {preset}: {what}"
            return Place(problem=problem, remedy=_PRESET_REMEDY)
    query = view.query.subquery(name)
    found: Found = {column.name: (column.name, column.type) for column in query.c}
    how = _how(columns, found, view.is_whole)
    told = f"stream '{name}' can be read by preset {preset}{how}"
    return Place(_table(engine, name, columns, found, query), view.is_whole, told)


def _reflected(engine: Engine, name: str) -> Found | None:
    """The columns of a table or view by lower-case name; None if there is no such table."""
    try:
        reflected = inspect(engine).get_columns(name)
    except NoSuchTableError:
        return None
    # Some dialects answer an empty list for a table that isn't there.
    return {c["name"].lower(): (c["name"], c["type"]) for c in reflected} or None


def _table(
    engine: Engine, name: str, columns: TableColumns, found: Found, view: FromClause | None = None
) -> KeysetTable:
    return KeysetTable(
        name=name,
        key=columns.key,
        changed=CHANGED,
        found=found,
        is_sqlite=engine.dialect.name == "sqlite",
        happened=columns.happened,
        booleans=columns.booleans,
        view=view,
    )


def _how(columns: TableColumns, found: Found, is_whole: bool) -> str:  # noqa: FBT001 - a fact
    absent = [column for column in columns.optional if column not in found]
    without = f", without {', '.join(absent)}" if absent else ""
    return without + (", as a whole and compared each time" if is_whole else "")


def _remedy(name: str, columns: TableColumns) -> str:
    return (
        f"Create a view named {name} with the columns {', '.join(columns.required)}"
        f" and, where the shop has them, {', '.join(columns.optional)}."
    )
