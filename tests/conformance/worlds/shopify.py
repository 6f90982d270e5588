"""Worlds of source `shopify`: orders by a bulk operation and by pages, and checkouts by pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import orjson

from tests.conformance.apis.shopify import records as shopify_records
from tests.conformance.apis.shopify.store import TOKEN, ShopifyStore
from tests.conformance.worlds.api import ApiWorld
from tests.conformance.worlds.base import SECRET

# Beside the orders of one line, some whose lines need further pages.
LINES = {3: 12, 11: 25, 40: 130}


class ShopifyWorld(ApiWorld):
    """Orders, by a bulk operation first. Their name is the key; garbage has numbers of its own."""

    vendor, stream, source_id = "shopify", "orders", "shopify"
    secrets: ClassVar = {"token": TOKEN}
    broken_urls = (
        f"http://user:{SECRET}@shop.example/",
        f"ftp://user:{SECRET}@host/",
        f"{SECRET} is no url",
    )
    app = ShopifyStore
    kind: ClassVar[str] = "Order"

    def put(self, records: dict[str, datetime]) -> None:
        self.shop.clock = max(records.values())
        for key, at in records.items():
            number = int(key[1:])
            self.shop.put(self.kind, self.made(number, at, LINES.get(number, 1), name=key))

    def put_garbage(self, key: str, text: str, at: datetime) -> None:
        self.shop.put(self.kind, self.made(2_000 + int(key[1:]), at, 1, name=key, email=text))

    def made(self, number: int, at: datetime, lines: int, **more: Any) -> dict[str, Any]:
        return shopify_records.order(number, at, lines, **more)

    def name_of(self, row: dict[str, Any]) -> str:
        return str(orjson.loads(row["payload"])["name"])


class ShopifyPagesWorld(ShopifyWorld):
    """Orders, all of them by pages."""

    options: ClassVar = {"bulk": "no"}


class ShopifyCartsWorld(ShopifyPagesWorld):
    """Abandoned checkouts, which are not listed by their time of change."""

    stream = "carts"
    kind = "AbandonedCheckout"

    def put_garbage(self, key: str, text: str, at: datetime) -> None:
        url = f"https://shop.test/{text}"
        row = self.made(2_000 + int(key[1:]), at, 1, name=key, abandonedCheckoutUrl=url)
        self.shop.put(self.kind, row)

    def made(self, number: int, at: datetime, lines: int, **more: Any) -> dict[str, Any]:
        return shopify_records.checkout(number + 1, at, lines, **more)


WORLDS = (ShopifyWorld, ShopifyPagesWorld, ShopifyCartsWorld)
