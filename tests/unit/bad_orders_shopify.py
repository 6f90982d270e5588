"""A Shopify store for the corpus of bad orders: its API gives each record by the very text told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from tests.conformance.apis.shopify import records as shopify_records
from tests.conformance.apis.shopify.lists import TERM, moment
from tests.conformance.apis.shopify.store import TOKEN
from tests.conformance.http_kit import Asked, Server, Told
from tests.unit.bad_orders_kit import AS_OF, WHEN, Of, Record, Store, mark

LISTS = ("orders", "customers", "products", "abandonedCheckouts")


@dataclass
class Texts:
    """Lists of texts, sorted by when they changed, paged by their place."""

    told: dict[str, dict[int, tuple[float, str]]] = field(
        default_factory=lambda: {name: {} for name in LISTS}
    )

    def __call__(self, asked: Asked) -> Told:
        """A page of a list, whatever its nodes look like."""
        query, variables = asked.body["query"], asked.body["variables"]
        name = next(each for each in LISTS if f" {each}(first: $first" in query)
        terms = TERM.findall(variables.get("query") or "")
        since = max((moment(value.strip("'")) for *_, value in terms), default=float("-inf"))
        found = sorted(row for row in self.told[name].values() if row[0] >= since)
        start = int(variables.get("after") or 0)
        end = start + variables["first"]
        info = {"hasNextPage": end < len(found), "endCursor": str(end)}
        nodes = ", ".join(text for _, text in found[start:end])
        body = f'{{"nodes": [{nodes}], "pageInfo": {orjson.dumps(info).decode()}}}'
        return Told(f'{{"data": {{"{name}": {body}}}}}'.encode())


class Shopify(Store):
    """Shopify: lines come inside the order, refunds are told by it."""

    vendor, key = "shopify", "legacyResourceId"
    total, part, note = "totalPriceSet", "shippingAddress", "note"

    def __init__(self) -> None:
        self._texts = Texts()
        self._server = Server(self._texts)

    def settings(self) -> Mapping[str, str]:
        return {
            "vendor": self.vendor, "url": self._server.url, "token": TOKEN, "options__bulk": "no",
        }  # fmt: skip

    def order(self, number: int, **said: Any) -> Record:
        made = shopify_records.order(number, AS_OF - timedelta(days=1), 0)
        made["totalPriceSet"] = shopify_records.money(said.get("total", "30.00"))
        if "currency" in said:
            made["totalPriceSet"]["shopMoney"]["currencyCode"] = said["currency"]
        lines = [shopify_records.line(number)]
        if "loose_line" in said:
            lines.append(shopify_records.line(number, id=None))
        if "refund" in said:
            made |= {
                "displayFinancialStatus": "PENDING",
                "totalRefundedSet": shopify_records.money(said["refund"]),
            }
        made |= {word: said[word] for word in ("email", "phone") if word in said}
        made["shippingAddress"]["name"] = said.get("name", "Ada")
        return {
            **made,
            "legacyResourceId": said.get("id", str(number)),
            "note": mark(number) + said.get("note", ""),
            "updatedAt": WHEN,
            "lineItems": {"nodes": lines},
        }

    def account(self, number: int, **said: Any) -> Record:
        made = shopify_records.customer(number, AS_OF - timedelta(days=1))
        if "email" in said:
            made["defaultEmailAddress"]["emailAddress"] = said["email"]
        if "phone" in said:
            made["defaultPhoneNumber"]["phoneNumber"] = said["phone"]
        return {
            **made,
            "firstName": said.get("name", "Ada"),
            "note": mark(number) + said.get("note", ""),
            "updatedAt": WHEN,
        }

    def amount(self, record: Record) -> str:
        return str(record["totalPriceSet"]["shopMoney"]["amount"])

    def put(self, of: Of, place: int, text: str, at: datetime) -> None:
        self._texts.told[of][place] = (at.timestamp(), text)

    def close(self) -> None:
        self._server.close()
