"""Worlds of sources that ask an API: the vendor's stub on loopback."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from tests.conformance import woocommerce_api
from tests.conformance.http_kit import App, Server
from tests.conformance.woocommerce_api import WooShop
from tests.conformance.world import SECRET, World


class HttpWorld(World):
    """A vendor's API. `server` is where faults are put in, `secrets` are what it wants to see."""

    broken_urls = (
        f"https://user:{SECRET}@127.0.0.1:1/x?key={SECRET}",
        f"ftp://user:{SECRET}@host/",
        f"{SECRET} is no url",
    )
    app: ClassVar[Callable[[], App]]

    def __init__(self, folder: Path) -> None:  # noqa: ARG002 - it lies nowhere
        self.shop: Any = type(self).app()
        self.server = Server(self.shop)

    def url(self) -> str:
        return self.server.url


class WooWorld(HttpWorld):
    """Its ids are numbers: k007 is the order 1007, garbage has numbers of its own."""

    vendor, stream, source_id = "woocommerce", "orders", "woo"
    secrets: ClassVar = {"user": woocommerce_api.USER, "password": woocommerce_api.PASSWORD}
    app = WooShop

    def put(self, records: dict[str, datetime]) -> None:
        for key, at in records.items():
            self.shop.put("orders", woocommerce_api.order(1000 + int(key[1:]), at), at)

    def put_garbage(self, key: str, text: str, at: datetime) -> None:
        order = woocommerce_api.order(2000 + int(key[1:]), at, customer_note=text)
        self.shop.put("orders", order, at)

    def name_of(self, row: dict[str, Any]) -> str:
        return f"k{int(row['record_key']) - 1000:03d}"
