"""A real shop goes on trading while it is read again and again: nothing lost, nothing doubled.

By its database and by its REST API at once; `LONG=1` does the same to a shop on PostgreSQL.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from home_kit import Home
from pydantic import SecretStr

from connectors.core import landing, registry
from connectors.core.accounts import SourceSettings
from connectors.core.clock import iso_z, utc_now
from connectors.core.lake import Lake
from connectors.core.settings import Settings
from connectors.ledger.db import open_ledger
from connectors.ledger.manifest import LedgerManifest
from tests.shop import rest
from tests.shop.kit import Shop
from tests.shop.landed import Landed, expected, expected_carts, landed
from tests.shop.postgres import running
from tests.shop.truth import Truth

ORDERS, OPEN_BASKETS = 200, 50
SETTLING = timedelta(seconds=2)
STREAMS = ("customers", "products", "orders", "order_lines", "carts", "cart_lines")
# Each must have happened, or the test shows less than it says.
DEEDS = {
    "order", "move_on", "empty", "take_out", "merge", "delete_basket", "change_email", "leave",
    "reprice", "sell_out", "register",
}  # fmt: skip
BUILD = """
from flows import build, run, work
it = run.begin("triggered", {as_of!r})
assert not any(work.gate_landing(it).values())
work.take_in(it)
work.transform(it, build.plainly)
"""


class Reader:
    """Parley, connected to a shop by a preset; `read` is what a run does first."""

    def __init__(self, folder: Path, shop: Shop) -> None:
        self.home = Home(folder, {
            "PARLEY_SOURCES__SHOP__VENDOR": "database",
            "PARLEY_SOURCES__SHOP__URL": shop.database_url,
            "PARLEY_SOURCES__SHOP__OPTIONS__PRESET": "oscar",
        })  # fmt: skip
        url = SecretStr(shop.database_url)
        source = SourceSettings(vendor="database", url=url, options={"preset": "oscar"})
        self._settings = Settings(home=self.home.path, sources={"shop": source})
        self.home.path.mkdir()
        self._manifest = LedgerManifest(open_ledger(self._settings.ledger_url.get_secret_value()))
        self._lake = Lake(self._settings.lake_root)
        self._last = datetime.fromtimestamp(0, UTC)
        self.passes = 0

    def read(self) -> int:
        """Read all streams, in a second of their own as runs do; the number of records."""
        while utc_now() <= self._last:
            time.sleep(0.05)
        self._last, self.passes = utc_now(), self.passes + 1
        spec = registry.source("database")
        return sum(
            landing.land(
                spec, stream, "shop", self._settings, self._manifest, self._lake, self._last
            ).rows
            for stream in spec.streams
        )

    def build(self) -> datetime:
        """Build the marts as of now."""
        as_of = utc_now()
        done = self.home.python(BUILD.format(as_of=iso_z(as_of)))
        assert done.code == 0, done.text
        return as_of

    def landed(self) -> dict[str, Landed]:
        """The lake by stream."""
        lake = self.home.path / "lake"
        return {stream: landed(lake, "database", "shop", stream) for stream in STREAMS}


@dataclass(frozen=True)
class Story:
    """What came of it."""

    truth: Truth
    reader: Reader
    lake: dict[str, Landed]
    by_rest: dict[str, Landed]
    did: dict[str, int]
    as_of: datetime | None


def tell(folder: Path, shop: Shop, *, is_built: bool) -> Story:
    """Read the shop, let it live while it is read, then read what is left and build."""
    shop.make(ORDERS, OPEN_BASKETS)
    reader = Reader(folder / "parley", shop)
    reader.read()
    if is_built:
        reader.build()
    with shop.serving() as url:
        by_rest = rest.RestReader(folder / "parley", url)
        with shop.living(steps=300, pause=0.02) as life:
            while life.is_going_on:
                reader.read()
                by_rest.read()
            did = life.did()
        time.sleep(SETTLING.total_seconds() + 1)
        reader.read()
        # What is gone is believed when two passes did not find it.
        by_rest.read()
        by_rest.read()
    as_of = reader.build() if is_built else None
    return Story(shop.truth(), reader, reader.landed(), by_rest.landed(), did, as_of)


@pytest.fixture(scope="module", autouse=True)
def settling() -> Iterator[None]:
    """Rows are taken for settled after seconds, not a minute: the shop does not live that long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(landing, "SETTLING", SETTLING)
        yield


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("sqlite")
    (folder / "parley").mkdir()
    return tell(folder, Shop(folder), is_built=True)


