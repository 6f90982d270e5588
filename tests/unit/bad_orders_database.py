"""A shop's own database for the corpus of bad orders: each text told is a row of a SQLite file.

Its columns have no type, so that a row holds any value as it was told.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from connectors.sources.database import TABLES
from tests.unit.bad_orders_kit import (
    AS_OF,
    GOOD_MINOR,
    WHEN,
    Of,
    Record,
    Store,
    Variant,
    Verdict,
    mark,
)

# A column of the shop's own, which is left where it is.
OWN = "more"
INTEGER_DIGITS = 18


class Database(Store):
    """A shop's database: a thing is one row, as it is now; lines are rows of their own.

    An order has no name and no note: they stand in the name of its shop. Amounts are minor units.
    """

    vendor, key = "database", "order_id"
    total, note = "amount_minor", "store"
    lacks: ClassVar[frozenset[str]] = frozenset({
        # A row has each column once, and no lists or objects in it; nor is it one itself.
        "nesting 200 deep",
        "duplicate keys",
        "a string where an object should be",
        "an array where a record should be",
        "a string where a record should be",
    })  # fmt: skip
    # Ids are text here: as many digits as they have are kept.
    verdicts: ClassVar[Mapping[str, Verdict]] = {"an id beyond 64 bits": "read"}

    def __init__(self) -> None:
        self._folder = TemporaryDirectory()
        self._path = Path(self._folder.name, "shop.db")
        self._shop = sqlite3.connect(self._path)
        self._shop.execute("pragma synchronous = off")
        for name in ("customers", "orders", "order_lines"):
            key, *others = *TABLES[name].required, *TABLES[name].optional
            columns = ", ".join([f"{key} primary key", *others, OWN])
            self._shop.execute(f"create table {name} ({columns})")
        self._ids: dict[str, int] = {}

    def settings(self) -> Mapping[str, str]:
        return {"vendor": self.vendor, "url": f"sqlite:///{self._path}"}

    def order(self, number: int, **said: Any) -> Record:
        id_ = said.get("id", str(number))
        self._ids[str(id_)] = number
        lines = [_line(f"{id_}-1", id_)]
        if "loose_line" in said:
            lines += [_line(f"{id_}-2", None), _line(f"{id_}-3", f"no {id_}")]
        made = {
            "order_id": id_,
            "customer_id": f"of {number}",
            "email": f"ada{number}@example.com",
            "phone": f"+44207946{number:04}",
            "channel": "web",
            "store": said.get("name", "London") + mark(number) + said.get("note", ""),
            "status": "paid",
            "currency": said.get("currency", "GBP"),
            "amount_minor": _minor(said["total"]) if "total" in said else GOOD_MINOR,
            "ordered_at": f"{AS_OF - timedelta(days=1):%Y-%m-%d %H:%M:%S}",
            "updated_at": WHEN,
            "lines": lines,
        }
        if "refund" in said:
            made |= {"status": "pending", "refund_minor": _minor(said["refund"])}
        return made | {word: said[word] for word in ("email", "phone") if word in said}

    def account(self, number: int, **said: Any) -> Record:
        made = {
            "customer_id": number,
            "email": f"ada{number}@example.com",
            "phone": f"+44207946{number:04}",
            "first_name": said.get("name", "Ada"),
            "last_name": mark(number) + said.get("note", ""),
            "created_at": f"{AS_OF - timedelta(days=1):%Y-%m-%d %H:%M:%S}",
            "updated_at": WHEN,
        }
        return made | {word: said[word] for word in ("email", "phone") if word in said}

    def put(self, of: Of, place: int, text: str, at: datetime) -> None:
        del place, at  # the row has its key, and its own time of change
        row = json.loads(text, parse_int=_integer, parse_constant=str)
        # A line stays as it is when its order changes.
        for line in row.pop("lines", []):
            self._write("insert or ignore", "order_lines", line)
        self._write("insert or replace", of, row)
        self._shop.commit()

    def landing(self, variant: Variant) -> int:
        """One: of two bodies there is only the newest."""
        del variant
        return 1

    def amount(self, record: Record) -> str:
        return str(Decimal(record["amount_minor"]) / 100)

    def number(self, of: Of, id_: str) -> int:
        return self._ids[id_] if of == "orders" else int(id_)

    def close(self) -> None:
        self._shop.close()
        self._folder.cleanup()

    def _write(self, insert: str, table: str, row: Record) -> None:
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        statement = f"{insert} into {table} ({names}) values ({marks})"
        self._shop.execute(statement, list(row.values()))


def _line(line_id: str, order_id: object) -> Record:
    return {
        "line_id": line_id, "order_id": order_id, "product_id": "tea", "quantity": 1,
        "price_minor": GOOD_MINOR, "amount_minor": GOOD_MINOR, "currency": "GBP",
        "updated_at": WHEN,
    }  # fmt: skip


def _minor(total: str) -> int | str:
    """An amount in minor units; what is no number stands as it is."""
    try:
        return int(Decimal(total) * 100)
    except InvalidOperation:
        return total


def _integer(digits: str) -> int | str:
    """SQLite has no integers beyond 64 bits: they stand as text."""
    return int(digits) if len(digits) <= INTEGER_DIGITS else digits
