"""The shop read by its REST API: newest first, no filter by time, so it is compared as a whole.

What its lists do not tell (lines of orders, baskets of others) is not read.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from connectors.core.accounts import SourceSettings
from connectors.core.api.rest import Counted, Endpoint, RestApi, RestStream, basic_auth, rest_source
from connectors.core.clock import utc_now
from connectors.core.lake import Lake
from connectors.core.landing import land
from connectors.core.settings import Settings
from connectors.core.spec import Stream
from connectors.ledger.db import open_ledger
from connectors.ledger.manifest import LedgerManifest
from tests.shop.kit import ADMIN
from tests.shop.landed import Landed, landed
from tests.shop.truth import Row, Truth

API = RestApi("oscar", "/api/admin/", basic_auth, most=50)
PAGES = Counted("offset", "limit", step="offset", total="count")
SPEC = rest_source(
    API,
    (
        RestStream(Stream("orders", "number"), Endpoint("orders/", records="results"), PAGES),
        RestStream(Stream("customers", "url"), Endpoint("users/", records="results"), PAGES),
        RestStream(Stream("products", "id"), Endpoint("products/", records="results"), PAGES),
    ),
    about="A django-oscar shop by django-oscar-api: orders, users, products.",
)


class RestReader:
    """Parley's landing, connected to the shop's API."""

    def __init__(self, home: Path, url: str) -> None:
        user, password = (SecretStr(each) for each in ADMIN)
        source = SourceSettings(vendor="oscar", url=SecretStr(url), user=user, password=password)
        self._settings = Settings(home=home, sources={"api": source})
        self._manifest = LedgerManifest(open_ledger(f"sqlite:///{home}/api.db"))
        self._lake = Lake(self._settings.lake_root)
        self._last = datetime.fromtimestamp(0, UTC)

    def read(self) -> None:
        """Read everything, in a second of its own as a run does."""
        while utc_now() <= self._last:
            time.sleep(0.05)
        self._last = utc_now()
        for stream in SPEC.streams:
            land(SPEC, stream, "api", self._settings, self._manifest, self._lake, self._last)

    def landed(self) -> dict[str, Landed]:
        """The lake by stream."""
        lake = Path(self._settings.lake_root)
        return {s.name: landed(lake, "oscar", "api", s.name) for s in SPEC.streams}


def expected(truth: Truth) -> dict[str, dict[str, Row]]:
    """By stream and key, what the API tells of the shop's rows: of a user the email of now."""
    emails = {str(key): row["email"] for key, row in truth.customers.items()}
    return {
        "orders": {
            number: {
                "status": row["status"],
                "currency": row["currency"],
                "total_incl_tax": f"{row['total']:.2f}",
                "email": row["email"] or emails[str(row["customer_id"])],
            }
            for number, row in truth.orders.items()
        },
        "customers": {str(key): {"email": row["email"]} for key, row in truth.customers.items()},
        "products": {str(key): {"title": row["own_title"]} for key, row in truth.products.items()},
    }


def by_id(rows: dict[str, Row]) -> dict[str, Row]:
    """Rows by the id that their address ends in, where an address is their key."""
    return {key.rstrip("/").rpartition("/")[2]: row for key, row in rows.items()}
