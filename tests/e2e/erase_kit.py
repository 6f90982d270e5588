"""Twenty canaries in a tiny shop, wherever a person can be; and a search of every byte of a home.

Each has an email in several spellings, a phone, a name, an order, a basket, web events, consents
and lines in the previous tool's files. Other people bought, browsed and are written to beside them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import duckdb
import pyarrow.parquet as pq
from shop_kit import TinyShop, identify, kettle_in_basket, subscribed, track, z

MONDAY = datetime(2024, 3, 4, tzinfo=UTC)
LONG_AGO = datetime(2024, 1, 15, 18, 0, tzinfo=UTC)
TEN = MONDAY + timedelta(hours=10)
CANARIES = 20
OTHERS = ("lea", "hal", "kim", "sam", "ida")


@dataclass(frozen=True)
class Canary:
    """A person who can be told by every text that is theirs."""

    number: int

    @property
    def name(self) -> str:
        """First and last name, as nobody else has them."""
        return f"Quillon{self.number:02} Marrowby{self.number:02}"

    @property
    def user(self) -> str:
        """Their customer id."""
        return f"u-canary-{self.number}"

    @property
    def device(self) -> str:
        """Their browser."""
        return f"d-canary-{self.number}"

    @property
    def email(self) -> str:
        """The address as it is written to."""
        return f"quillon{self.number:02}.marrowby@gmail.com"

    @property
    def spellings(self) -> tuple[str, ...]:
        """The same mailbox as people write it."""
        local = f"quillon{self.number:02}.marrowby"
        return (
            self.email,
            f"{local.title()}@Gmail.com",
            f"{local}+shop@gmail.com",
            f"{local.replace('.', '')}@googlemail.com",
        )

    @property
    def phone(self) -> str:
        """As the shop has it."""
        return f"020 7946 05{self.number:02}"

    @property
    def texts(self) -> set[str]:
        """What must be found nowhere, in lower case."""
        local = f"quillon{self.number:02}"
        names = {name.lower() for name in self.name.split()}
        return {local, *names, self.phone, f"+4420794605{self.number:02}"}


def canaries() -> list[Canary]:
    """All of them."""
    return [Canary(number) for number in range(CANARIES)]


def texts() -> set[str]:
    """Every text of any of them."""
    return {text for canary in canaries() for text in canary.texts}


def open_shop(shop: TinyShop) -> None:
    """What the shop and the web hold on Monday at eleven."""
    shop.product("kettle", "Kettle", 3000, LONG_AGO)
    for name in OTHERS:
        _other(shop, name)
    for canary in canaries():
        _canary(shop, canary)
    # One whom the shop's floor knows by the mailbox that two people of a family share.
    for name in ("mum", "dad"):
        shop.customer(f"u-{name}", LONG_AGO, email="family@example.com", first_name=name)
        sunday = MONDAY - timedelta(hours=10)
        shop.order(f"o-{name}", "kettle", 3000, sunday, customer_id=f"u-{name}", country="GB")


def _other(shop: TinyShop, name: str) -> None:
    email = f"{name}@example.com"
    shop.customer(f"u-{name}", LONG_AGO, email=email, country="GB", first_name=name)
    shop.consent(f"u-{name}", email, LONG_AGO)
    shop.order(f"o-{name}", "kettle", 3000, LONG_AGO, customer_id=f"u-{name}", country="GB")
    who = {"device": f"d-{name}", "user": f"u-{name}"}
    shop.events(
        identify(TEN - timedelta(hours=1), **who, email=email),
        kettle_in_basket(f"c-{name}", TEN, device=f"d-{name}"),
        # Somebody else's word for a canary: it goes, what they said stays.
        track(
            "Survey Answered", TEN, **who, topic="service", answer="good",
            comment=f"thank {Canary(1).email} for the tip",
        ),
    )  # fmt: skip


def _canary(shop: TinyShop, canary: Canary) -> None:
    first, last = canary.name.split()
    written, titled, tagged, undotted = canary.spellings
    user, number = canary.user, canary.number
    shop.customer(
        user, LONG_AGO, email=titled, phone=canary.phone, country="GB", first_name=first,
        last_name=last, street="1 Nowhere Lane", loyalty_card=f"card-{number}",
    )  # fmt: skip
    shop.consent(user, tagged, LONG_AGO)
    sunday = MONDAY - timedelta(hours=10)
    shop.order(f"o-{user}", "kettle", 3000, LONG_AGO, customer_id=user, country="GB")
    shop.order(f"guest-{number}", "kettle", 3000, sunday, email=undotted, country="GB")
    # Staging rejects it; it is kept with its payload.
    shop.order(f"bad-{number}", "kettle", -3000, sunday, email=written, phone=canary.phone)
    shop.put(
        "carts", cart_id=f"store-{number}", customer_id=user, email=written, status="open",
        currency="GBP", started_at=z(TEN), updated_at=z(TEN),
    )  # fmt: skip
    shop.put(
        "cart_lines", line_id=f"cl-{number}", cart_id=f"store-{number}", product_id="kettle",
        quantity=1, price_minor=3000, currency="GBP", updated_at=z(TEN),
    )  # fmt: skip
    who = {"device": canary.device, "user": user}
    nine = TEN - timedelta(hours=1)
    shop.events(
        subscribed(canary.device, written, LONG_AGO),
        identify(nine, **who, email=written, phone=canary.phone, name=canary.name),
        track(
            "Content Downloaded", nine, **who, download_id="guide", content_id="g", title="Guide"
        ),
        track("Products Searched", nine, **who, query=f"gifts of {canary.name}"),
        {
            **track("Page Viewed", nine, device=canary.device),
            "context": {"page": {"url": f"https://shop.example/?e={quote(written)}"}},
        },
        kettle_in_basket(f"c-{number}", TEN, device=canary.device),
    )


def history(folder: Path) -> dict[str, str]:
    """The previous tool's files, by kind."""
    rows = {
        "consents": "email,given_at,state,proof\n",
        "bounces": "email,kind,at,diagnostic\n",
        "suppressions": "email,reason,since\n",
    }
    one, two = canaries()[:2]
    rows["consents"] += "".join(f"{c.spellings[1]},2019-05-01,granted,form\n" for c in canaries())
    rows["bounces"] += f"{one.email},soft,2023-06-01,mailbox of {one.name} is full\n"
    rows["suppressions"] += f"{two.email},wants no calls on {two.phone},2023-06-01\n"
    for kind, text in rows.items():
        (folder / f"{kind}.csv").write_text(text, encoding="utf-8")
    return rows