@pytest.fixture(scope="module")
def on_postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("postgresql")
    (folder / "parley").mkdir()
    with running(folder / "server") as postgres:
        yield tell(folder, Shop(folder, postgres.database()), is_built=False)


@pytest.fixture(params=["on_sqlite", *(["on_postgresql"] if os.environ.get("LONG") else [])])
def story(request: pytest.FixtureRequest) -> Story:
    return request.getfixturevalue(request.param)


def test_the_shop_lived_while_it_was_read(story: Story) -> None:
    assert story.did.keys() >= DEEDS
    assert sum(story.did.values()) > 250
    assert story.reader.passes > 3
    assert len(story.truth.orders) > ORDERS
    orders = story.lake["orders"].versions.values()
    assert sum(len({row["landed_at"] for row in rows}) > 1 for rows in orders) > 20
    assert len({row["landed_at"] for rows in orders for row in rows}) > 2


@pytest.mark.parametrize("stream", STREAMS)
def test_the_lake_holds_exactly_the_shops_rows(story: Story, stream: str) -> None:
    wanted, found = expected(story.truth)[stream], story.lake[stream].now
    assert found.keys() == wanted.keys()
    said = {key: {name: row[name] for name in wanted[key]} for key, row in found.items()}
    assert said == wanted


@pytest.mark.parametrize("stream", STREAMS)
def test_nothing_is_landed_twice(story: Story, stream: str) -> None:
    assert story.lake[stream].said_twice == []


@pytest.mark.parametrize("stream", ["orders", "customers", "products"])
def test_by_rest_too_the_lake_holds_exactly_the_shops_rows(story: Story, stream: str) -> None:
    wanted, found = rest.expected(story.truth)[stream], rest.by_id(story.by_rest[stream].now)
    assert found.keys() == wanted.keys()
    said = {key: {name: row[name] for name in wanted[key]} for key, row in found.items()}
    assert said == wanted
    assert story.by_rest[stream].said_twice == []


@pytest.mark.parametrize("stream", ["customers", "carts", "cart_lines"])
def test_what_the_shop_deleted_is_said_to_be_gone(story: Story, stream: str) -> None:
    assert story.lake[stream].deleted


def test_a_changed_email_that_left_no_trace_is_known(story: Story) -> None:
    versions = story.lake["customers"].versions.values()
    emails = [{row["fields"].get("email") for row in rows} - {None} for rows in versions]
    assert any(len(each) > 1 for each in emails)


def test_carts_say_the_same_as_the_shop(on_sqlite: Story) -> None:
    assert on_sqlite.as_of is not None
    rows = on_sqlite.reader.home.warehouse("select * from marts.carts where source_id = 'shop'")
    found = {row["cart_id"]: row for row in rows}
    wanted = expected_carts(on_sqlite.truth, on_sqlite.as_of, timedelta(hours=1))
    assert {cart.state for cart in wanted.values()} == {"open", "abandoned", "ordered", "emptied"}
    told = {
        key: (row["state"], row["lines"], row["value_minor"], row["node_id"] is not None)
        for key, row in found.items()
        if key in wanted
    }
    assert told == {
        key: (cart.state, cart.lines, cart.value_minor, cart.has_owner)
        for key, cart in wanted.items()
    }
    gone = found.keys() - wanted.keys()
    assert gone == on_sqlite.lake["carts"].deleted
    assert {found[key]["state"] for key in gone} == {"emptied"}


def test_nothing_of_a_real_shop_is_rejected(on_sqlite: Story) -> None:
    rows = on_sqlite.reader.home.warehouse("select stream, reject_reason from staging.rejects")
    assert rows == []


def test_orders_and_customers_reach_the_marts(on_sqlite: Story) -> None:
    orders = on_sqlite.reader.home.warehouse(
        "select order_id, amount_minor, status from marts.orders"
    )
    wanted = expected(on_sqlite.truth)["orders"]
    assert {row["order_id"]: (row["amount_minor"], row["status"]) for row in orders} == {
        key: (row["amount_minor"], row["status"]) for key, row in wanted.items()
    }
