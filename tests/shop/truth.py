"""What a shop holds, read table by table with plain SQL and put together in Python.

It shares nothing with the presets that it is the judge of.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, create_engine, text

Row = dict[str, Any]


@dataclass(frozen=True)
class Truth:
    """Rows by key. Money is decimal, moments are aware UTC, statuses are oscar's own words.

    `orders` by number, `order_lines`, `customers` and `products` by id, `baskets` by id with
    their lines (product_id, quantity, price) by id under `lines`.
    """

    orders: dict[str, Row]
    order_lines: dict[int, Row]
    customers: dict[int, Row]
    products: dict[int, Row]
    baskets: dict[int, Row]


def read_truth(url: str) -> Truth:
    """Read a shop's tables in one transaction."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            numbers = {row["id"]: row["number"] for row in _rows(connection, "order_order")}
            return Truth(
                orders={row["number"]: _order(row) for row in _rows(connection, "order_order")},
                order_lines={
                    row["id"]: _order_line(row, numbers) for row in _rows(connection, "order_line")
                },
                customers={row["id"]: _customer(row) for row in _rows(connection, "auth_user")},
                products=_products(connection),
                baskets=_baskets(connection),
            )
    finally:
        engine.dispose()


def _rows(connection: Connection, table: str) -> list[Row]:
    found = connection.execute(text(f"select * from {table} order by id"))
    return [dict(row) for row in found.mappings()]


def _order(row: Row) -> Row:
    return {
        "status": row["status"],
        "total": _money(row["total_incl_tax"]),
        "currency": row["currency"],
        "email": row["guest_email"] or None,
        "customer_id": row["user_id"],
        "basket_id": row["basket_id"],
        "placed_at": _moment(row["date_placed"]),
    }


def _order_line(row: Row, numbers: dict[int, str]) -> Row:
    return {
        "order": numbers[row["order_id"]],
        "product_id": row["product_id"],
        "quantity": row["quantity"],
        "unit_price": _money(row["unit_price_incl_tax"]),
        "amount": _money(row["line_price_incl_tax"]),
    }


def _customer(row: Row) -> Row:
    return {
        "email": row["email"],
        "is_staff": bool(row["is_staff"]),
        "joined_at": _moment(row["date_joined"]),
    }


def _products(connection: Connection) -> dict[int, Row]:
    """Products with what they cost; a parent costs and has what the first child does."""
    products = {row["id"]: row for row in _rows(connection, "catalogue_product")}
    kinds = {row["id"]: row for row in _rows(connection, "catalogue_productclass")}
    records: dict[int, list[Row]] = {key: [] for key in products}
    for record in _rows(connection, "partner_stockrecord"):
        product = products[record["product_id"]]
        records[product["id"]].append(record)
        if product["parent_id"]:
            records[product["parent_id"]].append(record)
    told = {}
    for key, product in products.items():
        parent = products.get(product["parent_id"], product)
        first = records[key][0] if records[key] else None
        is_counted = bool(kinds[parent["product_class_id"]]["track_stock"])
        left = [(r["num_in_stock"] or 0) - (r["num_allocated"] or 0) for r in records[key]]
        told[key] = {
            "title": product["title"] or parent["title"],
            "own_title": product["title"],
            "price": _money(first["price"]) if first else None,
            "is_buyable": any(n > 0 or not is_counted for n in left) and bool(parent["is_public"]),
        }
    return told


def _baskets(connection: Connection) -> dict[int, Row]:
    told: dict[int, Row] = {
        row["id"]: {
            "owner_id": row["owner_id"],
            "status": row["status"],
            "created_at": _moment(row["date_created"]),
            "changed_at": max(
                _moment(row[name])
                for name in ("date_created", "date_merged", "date_submitted")
                if row[name]
            ),
            "lines": {},
        }
        for row in _rows(connection, "basket_basket")
    }
    for row in _rows(connection, "basket_line"):
        told[row["basket_id"]]["lines"][row["id"]] = {
            "product_id": row["product_id"],
            "quantity": row["quantity"],
            "price": _money(row["price_incl_tax"]),
            "currency": row["price_currency"],
            "updated_at": _moment(row["date_updated"]),
        }
    return told


def _money(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value)).quantize(Decimal("0.01"))


def _moment(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