def hits(home: Path, wanted: set[str]) -> list[str]:
    """Every place under a folder where one of the texts stands: raw bytes and decoded values."""
    found = []
    for path in sorted(each for each in home.rglob("*") if each.is_file()):
        told = "".join(_values(path)).lower()
        raw = path.read_bytes().lower()
        found += [
            f"{path.relative_to(home)}: {text}"
            for text in sorted(wanted)
            if text.encode() in raw or text in told
        ]
    return found


def _values(path: Path) -> Iterator[str]:
    """The values of a file that is encoded or compressed."""
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as opened:
            yield from (str(part.to_pylist()) for part in opened.iter_batches())
    elif path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = connection.execute(
                "select schema_name, table_name from duckdb_tables() where not internal"
            ).fetchall()
            for schema, table in tables:
                yield str(connection.execute(f'from "{schema}"."{table}"').fetchall())
    elif path.suffix == ".db":
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            yield from connection.iterdump()


def lake(home: Path) -> list[dict[str, object]]:
    """Every record in the lake, in an order that does not depend on files."""
    rows = [
        {**row, "place": str(path.relative_to(home / "lake")).rsplit("/", 2)[0]}
        for path in (home / "lake").rglob("*.parquet")
        for row in pq.read_table(path, partitioning=None).to_pylist()
    ]
    return sorted(rows, key=lambda row: json.dumps(row, default=str))
