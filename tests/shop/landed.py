"""What Parley holds of a shop, and what it ought to hold: both as fields by key and stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from connectors.core.clock import parse_instant
from tests.shop.truth import Row, Truth

STATUSES = {
    "Pending": "placed",
    "Being processed": "placed",
    "Complete": "fulfilled",
    "Cancelled": "cancelled",
}
STATES = {
    "Open": "open", "Saved": "open", "Frozen": "open", "Submitted": "ordered", "Merged": "closed",
}  # fmt: skip
_TIMES = ("ordered_at", "created_at", "started_at")


@dataclass
class Landed:
    """A stream's records in the order in which they are known, by key."""

    versions: dict[str, list[Row]] = field(default_factory=dict)

    @property
    def now(self) -> dict[str, Row]:
        """The newest version of each key that is not deleted: its payload."""
        newest = {key: versions[-1] for key, versions in self.versions.items()}
        return {key: row["fields"] for key, row in newest.items() if row["op"] == "upsert"}

    @property
    def deleted(self) -> set[str]:
        """The keys that are gone."""
        return {key for key, rows in self.versions.items() if rows[-1]["op"] == "delete"}

    @property
    def said_twice(self) -> list[str]:
        """Keys with a version that says nothing new."""
        return [
            key
            for key, rows in self.versions.items()
            if any(one["payload"] == two["payload"] for one, two in pairwise(rows))
        ]


def landed(lake: Path, vendor: str, source_id: str, stream: str) -> Landed:
    """Everything that lies in the lake of a stream."""
    found = Landed()
    for row in sorted(_rows(lake / vendor / source_id / stream), key=_order):
        known = {**row, "fields": _with_times(json.loads(row["payload"]))}
        found.versions.setdefault(row["record_key"], []).append(known)
    return found


def _rows(folder: Path) -> Iterator[Row]:
    for file in folder.rglob("*.parquet"):
        yield from pq.ParquetFile(file).read().to_pylist()


def _order(row: Row) -> tuple[Any, ...]:
    return (
        row["landed_at"],
        row["record_at"] is not None,
        row["record_at"],
        row["batch_id"],
        row["seq"],
    )


def _with_times(fields: Row) -> Row:
    return {k: parse_instant(v) if k in _TIMES else v for k, v in fields.items()}


def expected(truth: Truth) -> dict[str, dict[str, Row]]:
    """By stream and key, what the newest version of each record has to say of these fields."""
    return {
        "orders": {key: _order_fields(key, row) for key, row in truth.orders.items()},
        "order_lines": {
            str(key): {
                "order_id": row["order"],
                "product_id": row["product_id"],
                "quantity": row["quantity"],
                "price_minor": _minor(row["unit_price"]),
                "amount_minor": _minor(row["amount"]),
                "currency": truth.orders[row["order"]]["currency"],
            }
            for key, row in truth.order_lines.items()
        },
        "customers": {
            str(key): {
                "customer_id": key,
                "email": row["email"],
                "is_staff": row["is_staff"],
                "created_at": row["joined_at"],
            }
            for key, row in truth.customers.items()
        },
        "products": {
            str(key): {
                "name": row["title"],
                "price_minor": _minor(row["price"]),
                "in_stock": row["is_buyable"],
            }
            for key, row in truth.products.items()
        },
        "carts": {
            str(key): {
                "customer_id": row["owner_id"],
                "status": STATES[row["status"]],
                "started_at": row["created_at"],
            }
            for key, row in truth.baskets.items()
        },
        "cart_lines": {
            str(key): {
                "cart_id": basket,
                "product_id": line["product_id"],
                "quantity": line["quantity"],
                "price_minor": _minor(line["price"]),
                "currency": line["currency"],
            }
            for basket, row in truth.baskets.items()
            for key, line in row["lines"].items()
        },
    }


def _order_fields(number: str, row: Row) -> Row:
    return {
        "order_id": number,
        "customer_id": row["customer_id"],
        "email": row["email"],
        "status": STATUSES[row["status"]],
        "currency": row["currency"],
        "amount_minor": _minor(row["total"]),
        "cart_id": row["basket_id"],
        "ordered_at": row["placed_at"],
    }


def _minor(amount: Decimal | None) -> int | None:
    return None if amount is None else int(amount * 100)


@dataclass(frozen=True)
class Cart:
    """A basket as the mart `carts` has to show it."""

    state: str
    lines: int
    value_minor: int
    has_owner: bool


def expected_carts(truth: Truth, as_of: datetime, wait: Any) -> dict[str, Cart]:
    """By cart_id; a cart counts as abandoned when nothing was done with it for `wait`."""
    found = {}
    for key, row in truth.baskets.items():
        lines = [line for line in row["lines"].values() if line["quantity"] > 0]
        touched = max([row["changed_at"], *(line["updated_at"] for line in row["lines"].values())])
        state = "abandoned" if touched <= as_of - wait else "open"
        if row["status"] == "Submitted":
            state = "ordered"
        elif row["status"] == "Merged" or not lines:
            state = "emptied"
        value = sum(line["quantity"] * (_minor(line["price"]) or 0) for line in lines)
        products = {line["product_id"] for line in lines}
        found[str(key)] = Cart(state, len(products), value, row["owner_id"] is not None)
    return found
