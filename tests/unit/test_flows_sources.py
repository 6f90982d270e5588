"""`parley sources`: what is connected, whether it is reached, what comes, and how fresh it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from connectors.core import registry
from connectors.core.drift import ENOUGH
from connectors.core.errors import FixConfig
from connectors.core.lake import Lake
from connectors.core.landing import land
from connectors.core.settings import Settings, get_settings, load_settings
from connectors.ledger.manifest import LedgerManifest
from flows import terminal, work
from flows.cli import app
from flows.run import begin, ledger_of
from tests.conformance.apis.woocommerce import PASSWORD, USER, WooShop
from tests.conformance.http_kit import served

EMAIL, PHONE, CANARY = "ada@people.example", "+44 7700 900123", "c4nary"


@pytest.fixture
def shop(own_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A database of customers and a folder of events, connected."""
    assert own_settings.is_demo
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table customers (customer_id, email, phone, updated_at)")
        rows = [(str(n), EMAIL, PHONE, f"2011-12-0{n} 10:00:00") for n in range(1, 6)]
        connection.executemany("insert into customers values (?, ?, ?, ?)", rows)
        connection.execute(
            "create table orders (order_id, ordered_at, status, currency, amount_minor, updated_at)"
        )
    (tmp_path / "web").mkdir()
    for name, vendor, url in (
        ("SHOP", "database", f"sqlite:///{path}"),
        ("WEB", "segment", str(tmp_path / "web")),
    ):
        monkeypatch.setenv(f"PARLEY_SOURCES__{name}__VENDOR", vendor)
        monkeypatch.setenv(f"PARLEY_SOURCES__{name}__URL", url)
    monkeypatch.setattr(terminal.console, "width", 200)
    get_settings.cache_clear()
    yield path
    get_settings.cache_clear()


def sources(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["sources", *arguments])


def told(*arguments: str) -> str:
    done = sources(*arguments)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.usefixtures("shop")
def test_bare_it_lists_what_is_connected_and_what_can_be() -> None:
    said = told()
    assert "shop" in said
    assert "web" in said
    for vendor in registry.known_sources():
        assert registry.source(vendor).about == "" or vendor in said
    assert "preset" in said


@pytest.mark.usefixtures("own_settings")
def test_without_any_it_says_that_these_are_the_demos() -> None:
    assert "the demo's" in told()


@pytest.mark.usefixtures("shop")
def test_check_says_what_can_be_read_and_what_is_missing() -> None:
    said = told("check")
    assert "shop: table 'customers' can be read" in said
    assert "there is no table or view 'products'" in said
    assert "Create a view named products" in said
    assert "web: the folder holds no" in said


def test_check_of_what_cannot_be_reached_fails_with_a_remedy(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_SOURCES__SHOP__URL", f"sqlite:///{shop}/{CANARY}")
    get_settings.cache_clear()
    done = sources("check", "shop")
    assert done.exit_code == 1
    assert "does not exist" in done.output
    assert CANARY not in done.output


@pytest.mark.usefixtures("shop")
def test_an_option_that_the_vendor_does_not_have_is_an_error_before_anything_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PARLEY_SOURCES__SHOP__OPTIONS__PRESENT", "oscar")
    get_settings.cache_clear()
    assert "there is no option 'present'" in sources("check", "shop").output
    with pytest.raises(FixConfig, match="no option 'present'"):
        work.land_stream(begin("daily", "2011-12-06"), "shop", "customers")


@pytest.mark.usefixtures("shop")
def test_sample_shows_records_as_they_would_land_without_addresses_and_lands_nothing() -> None:
    said = told("sample", "shop", "customers", "--rows", "2")
    assert said.count("•••") == 4
    assert EMAIL not in said
    assert PHONE not in said
    assert "2011-12-02 10:00:00" in said
    assert "2011-12-03" not in said
    assert LedgerManifest(ledger_of(load_settings())).freshness() == []


@pytest.mark.usefixtures("shop")
def test_sample_shows_addresses_where_they_are_asked_for() -> None:
    assert EMAIL in told("sample", "shop", "customers", "--unmasked")


@pytest.mark.usefixtures("shop")
def test_sample_of_a_stream_that_is_not_there_names_those_that_are() -> None:
    done = sources("sample", "shop", "baskets")
    assert isinstance(done.exception, FixConfig)
    assert "customers, products, orders" in str(done.exception)


def test_freshness_tells_age_and_what_changed_in_the_records(shop: Path) -> None:
    assert "Nothing has landed yet" in told("freshness")
    settings = load_settings()
    manifest, lake = LedgerManifest(ledger_of(settings)), Lake(settings.lake_root)
    with sqlite3.connect(shop) as connection:
        for n in range(ENOUGH * 10):
            row = (f"more{n}", EMAIL, None, f"2011-12-05 {n // 60:02d}:{n % 60:02d}:00")
            connection.execute("insert into customers values (?, ?, ?, ?)", row)
    spec, as_of = registry.source("database"), begin("daily", "2011-12-06").as_of
    land(spec, spec.stream("customers"), "shop", settings, manifest, lake, as_of)
    with sqlite3.connect(shop) as connection:
        connection.execute("insert into customers values ('new', 7, 7, '2011-12-06 09:00:00')")
    later = begin("daily", "2011-12-06T10:00:00Z").as_of
    landed = land(spec, spec.stream("customers"), "shop", settings, manifest, lake, later)
    assert landed.drift
    said = told("freshness")
    assert "shop.customers" in said
    assert "days" in said
    assert "changed shop.customers, 2011-12-06T10:00:00Z: email is number, was text" in said


@pytest.mark.usefixtures("own_settings")
def test_a_shop_behind_an_api_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    woo = WooShop()
    with served(woo) as server:
        for name, value in (
            ("VENDOR", "woocommerce"), ("URL", server.url), ("USER", USER), ("PASSWORD", PASSWORD),
        ):  # fmt: skip
            monkeypatch.setenv(f"PARLEY_SOURCES__WOO__{name}", value)
        get_settings.cache_clear()
        assert "orders can be read, and is empty" in told("check", "woo")
        monkeypatch.setenv("PARLEY_SOURCES__WOO__PASSWORD", CANARY)
        get_settings.cache_clear()
        done = sources("check", "woo")
        assert done.exit_code == 1
        assert "consumer key" in done.output
        assert CANARY not in done.output
        assert orjson.dumps(woo.lists["orders"]) == b"{}"
