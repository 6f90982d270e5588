"""Source `woocommerce`: changes by the shop's clock, the trash, accounts compared, old versions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from connectors.core import landing
from connectors.core.accounts import SourceSettings
from connectors.core.lake import Lake
from connectors.core.settings import Settings
from connectors.core.spec import Finding
from connectors.ledger.db import open_ledger
from connectors.ledger.manifest import LedgerManifest
from connectors.sources.woocommerce import SPEC
from tests.conformance.apis.woocommerce import PASSWORD, USER, WooShop, customer, order, product
from tests.conformance.http_kit import Asked, Server, Told

AS_OF = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Connected:
    """A shop, connected to a lake and a ledger; each landing is an hour after the one before."""

    def __init__(self, home: Path) -> None:
        self.shop = WooShop()
        self.server = Server(self.shop)
        self.source = SourceSettings(
            vendor="woocommerce", url=SecretStr(f"{self.server.url}/"), page_size=5,
            user=SecretStr(USER), password=SecretStr(PASSWORD),
        )  # fmt: skip
        self.settings = Settings(home=home, sources={"woo": self.source})
        self.lake = Lake(self.settings.lake_root)
        self.manifest = LedgerManifest(open_ledger(f"sqlite:///{home}/ledger.db"))
        self.clock = AS_OF

    def land(self, stream: str) -> list[tuple[str, str, str]]:
        """What landed: (op, key, status or currency) in order."""
        self.clock += HOUR
        landed = landing.land(
            SPEC, SPEC.stream(stream), "woo", self.settings, self.manifest, self.lake, self.clock
        )
        found = []
        for batch in landed.batches:
            if batch.vendor == "woocommerce":
                for row in pq.ParquetFile(self.lake.url(batch.path)).read().to_pylist():
                    told = orjson.loads(row["payload"])
                    word = told.get("status") or told.get("code") or ""
                    found.append((row["op"], row["record_key"], word))
        return found

    def asked(self) -> list[dict[str, str]]:
        """The parameters of the requests since this was asked last."""
        found = [asked.query for asked in self.server.asked]
        self.server.asked.clear()
        return found

    def check(self) -> list[Finding]:
        return SPEC.check("woo", self.source)


@pytest.fixture
def woo(tmp_path: Path) -> Iterator[Connected]:
    made = Connected(tmp_path)
    yield made
    made.server.close()


@pytest.mark.parametrize("hours", [-11, -5, 0, 5, 13])
@pytest.mark.parametrize("stream", ["orders", "products"])
def test_no_change_is_missed_whatever_clock_the_shop_goes_by(
    woo: Connected, stream: str, hours: int
) -> None:
    woo.shop.clock = timedelta(hours=hours)
    make = {"orders": order, "products": product}[stream]
    for id_ in range(1, 13):
        at = AS_OF - timedelta(minutes=id_)
        woo.shop.put(stream, make(id_, at), at)
    assert len(woo.land(stream)) == 12
    woo.asked()
    at = AS_OF + timedelta(minutes=1)
    woo.shop.put(stream, make(7, at, name="again"), at)
    assert [key for _, key, _ in woo.land(stream)] == ["7"]
    assert len(woo.asked()) < 6, "what is known is asked for again only as far as clocks err"


def test_an_order_in_the_trash_is_told_and_one_taken_out_of_it_too(woo: Connected) -> None:
    for id_ in (1, 2):
        woo.shop.put("orders", order(id_, AS_OF), AS_OF)
    assert {word for *_, word in woo.land("orders")} == {"processing"}
    woo.shop.trash("orders", 1, AS_OF + HOUR)
    assert woo.land("orders") == [("upsert", "1", "trash")]
    assert woo.land("orders") == []
    woo.shop.put("orders", order(1, AS_OF), AS_OF + 3 * HOUR)
    assert woo.land("orders") == [("upsert", "1", "processing")]


def test_an_order_that_goes_to_the_trash_between_the_two_questions_ends_there(
    woo: Connected,
) -> None:
    woo.shop.put("orders", order(1, AS_OF), AS_OF)

    def meanwhile(asked: Asked) -> Told:
        if asked.query.get("status") == "trash":
            woo.shop.trash("orders", 1, AS_OF + timedelta(minutes=1))
        return woo.shop(asked)

    woo.server.app = meanwhile
    assert woo.land("orders") == [("upsert", "1", "processing"), ("upsert", "1", "trash")]
    assert woo.land("orders") == []


def test_what_is_emptied_out_of_the_trash_stays_what_it_was(woo: Connected) -> None:
    woo.shop.put("orders", order(1, AS_OF), AS_OF)
    woo.land("orders")
    woo.shop.trash("orders", 1, AS_OF + HOUR)
    woo.land("orders")
    woo.shop.delete("orders", 1)
    assert [woo.land("orders") for _ in range(3)] == [[], [], []]


def test_a_product_in_the_trash_is_told(woo: Connected) -> None:
    woo.shop.put("products", product(7, AS_OF), AS_OF)
    assert woo.land("products") == [("upsert", "7", "publish")]
    woo.shop.trash("products", 7, AS_OF + HOUR)
    assert woo.land("products") == [("upsert", "7", "trash")]


def test_accounts_of_every_role_are_read_as_a_whole_and_compared(woo: Connected) -> None:
    for id_ in range(1, 9):
        role = "shop_manager" if id_ == 3 else "customer"
        woo.shop.put("customers", customer(id_, AS_OF, role=role), AS_OF)
    assert len(woo.land("customers")) == 8
    assert woo.land("customers") == []
    # A plugin writes into an account without touching its time of change.
    woo.shop.put("customers", customer(4, AS_OF, email="new@example.com"), AS_OF)
    woo.shop.delete("customers", 5)
    assert woo.land("customers") == [("upsert", "4", "")]
    assert woo.land("customers") == [("delete", "5", "")]
    assert woo.land("customers") == []


def test_the_currency_is_asked_for_once_a_run_and_lands_when_it_changes(woo: Connected) -> None:
    assert woo.land("shops") == [("upsert", "GBP", "GBP")]
    assert woo.land("shops") == []
    assert len(woo.asked()) == 2
    woo.shop.currency = "EUR"
    assert woo.land("shops") == [("upsert", "EUR", "EUR")]
    assert woo.land("shops") == [("delete", "GBP", "")]


def test_a_shop_below_a_path_is_found_there(woo: Connected) -> None:
    below = woo.source.model_copy(update={"url": SecretStr(f"{woo.server.url}/blog")})
    assert {finding.level for finding in SPEC.check("woo", below)} == {"error"}
    assert {asked.path.rpartition("/wp-json/")[0] for asked in woo.server.asked} == {"/blog"}


def test_check_tells_what_can_be_read(woo: Connected) -> None:
    for id_ in range(3):
        woo.shop.put("orders", order(id_, AS_OF), AS_OF)
    woo.shop.put("products", product(7, AS_OF), AS_OF)
    said = {(finding.level, finding.what) for finding in woo.check()}
    assert said == {
        ("ok", "shops can be read"),
        ("warning", "customers can be read, and is empty"),
        ("ok", "products can be read, 1 records"),
        ("ok", "orders can be read, 3 records"),
    }


@pytest.mark.parametrize(("version", "asked"), [((5, 7), 4), ((4, 0), 2)])
def test_check_tells_of_a_shop_too_old_to_say_what_changed(
    woo: Connected, version: tuple[int, int], asked: int
) -> None:
    woo.shop.version = version
    woo.shop.put("orders", order(1, AS_OF), AS_OF)
    woo.shop.put("products", product(7, AS_OF), AS_OF)
    wrong = [finding for finding in woo.check() if finding.level == "error"]
    assert {finding.what.partition(":")[0] for finding in wrong} == {"orders", "products"}
    assert {finding.remedy for finding in wrong} == {"The source needs WooCommerce 5.8 or newer."}
    assert len([q for q in woo.asked() if "dates_are_gmt" in q]) == asked


def test_check_tells_what_is_wrong_with_a_key(woo: Connected) -> None:
    woo.shop.role = "author"
    first, *_ = woo.check()
    assert (first.level, "administrator or shop manager" in first.remedy) == ("error", True)
    wrong = woo.source.model_copy(update={"password": SecretStr("cs_wrong")})
    found = SPEC.check("woo", wrong)
    assert {finding.level for finding in found} == {"error"}
    assert all("Authorization header" in finding.remedy for finding in found)
