"""Presets of source `database`: each vendor's traps, on SQLite and on PostgreSQL.

Preset `oscar` is tried on a real shop in tests/e2e/test_real_shop.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import SecretStr
from sqlalchemy import column, create_engine, select, table, text
from sqlalchemy.dialects import mysql
from vendure_kit import Vendure

from connectors.core.accounts import SourceSettings
from connectors.core.database.presets import PRESETS
from connectors.core.database.presets.oscar.orders import STATUSES
from connectors.core.database.presets.view import THOUSANDTHS, WHOLE, minor
from connectors.core.errors import FixConfig
from connectors.core.spec import ReadContext
from connectors.sources.database import SPEC, TABLES

NOON = datetime(2026, 3, 2, 12, 0)  # noqa: DTZ001 - Vendure's columns have no zone
MONEY_SQL = Path(__file__).parents[2] / "dbt_project" / "macros" / "money.sql"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/shop.db"
    return str(request.getfixturevalue("postgres").engine_url())


@dataclass
class Reader:
    """Reads streams as landing does: from where it stopped, each record as its payload."""

    url: str
    options: dict[str, str]
    at: datetime = NOON
    cursors: dict[str, dict[str, str]] = field(default_factory=dict)

    def read(self, stream: str) -> dict[str, dict[str, Any]]:
        settings = SourceSettings(vendor="database", url=SecretStr(self.url), options=self.options)
        at, known = self.at.replace(tzinfo=UTC), self.cursors.setdefault(stream, {})
        context = ReadContext(
            "shop", settings, SPEC.stream(stream), known, frozenset(), at, at, 100, at
        )
        found = {}
        for page in SPEC.read(context):
            found |= {record.key: orjson.loads(record.payload) for record in page.records}
            if page.cursor is not None:
                known[page.part] = page.cursor
        return found


@pytest.fixture
def vendure(url: str) -> Vendure:
    return Vendure(url, NOON - timedelta(days=1))


@pytest.fixture
def reader(url: str) -> Reader:
    return Reader(url, {"preset": "vendure"})


def test_a_vendure_cart_that_is_bought_is_seen_though_its_row_does_not_say_when(
    vendure: Vendure, reader: Reader
) -> None:
    vendure.order(1)
    vendure.order(2, active=False, state="Shipped", orderPlacedAt=NOON - timedelta(hours=1))
    assert set(reader.read("orders")) == {"O2"}
    assert reader.read("carts")["O1"]["status"] == "open"
    bought = NOON + timedelta(minutes=5)
    vendure.change("order", 1, active=False, state="PaymentAuthorized", orderPlacedAt=bought)
    reader.at = NOON + timedelta(hours=1)
    (order,) = reader.read("orders").values()
    assert order["status"] == "placed"
    assert order["ordered_at"].startswith("2026-03-02")
    assert reader.read("carts")["O1"]["status"] == "ordered"
    assert reader.read("orders") == {}


@pytest.mark.parametrize("told_by", ["payment", "history_entry", "refund"])
def test_what_happens_to_a_vendure_order_later_is_seen(
    vendure: Vendure, reader: Reader, told_by: str
) -> None:
    placed = NOON - timedelta(hours=2)
    vendure.order(1, active=False, state="PaymentAuthorized", orderPlacedAt=placed)
    vendure.put("order_line", id=7, orderId=1, productVariantId=3, quantity=2, listPrice=250)
    vendure.put("payment", id=1, orderId=1, state="Authorized", amount=1500)
    assert reader.read("orders")["O1"]["status"] == "placed"
    assert reader.read("order_lines")["7"]["amount_minor"] == 500
    vendure.now = NOON + timedelta(minutes=5)
    vendure.change("order", 1, state="PaymentSettled")
    if told_by == "payment":
        vendure.change("payment", 1, state="Settled", updatedAt=vendure.now)
    elif told_by == "history_entry":
        vendure.put("history_entry", id=1, orderId=1, type="ORDER_STATE_TRANSITION")
    else:
        vendure.put("refund", id=1, paymentId=1, state="Settled", total=400)
    reader.at = NOON + timedelta(hours=1)
    (order,) = reader.read("orders").values()
    assert order["status"] == "paid"
    assert order["amount_minor"] == 1500
    assert order["refund_minor"] == (400 if told_by == "refund" else 0)
    assert set(reader.read("order_lines")) == {"7"}


def test_sellers_parts_of_a_vendure_order_are_not_counted_beside_the_whole(
    vendure: Vendure, reader: Reader
) -> None:
    placed = {"active": False, "state": "Delivered", "orderPlacedAt": NOON - timedelta(hours=1)}
    vendure.order(1, type="Aggregate", **placed)
    vendure.order(2, type="Seller", **placed)
    vendure.put("order_line", id=1, orderId=2, productVariantId=1, quantity=1, listPrice=100)
    assert set(reader.read("orders")) == set(reader.read("carts")) == {"O1"}
    assert reader.read("order_lines") == reader.read("cart_lines") == {}


def test_a_vendure_draft_is_nobodys_cart(vendure: Vendure, reader: Reader) -> None:
    vendure.order(1, active=False, state="Draft")
    vendure.put("order_line", id=1, orderId=1, productVariantId=1, quantity=1, listPrice=100)
    assert reader.read("carts")["O1"]["status"] == "closed"
    assert set(reader.read("cart_lines")) == {"1"}


def test_vendure_customers_are_those_who_were_not_deleted(vendure: Vendure, reader: Reader) -> None:
    vendure.put("region", id=5, code="FR")
    vendure.put("customer", id=1, emailAddress="a@example.com", phoneNumber="", firstName="A")
    vendure.put("customer", id=2, emailAddress="b@example.com", deletedAt=NOON)
    vendure.put("address", id=1, customerId=1, countryId=None, defaultShippingAddress=False)
    home = {"streetLine1": "1 Rue de Rome", "postalCode": "75008", "city": "Paris", "company": ""}
    vendure.put("address", id=2, customerId=1, countryId=5, defaultShippingAddress=True, **home)
    (customer,) = reader.read("customers").values()
    assert (customer["email"], customer["phone"]) == ("a@example.com", None)
    assert customer["country"] == "FR"
    found = [customer[name] for name in ("street", "postcode", "city", "company")]
    assert found == ["1 Rue de Rome", "75008", "Paris", None]


@pytest.mark.parametrize(
    ("row", "stock", "in_stock"),
    [
        ({}, [(3, 1)], True),
        ({}, [(3, 3)], False),
        ({}, [(1, 1), (2, 1)], True),
        ({}, [], False),
        ({"trackInventory": "FALSE"}, [], True),
        ({"enabled": False}, [(3, 0)], False),
        ({"useGlobalOutOfStockThreshold": False, "outOfStockThreshold": 3}, [(3, 0)], False),
        ({"useGlobalOutOfStockThreshold": False, "outOfStockThreshold": -5}, [(0, 2)], True),
    ],
)
def test_whether_a_vendure_variant_can_be_bought(
    vendure: Vendure,
    reader: Reader,
    row: dict[str, Any],
    stock: list[tuple[int, int]],
    in_stock: bool,  # noqa: FBT001
) -> None:
    vendure.variant(9, **row)
    for number, (on_hand, allocated) in enumerate(stock):
        vendure.put("stock_level", id=number, productVariantId=9, stockOnHand=on_hand,
                    stockAllocated=allocated)  # fmt: skip
    assert reader.read("products")["9"]["in_stock"] is in_stock
    vendure.change("global_settings", 1, trackInventory=False)
    assert reader.read("products")["9"]["in_stock"] is row.get("enabled", True)


def test_a_vendure_variant_is_read_as_its_channel_shows_it(
    vendure: Vendure, reader: Reader
) -> None:
    vendure.variant(9)
    vendure.variant(10, deletedAt=NOON)
    for number, (channel, currency, price) in enumerate(
        [(1, "EUR", 1999), (1, "USD", 2100), (2, "JPY", 250_000)]
    ):
        vendure.put("product_variant_price", id=number, variantId=9, channelId=channel,
                    currencyCode=currency, price=price)  # fmt: skip
    for number, (language, name) in enumerate([("en", "Kettle"), ("de", "Kessel")]):
        vendure.put("product_variant_translation", id=number, baseId=9, languageCode=language,
                    name=name)  # fmt: skip
        vendure.put("collection_translation", id=number, baseId=4, languageCode=language,
                    name=f"Kitchen {language}")  # fmt: skip
    for number, is_private in ((3, True), (4, False)):
        vendure.put("collection", id=number, isPrivate=is_private, isRoot=False)
        vendure.put("collection_product_variants_product_variant", id=number, collectionId=number,
                    productVariantId=9)  # fmt: skip
    shown = ("name", "category", "price_minor", "currency")
    (product,) = reader.read("products").values()
    assert [product[each] for each in shown] == ["Kettle", "Kitchen en", 1999, "EUR"]
    reader.options["channel"] = "elsewhere"
    (product,) = reader.read("products").values()
    assert [product[each] for each in shown] == ["Kessel", "Kitchen de", 2500, "JPY"]


def test_decimals_become_minor_units_exactly(url: str) -> None:
    """Also where the database keeps them as binary fractions."""
    amounts = [Decimal(n) / 100 for n in (1, 7, 29, 57, 1999, 9_999_999_999, 115, 20_499)]
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("create table t (amount decimal(12,2), currency varchar(3))"))
        for amount in amounts:
            for currency in ("GBP", "JPY", "KWD"):
                row = {"a": str(amount), "c": currency}
                connection.execute(text(f"insert into t values ({amount}, :c)"), row)
        found = table("t", column("amount"), column("currency"))
        query = select(found.c.amount, found.c.currency, minor(found.c.amount, found.c.currency))
        rows = connection.execute(query).all()
    engine.dispose()
    scale = {"GBP": 100, "JPY": 1, "KWD": 1000}
    half_up = Decimal("0.5")
    for amount, currency, told in rows:
        exact = Decimal(str(amount)) * scale[currency]
        assert told == int(exact + half_up), (amount, currency)
        assert isinstance(told, int)


def test_currencies_have_the_minor_units_that_staging_gives_them() -> None:
    listed = re.findall(r"in \(([^)]*)\) then", MONEY_SQL.read_text())
    whole, thousandths = (re.findall(r"'([A-Z]{3})'", part) for part in listed)
    assert sorted(whole) == sorted(WHOLE)
    assert sorted(thousandths) == sorted(THOUSANDTHS)


def test_statuses_of_oscar_become_the_words_that_are_told_apart() -> None:
    known = {"placed", "fulfilled", "cancelled"}
    assert set(STATUSES.values()) == known
    assert all(word == word.lower() for word in STATUSES)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_gives_documented_columns_alone_and_all_that_are_needed(name: str) -> None:
    for stream, view in PRESETS[name].views({}).items():
        columns = set(view.query.selected_columns.keys())
        known = TABLES[stream]
        assert columns <= {*known.required, *known.optional}
        assert set(known.required) - columns <= ({"updated_at"} if view.is_whole else set())


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_can_be_said_to_mysql(name: str) -> None:
    """Nobody ran it there."""
    for view in PRESETS[name].views({}).values():
        said = str(view.query.compile(dialect=mysql.dialect()))
        assert "bigint" not in said.lower()


@pytest.mark.usefixtures("vendure")
def test_a_shop_without_the_presets_tables_is_told_so(reader: Reader) -> None:
    reader.options["preset"] = "oscar"
    with pytest.raises(FixConfig, match="preset oscar: no table 'order_order'"):
        reader.read("orders")
    findings = SPEC.check("shop", SourceSettings(
        vendor="database", url=SecretStr(reader.url), options=reader.options
    ))  # fmt: skip
    assert [finding.level for finding in findings].count("error") == 6


@pytest.mark.usefixtures("vendure")
def test_a_column_that_the_shop_does_not_have_is_named(url: str, reader: Reader) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text('alter table "order" drop column "currencyCode"'))
    engine.dispose()
    with pytest.raises(FixConfig, match="its table 'order' has no column currencyCode"):
        reader.read("orders")


@pytest.mark.usefixtures("vendure")
def test_a_preset_that_is_none_is_not_repeated(reader: Reader) -> None:
    reader.options["preset"] = "c4nary"
    with pytest.raises(FixConfig) as raised:
        reader.read("orders")
    assert "oscar, vendure" in raised.value.remedy
    assert "c4nary" not in str(raised.value)


@pytest.mark.usefixtures("vendure")
def test_a_preset_without_a_stream_leaves_it_empty(reader: Reader) -> None:
    assert reader.read("consents") == {}
