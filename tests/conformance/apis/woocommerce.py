"""A WooCommerce shop's REST API (v3) on loopback, as far as Parley asks it, with its own traps.

As in WordPress: `modified_after` leaves out the moment itself; a time with a zone is moved to the
shop's clock, whatever column it is compared with; "any" status is without the trash; parameters
that an older version does not know are passed over.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from tests.conformance.http_kit import Asked, Told

BASE = "/wp-json/wc/v3/"
USER, PASSWORD = "ck_c4nary", "cs_c4nary-s3cret"
MOST = 100
Record = dict[str, Any]


@dataclass
class Row:
    """A record as it is served, and what lists are filtered and sorted by."""

    id: int
    at: datetime
    text: bytes
    status: str = ""


@dataclass
class WooShop:
    """The shop. `clock` is the shop's distance from UTC, `version` how new it is."""

    currency: str = "GBP"
    clock: timedelta = timedelta(0)
    version: tuple[int, int] = (9, 0)
    role: str = "shop_manager"
    lists: dict[str, dict[int, Row]] = field(
        default_factory=lambda: {"orders": {}, "products": {}, "customers": {}}
    )

    def put(self, kind: str, record: Record, at: datetime) -> Record:
        """Write a record, changed at that moment."""
        record = {**record, "date_modified_gmt": stamp(at), "date_modified": stamp(at + self.clock)}
        self.put_text(kind, record["id"], orjson.dumps(record), at, record.get("status", ""))
        return record

    def put_text(self, kind: str, id_: int, text: bytes, at: datetime, status: str = "") -> None:
        """Write whatever the shop may tell of the record of that id."""
        self.lists[kind][id_] = Row(id_, at, text, status)

    def trash(self, kind: str, id_: int, at: datetime) -> None:
        """Move a record to the trash."""
        self.put(kind, {**orjson.loads(self.lists[kind][id_].text), "status": "trash"}, at)

    def delete(self, kind: str, id_: int) -> None:
        """Delete a record for good."""
        del self.lists[kind][id_]

    def __call__(self, asked: Asked) -> Told:
        """Answer as the shop does."""
        pair = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {pair}":
            return refused(401, "woocommerce_rest_cannot_view")
        kind = asked.path.removeprefix(BASE)
        if kind == "data/currencies/current":
            if self.role != "shop_manager":
                return refused(403, "woocommerce_rest_cannot_view")
            return Told({"code": self.currency, "name": self.currency, "symbol": "&curren;"})
        if kind not in self.lists:
            return refused(404, "rest_no_route")
        size, page = int(asked.query.get("per_page", 10)), int(asked.query.get("page", 1))
        if size > MOST or not self._knows(kind, asked.query.get("orderby", "date")):
            return refused(400, "rest_invalid_param")
        found = self._found(kind, asked.query)
        texts = [row.text for row in found[size * (page - 1) : size * page]]
        pages = -(-len(found) // size)
        headers = {"X-WP-Total": str(len(found)), "X-WP-TotalPages": str(pages)}
        return Told(b"[" + b",".join(texts) + b"]", headers=headers)

    def _knows(self, kind: str, order: str) -> bool:
        if kind == "customers":
            return order in {"id", "include", "name", "registered_date"}
        known = {"date", "id", "include", "title", "slug"}
        return order in known or (order == "modified" and self.version >= (4, 4))

    def _found(self, kind: str, query: dict[str, str]) -> list[Row]:
        rows = [*self.lists[kind].values()]
        if kind == "customers":
            role = query.get("role", "customer")
            rows = [row for row in rows if role in {"all", orjson.loads(row.text).get("role")}]
            return sorted(rows, key=lambda row: row.id, reverse=query.get("order") == "desc")
        status = query.get("status", "any")
        rows = [r for r in rows if r.status == status or (status == "any" and r.status != "trash")]
        after = query.get("modified_after") if self.version >= (5, 8) else None
        if after is not None:
            bound = datetime.fromisoformat(after)
            if bound.tzinfo is not None:
                bound = bound.astimezone(UTC).replace(tzinfo=None) + self.clock
            is_gmt = query.get("dates_are_gmt") == "true"
            offset = timedelta(0) if is_gmt else self.clock
            rows = [r for r in rows if r.at.replace(tzinfo=None) + offset > bound]
        place = (lambda r: (r.at, r.id)) if query.get("orderby") == "modified" else (lambda r: r.id)
        return sorted(rows, key=place, reverse=query.get("order", "desc") == "desc")


def refused(status: int, code: str) -> Told:
    """An error as WordPress tells it."""
    return Told({"code": code, "message": code, "data": {"status": status}}, status)


def stamp(at: datetime) -> str:
    """A moment in UTC as the shop writes it: without a zone."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def order(id_: int, at: datetime, **more: Any) -> Record:
    """An order of one kettle, paid, by a guest."""
    return {
        "id": id_,
        "parent_id": 0,
        "number": str(id_),
        "order_key": f"wc_order_{id_}",
        "created_via": "checkout",
        "version": "9.0.0",
        "status": "processing",
        "currency": "GBP",
        "date_created": stamp(at),
        "date_created_gmt": stamp(at),
        "discount_total": "0.00",
        "shipping_total": "0.00",
        "total": "30.00",
        "total_tax": "0.00",
        "customer_id": 0,
        "customer_note": "",
        "billing": {
            "first_name": "Ada",
            "last_name": "Lovelace",
            "country": "GB",
            "email": f"ada{id_}@example.com",
            "phone": "",
        },
        "cart_hash": f"{id_:032x}",
        "meta_data": [],
        "line_items": [line(id_ * 10)],
        "refunds": [],
        **more,
    }


def line(id_: int, **more: Any) -> Record:
    """A line of an order: a kettle."""
    return {
        "id": id_,
        "name": "Kettle",
        "product_id": 7,
        "variation_id": 0,
        "quantity": 1,
        "subtotal": "30.00",
        "total": "30.00",
        "sku": "kettle",
        "price": 30,
        **more,
    }


def product(id_: int, at: datetime, **more: Any) -> Record:
    """A kettle in stock."""
    return {
        "id": id_,
        "name": "Kettle",
        "slug": f"kettle-{id_}",
        "date_created_gmt": stamp(at),
        "type": "simple",
        "status": "publish",
        "price": "30.00",
        "regular_price": "30.00",
        "sale_price": "",
        "stock_status": "instock",
        "categories": [{"id": 3, "name": "Kitchen", "slug": "kitchen"}],
        "meta_data": [],
        **more,
    }


def customer(id_: int, at: datetime, **more: Any) -> Record:
    """A customer with an account."""
    return {
        "id": id_,
        "date_created_gmt": stamp(at),
        "email": f"grace{id_}@example.com",
        "first_name": "Grace",
        "last_name": "Hopper",
        "role": "customer",
        "username": f"grace{id_}",
        "billing": {"country": "GB", "email": "", "phone": ""},
        "is_paying_customer": False,
        "meta_data": [],
        **more,
    }


def box(field_: str, value: object) -> Record:
    """A check box in the meta data of an order or customer."""
    return {"id": 1, "key": field_, "value": value}
