"""A WooCommerce shop."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from tests.conformance.apis import woocommerce
from tests.conformance.apis.woocommerce import WooShop
from tests.conformance.worlds.api import ApiWorld


class WooWorld(ApiWorld):
    """Its ids are numbers: k007 is the order 1007, garbage has numbers of its own."""

    vendor, stream, source_id = "woocommerce", "orders", "woo"
    secrets: ClassVar = {"user": woocommerce.USER, "password": woocommerce.PASSWORD}
    app = WooShop

    def put(self, records: dict[str, datetime]) -> None:
        for key, at in records.items():
            self.shop.put("orders", woocommerce.order(1000 + int(key[1:]), at), at)

    def put_garbage(self, key: str, text: str, at: datetime) -> None:
        order = woocommerce.order(2000 + int(key[1:]), at, customer_note=text)
        self.shop.put("orders", order, at)

    def name_of(self, row: dict[str, Any]) -> str:
        return f"k{int(row['record_key']) - 1000:03d}"


WORLDS = (WooWorld,)
