"""A tiny shop made by hand: a SQLite database and a folder of Segment events, written row by row.

Whoever asks for it decides when things happened; all times are UTC.
"""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.sources.database import TABLES


def z(moment: datetime) -> str:
    """A moment as the sources write it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class TinyShop:
    """Tables with the columns that `connectors.sources.database` documents, and event files."""

    def __init__(self, folder: Path) -> None:
        """Make an empty shop."""
        self.web = folder / "web"
        self.web.mkdir(parents=True)
        self._path = folder / "shop.db"
        self._files = 0
        with sqlite3.connect(self._path) as connection:
            for table, columns in TABLES.items():
                names = dict.fromkeys((*columns.required, *columns.optional))
                connection.execute(f"create table {table} ({', '.join(names)})")

    @property
    def sources(self) -> dict[str, str]:
        """The environment that connects Parley to this shop."""
        return {
            "PARLEY_SOURCES__SHOP__VENDOR": "database",
            "PARLEY_SOURCES__SHOP__URL": f"sqlite:///{self._path}",
            "PARLEY_SOURCES__WEB__VENDOR": "segment",
            "PARLEY_SOURCES__WEB__URL": str(self.web),
        }

    def put(self, table: str, **row: Any) -> None:
        """Write a row."""
        places = ", ".join("?" for _ in row)
        with sqlite3.connect(self._path) as connection:
            connection.execute(
                f"insert into {table} ({', '.join(row)}) values ({places})", list(row.values())
            )

    def change(self, table: str, at: datetime) -> None:
        """Every row of a table was touched then."""
        with sqlite3.connect(self._path) as connection:
            connection.execute(f"update {table} set updated_at = ?", [z(at)])

    def customer(self, customer_id: str, at: datetime, **columns: Any) -> None:
        """A customer who registered then."""
        self.put(
            "customers", customer_id=customer_id, created_at=z(at), updated_at=z(at), **columns
        )

    def product(self, product_id: str, name: str, price_minor: int, at: datetime) -> None:
        """A product in stock."""
        self.put(
            "products", product_id=product_id, name=name, category="kitchen", in_stock=1,
            price_minor=price_minor, currency="GBP", created_at=z(at), updated_at=z(at),
        )  # fmt: skip

    def order(
        self, order_id: str, product_id: str, amount_minor: int, at: datetime,
        *, told_at: datetime | None = None, **columns: Any,
    ) -> None:  # fmt: skip
        """A web order of one line; `told_at` is when the shop's database had it, if later."""
        changed = z(told_at or at)
        self.put(
            "orders", order_id=order_id, channel="web", status="paid", currency="GBP",
            amount_minor=amount_minor, ordered_at=z(at), updated_at=changed, **columns,
        )  # fmt: skip
        self.put(
            "order_lines", line_id=f"{order_id}-1", order_id=order_id, product_id=product_id,
            quantity=1, price_minor=amount_minor, amount_minor=amount_minor, currency="GBP",
            updated_at=changed,
        )  # fmt: skip

    def consent(self, customer_id: str, email: str, at: datetime) -> None:
        """A customer's permission to be mailed."""
        self.put(
            "consents", consent_id=f"consent-{customer_id}", customer_id=customer_id, email=email,
            channel="email", purpose="marketing", state="granted", legal_basis="consent",
            proof="checkout box", given_at=z(at), confirmed_at=z(at), updated_at=z(at),
        )  # fmt: skip

    def events(self, *events: dict[str, Any]) -> None:
        """A new file of events, in the order given."""
        self._files += 1
        lines = "".join(json.dumps(event) + "\n" for event in events)
        (self.web / f"{self._files:03d}.jsonl").write_text(lines, encoding="utf-8")


def track(event: str, at: datetime, *, device: str, user: str | None = None, **properties: Any) -> (
    dict[str, Any]
):  # fmt: skip
    """A Segment track call that arrived a second after it happened."""
    return _call({"type": "track", "event": event, "properties": properties}, at, device, user)


def identify(at: datetime, *, device: str, user: str, **traits: Any) -> dict[str, Any]:
    """A Segment identify call."""
    return _call({"type": "identify", "traits": traits}, at, device, user)


def _call(call: dict[str, Any], at: datetime, device: str, user: str | None) -> dict[str, Any]:
    sent = z(at)
    return {
        "messageId": f"{call['type']}-{call.get('event', '')}-{device}-{sent}",
        "anonymousId": device,
        **({"userId": user} if user else {}),
        "originalTimestamp": sent,
        "sentAt": sent,
        "receivedAt": z(at + timedelta(seconds=1)),
        **call,
    }


def kettle_in_basket(cart_id: str, at: datetime, **who: Any) -> dict[str, Any]:
    """A kettle is put in a basket."""
    return track(
        "Product Added", at, cart_id=cart_id, product_id="kettle", price=30.0, quantity=1,
        currency="GBP", **who,
    )  # fmt: skip


def subscribed(device: str, email: str, at: datetime) -> dict[str, Any]:
    """A visitor gives permission to be mailed, and followed the link that asked for it."""
    return track(
        "Permission Updated", at, device=device, email=email, channel="email",
        purpose="marketing", state="granted", proof="newsletter form", is_confirmed=True,
    )  # fmt: skip
