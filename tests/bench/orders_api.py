"""A vendor's REST API of nested orders on loopback, in a process of its own.

`python -m tests.bench.orders_api 100000` prints its URL and serves until it is ended.
`GET /orders` answers 500 orders and where the next ones are. Every page is rendered before the
first is asked for, so that serving costs next to nothing.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

from tests.bench.report import SEED

PAGE_SIZE = 500
ORDERS_PER_CUSTOMER = 4
FIRST = datetime(2011, 1, 1, tzinfo=UTC)
STREETS = ("Market Street", "Station Road", "Mill Lane", "Rue de la Paix", "Lindenstraße")
COUNTRIES = ("GB", "GB", "GB", "FR", "DE")


@contextmanager
def served(orders: int) -> Iterator[str]:
    """Serve so many orders; yields the API's address."""
    command = [sys.executable, "-m", "tests.bench.orders_api", str(orders)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def order(number: int, dice: random.Random, customers: int) -> dict[str, Any]:
    """An order as a shop's API nests it: customer, addresses, lines, discounts, totals."""
    customer = dice.randrange(customers)
    at = FIRST + timedelta(seconds=number * 300)
    lines = [_line(position, dice) for position in range(1, dice.randint(1, 6) + 1)]
    subtotal = sum(line["total"]["amount"] for line in lines)
    off = subtotal // 10 if dice.random() < 0.3 else 0
    codes = [{"code": "TEN", "type": "percentage", "amount": off}] if off else []
    return {
        "id": f"ord_{number:08}",
        "number": 100_000 + number,
        "created_at": at.isoformat(),
        "updated_at": (at + timedelta(minutes=dice.randrange(5))).isoformat(),
        "currency": "GBP",
        "status": dice.choice(("paid", "paid", "paid", "refunded", "cancelled")),
        "note": None,
        "tags": ["web"] if dice.random() < 0.8 else ["web", "gift"],
        "customer": _customer(customer),
        "billing_address": _address(customer),
        "shipping_address": _address(customer + dice.randrange(2)),
        "lines": lines,
        "discounts": codes,
        "totals": {
            "subtotal": subtotal,
            "discount": off,
            "shipping": 395,
            "tax": (subtotal - off) // 6,
            "total": subtotal - off + 395,
        },
    }


def _customer(number: int) -> dict[str, Any]:
    return {
        "id": f"cus_{number:07}",
        "email": f"Customer.{number}@example{number % 40}.com",
        "phone": f"+44 7700 {900_000 + number % 1000}" if number % 3 == 0 else None,
        "first_name": f"First{number % 997}",
        "last_name": f"Last{number % 4999}",
        "accepts_marketing": number % 2 == 0,
    }


def _address(number: int) -> dict[str, Any]:
    return {
        "line1": f"{number % 200 + 1} {STREETS[number % 5]}",
        "line2": None,
        "city": f"Town {number % 300}",
        "postcode": f"AB{number % 90 + 10} {number % 9}CD",
        "country": COUNTRIES[number % 5],
    }


def _line(position: int, dice: random.Random) -> dict[str, Any]:
    product, quantity = dice.randrange(4000), dice.randint(1, 12)
    price = 100 + product % 1900
    return {
        "position": position,
        "sku": f"SKU-{product:05}",
        "name": f"A useful thing, number {product}",
        "quantity": quantity,
        "unit_price": {"amount": price, "currency": "GBP"},
        "total": {"amount": price * quantity, "currency": "GBP"},
        "options": [{"name": "colour", "value": dice.choice(("red", "green", "blue"))}],
    }


def rendered(orders: int) -> list[bytes]:
    """Every page's body."""
    dice, customers = random.Random(SEED), max(orders // ORDERS_PER_CUSTOMER, 1)
    pages = []
    for first in range(0, orders, PAGE_SIZE):
        last = min(first + PAGE_SIZE, orders)
        page = [order(number, dice, customers) for number in range(first, last)]
        following = f"/orders?page={last // PAGE_SIZE}" if last < orders else None
        pages.append(orjson.dumps({"orders": page, "next": following}))
    return pages


def serve(pages: list[bytes]) -> None:
    """Answer until this process is ended."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            body = pages[int(self.path.rpartition("page=")[2] or 0) if "?" in self.path else 0]
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    serve(rendered(int(sys.argv[1])))
