"""What a preset is made of: views, and the expressions that databases spell differently."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Select,
    TableClause,
    case,
    cast,
    column,
    false,
    func,
    literal_column,
    table,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import TypeEngine

# ISO 4217, as in dbt_project/macros/money.sql: currencies whose minor unit is not a hundredth.
WHOLE = (
    *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV"),
    *("XAF", "XOF", "XPF"),
)
THOUSANDTHS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")


@dataclass(frozen=True, slots=True)
class View:
    """A stream as a query: its columns are named as documented, its key is unique.

    `is_whole`: the vendor's tables do not tell what changed or went away, so it is read as a whole
    and compared.
    """

    query: Select[Any]
    is_whole: bool = False

    @property
    def tables(self) -> dict[str, set[str]]:
        """The tables that it reads, with the columns that are known of them."""
        parts = [part for part in visitors.iterate(self.query) if isinstance(part, TableClause)]
        return {part.name: set(part.c.keys()) for part in parts}


@dataclass(frozen=True, slots=True)
class Preset:
    """A shop's software: its views by stream, given the source's options."""

    name: str
    views: Callable[[Mapping[str, str]], Mapping[str, View]]
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tables:
    """Makes the vendor's tables; columns called as one of `times` are of the type `moment`."""

    moment: TypeEngine[Any]
    times: tuple[str, ...]
    flags: tuple[str, ...]

    def __call__(self, name: str, columns: str) -> TableClause:
        """A table with those of its columns that are used, separated by spaces."""
        types = {**dict.fromkeys(self.times, self.moment), **dict.fromkeys(self.flags, Boolean())}
        return table(name, *(column(each, types.get(each)) for each in columns.split()))


class greatest(FunctionElement[Any]):  # noqa: N801 - stands where a function would
    """The latest of some moments, the first of which is never null; nulls do not count."""

    inherit_cache = True

    def __init__(self, first: ColumnElement[Any], *others: ColumnElement[Any]) -> None:
        """The moments; the first one's type is that of all."""
        super().__init__(first, *(func.coalesce(other, first) for other in others))
        self.type = first.type


@compiles(greatest)
def _greatest(element: greatest, compiler: SQLCompiler, **how: object) -> str:
    return f"greatest({compiler.process(element.clauses, **how)})"


@compiles(greatest, "sqlite")
def _greatest_on_sqlite(element: greatest, compiler: SQLCompiler, **how: object) -> str:
    return f"max({compiler.process(element.clauses, **how)})"


def minor(
    amount: ColumnElement[Any], currency: ColumnElement[Any], decimals: int = 0
) -> ColumnElement[int]:
    """An amount with so many decimals left out -> the minor units of its currency.

    19.99 GBP with 0 and 1999 GBP with 2 are both 1999. SQLite keeps decimals as binary fractions,
    and rounding them is exact as long as the amount has fewer than 15 digits.
    """
    factor = case(
        (currency.in_(WHOLE), _power_of_ten(-decimals)),
        (currency.in_(THOUSANDTHS), _power_of_ten(3 - decimals)),
        else_=_power_of_ten(2 - decimals),
    )
    return cast(func.round(amount * factor), BigInteger)


def _power_of_ten(exponent: int) -> ColumnElement[Any]:
    return literal_column(f"{Decimal(1).scaleb(exponent):.6f}")


def is_so(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """A condition as true or false, where it would be null too."""
    return case((condition, true()), else_=false())


def filled(text: ColumnElement[str]) -> ColumnElement[Any]:
    """A text, null where it is empty."""
    return func.nullif(text, "")
