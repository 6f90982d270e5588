"""The vocabulary of the suites: a rule is a Great Expectations expectation, and words for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


@dataclass(frozen=True)
class Rule:
    """One expectation about one table.

    `kind` names the class in `great_expectations.expectations`, `args` are its arguments,
    `columns` the columns that it reads, and `fault` says what is wrong when it fails: `{n}`
    stands for the count of offending rows, or of rows found.
    """

    kind: str
    args: Mapping[str, object]
    columns: tuple[str, ...]
    fault: str


@dataclass(frozen=True)
class Check:
    """One table to look at, and its rules.

    `name` is what the table is called in messages and in Data Docs. It is filled from the Parquet
    `files` by `query`, which names them {0}, {1}, ... and selects no more than the rules need. No
    query means the rules' columns of the only file, or `every_column`; of those in `presence` the
    table only keeps whether they have a value.
    """

    name: str
    rules: tuple[Rule, ...]
    files: tuple[str, ...]
    query: str | None = None
    every_column: bool = False
    presence: frozenset[str] = frozenset()


def not_null(column: str) -> Rule:
    """The column has a value in every row."""
    kind = "ExpectColumnValuesToNotBeNull"
    return Rule(kind, {"column": column}, (column,), "{n} values are missing")


def unique(*columns: str) -> Rule:
    """No two rows have the same value, or the same combination of values."""
    if len(columns) == 1:
        kind = "ExpectColumnValuesToBeUnique"
        return Rule(kind, {"column": columns[0]}, columns, "{n} values are not unique")
    kind = "ExpectCompoundColumnsToBeUnique"
    return Rule(kind, {"column_list": list(columns)}, columns, "{n} rows are not unique")


def mostly_present(column: str, share: float) -> Rule:
    """At least this share of the rows has a value in the column."""
    kind, args = "ExpectColumnValuesToNotBeNull", {"column": column, "mostly": share}
    return Rule(kind, args, (column,), f"{{n}} values are missing, {share:.0%} have to be there")


def varied(column: str, share: float) -> Rule:
    """There are at least this many different values for each row."""
    kind, args = "ExpectColumnProportionOfUniqueValuesToBeBetween", {"min_value": share}
    fault = f"the values are too much alike: not even {share:.0%} differ"
    return Rule(kind, {"column": column, **args}, (column,), fault)


def key(*columns: str) -> tuple[Rule, ...]:
    """The columns are the table's key: never null, and unique together."""
    return (*(not_null(column) for column in columns), unique(*columns))


def one_of(column: str, allowed: Collection[str]) -> Rule:
    """Every value that is there is one of these."""
    values = sorted(allowed)
    fault = "{n} values are none of " + ", ".join(values)
    args = {"column": column, "value_set": values}
    return Rule("ExpectColumnValuesToBeInSet", args, (column,), fault)


def between(column: str, low: float, high: float) -> Rule:
    """Every value that is there lies in the range, ends included."""
    fault = f"{{n}} values are not between {low:g} and {high:g}"
    args = {"column": column, "min_value": low, "max_value": high}
    return Rule("ExpectColumnValuesToBeBetween", args, (column,), fault)


def columns_are(names: Collection[str]) -> Rule:
    """The table has exactly these columns, in any order."""
    fault = "the columns are not exactly " + ", ".join(sorted(names))
    args = {"column_set": sorted(names), "exact_match": True}
    return Rule("ExpectTableColumnsToMatchSet", args, (), fault)


def row_count(rows: int) -> Rule:
    """The table has exactly so many rows."""
    fault = f"{{n}} rows, but the manifest says {rows}"
    return Rule("ExpectTableRowCountToEqual", {"value": rows}, (), fault)


def no_rows(fault: str) -> Rule:
    """The query finds nothing; `fault` says what it means if it does."""
    return Rule("ExpectTableRowCountToEqual", {"value": 0}, (), fault)
