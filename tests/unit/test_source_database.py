"""Source `database`: odd shops lose no rows, and are told which view would help."""

from __future__ import annotations

import sqlite3
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, create_mock_engine, text
from sqlalchemy.types import Date, DateTime, String

from connectors.core.accounts import SourceSettings
from connectors.core.database import keyset
from connectors.core.database.keyset import KeysetTable
from connectors.core.database.tables import Found
from connectors.core.errors import FixConfig, ParleyError
from connectors.core.spec import Finding, Page, ReadContext, Record
from connectors.sources.database import SPEC, TABLES

AS_OF = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
Sql = Callable[..., None]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@pytest.fixture
def sql(shop: Path) -> Sql:
    def run(*statements: str) -> None:
        with sqlite3.connect(shop) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    run("create table customers (customer_id, email, is_staff, created_at, updated_at)")
    return run


def context(shop: Path, stream: str = "customers", **changes: Any) -> ReadContext:
    settings = SourceSettings(vendor="database", url=SecretStr(f"sqlite:///{shop}"))
    latest = AS_OF + timedelta(days=1)
    name, as_of = SPEC.stream(stream), changes.pop("as_of", AS_OF)
    empty = ReadContext("shop", settings, name, {}, frozenset(), as_of, as_of, 100, latest)
    return replace(empty, **changes)


def read(given: ReadContext) -> tuple[list[Record], dict[str, str]]:
    """All records, and the cursors after them."""
    pages: list[Page] = list(SPEC.read(given))
    cursors = {page.part: page.cursor for page in pages if page.cursor is not None}
    return [record for page in pages for record in page.records], {**given.cursors, **cursors}


def test_rows_without_a_usable_change_time_or_key_are_not_lost(shop: Path, sql: Sql) -> None:
    sql(
        "insert into customers values ('a', null, 0, null, '2011-01-01T00:00:00Z')",
        "insert into customers values ('b', null, 0, null, null)",
        "insert into customers values ('c', null, 0, '2011-05-01', 'yesterday')",
        "insert into customers values ('d', null, 0, null, '2099-01-01T00:00:00Z')",
        "insert into customers values (null, null, 0, null, '2011-01-02T00:00:00Z')",
        "insert into customers values ('e', null, 0, null, 1322697600)",
    )
    records, cursors = read(context(shop))
    keys = {record.key: record.at for record in records}
    assert {"a", "b", "c", "d", "e"} < set(keys)
    assert len(records) == len(keys) == 6
    assert keys["c"] == datetime(2011, 5, 1, tzinfo=UTC)
    assert keys["b"] is keys["d"] is keys["e"] is None
    assert set(cursors) == {"", "unordered"}


def test_unordered_rows_come_again_only_when_one_of_them_has_changed(shop: Path, sql: Sql) -> None:
    sql(
        "insert into customers values ('m', null, 0, null, null)",
        "insert into customers values ('z', null, 0, null, null)",
    )
    _, cursors = read(context(shop))
    assert read(context(shop, cursors=cursors))[0] == []
    sql("insert into customers values ('a', null, 0, null, null)")
    records, cursors = read(context(shop, cursors=cursors))
    assert sorted(record.key for record in records) == ["a", "m", "z"]
    sql("update customers set updated_at = '2011-12-01' where customer_id = 'm'")
    records, cursors = read(context(shop, cursors=cursors))
    assert [record.key for record in records].count("m") == 1
    assert read(context(shop, cursors=cursors))[0] == []


def test_an_undated_row_that_happened_after_as_of_waits(shop: Path, sql: Sql) -> None:
    sql("insert into customers values ('b', null, 0, '2011-12-06 11:06', null)")
    records, cursors = read(context(shop))
    assert records == []
    later = context(shop, cursors=cursors, as_of=AS_OF + timedelta(minutes=1))
    assert [record.key for record in read(later)[0]] == ["b"]


def test_mixed_spellings_of_time_are_put_in_one_order(shop: Path, sql: Sql) -> None:
    times = {
        "a": "2011-12-05T23:30:00-01:00",  # 6 December 00:30
        "b": "2011-12-06 00:10:00",
        "c": "2011-12-06T01:00:00.250Z",
        "d": "2011-12-06",
        "e": "2011-12-06 12:04:00+01:00",
        "f": "2011-12-06 11:05:00.5",
        "g": "2011-12-06 11:05:00.0004",  # SQLite compares milliseconds
    }
    sql(*(f"insert into customers values ('{k}', null, 0, null, '{v}')" for k, v in times.items()))
    records, cursors = read(context(shop, page_size=2))
    assert [record.key for record in records] == ["d", "b", "a", "c", "e"]
    assert records[3].at == datetime(2011, 12, 6, 1, 0, 0, 250_000, tzinfo=UTC)
    later = context(shop, cursors=cursors, as_of=AS_OF + timedelta(seconds=1))
    assert [record.key for record in read(later)[0]] == ["g", "f"]


def test_one_change_time_for_all_rows_pages_by_key_and_over_windows(
    shop: Path, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "WINDOW_ROWS", 10)
    sql(*(f"insert into customers values ({n}, null, 0, null, '2011-01-01')" for n in range(40)))
    records, _ = read(context(shop, page_size=3))
    assert sorted(int(record.key) for record in records) == list(range(40))


def test_a_payload_is_the_documented_columns_and_nothing_else(shop: Path, sql: Sql) -> None:
    sql(
        "alter table customers add column password_hash text",
        "insert into customers values ('a', 'a@example.com', 1, null, '2011-01-01', 'x')",
    )
    (record,), _ = read(context(shop))
    assert orjson.loads(record.payload) == {
        "customer_id": "a",
        "email": "a@example.com",
        "is_staff": True,
        "created_at": None,
        "updated_at": "2011-01-01",
    }


def test_real_timestamps_and_decimals_are_read_by_another_engine(tmp_path: Path) -> None:
    url = f"duckdb:///{tmp_path}/shop.duckdb"
    engine = create_engine(url)
    with engine.begin() as connection:
        for kind, stream, key in (
            ("timestamp", "customers", "customer_id"),
            ("timestamptz", "products", "product_id"),
        ):
            more = "price_minor decimal(12,2)" if stream == "products" else "email text"
            connection.execute(
                text(f"create table {stream} ({key} bigint, {more}, updated_at {kind})")
            )
            for n in range(9):
                row = f"({n}, 12, timestamp '2011-12-06 11:00:00' + interval {n} minute)"
                connection.execute(text(f"insert into {stream} values {row}"))
    engine.dispose()
    settings = SourceSettings(vendor="database", url=SecretStr(url))
    for stream in ("customers", "products"):
        given = context(tmp_path, stream, settings=settings, page_size=2)
        records, cursors = read(given)
        assert [record.key for record in records] == list("012345")
        assert orjson.loads(records[0].payload)["updated_at"] == "2011-12-06T11:00:00Z"
        later = replace(given, cursors=cursors, settled=AS_OF + timedelta(hours=1))
        assert [record.key for record in read(later)[0]] == list("678")
    assert orjson.loads(records[0].payload)["price_minor"] == "12.00"


def test_postgresql_compares_times_as_their_type_and_keys_untyped() -> None:
    found: Found = {
        "id": ("id", String()),
        "updated_at": ("updated_at", DateTime(timezone=True)),
    }
    table = KeysetTable("t", "id", "updated_at", found, is_sqlite=False)
    query = table.window(context(Path("x")), '{"at":"2011-01-01T00:00:00+00:00","key":"k"}')
    dialect = create_mock_engine("postgresql+psycopg://", lambda: None).dialect
    compiled = " ".join(str(query.compile(dialect=dialect)).split())
    stamp = "::TIMESTAMP WITH TIME ZONE"
    assert f"updated_at >= %(param_2)s{stamp}" in compiled
    assert f"(updated_at > %(param_2)s{stamp} OR id > %(param_3)s) ORDER BY" in compiled


def test_a_row_committed_late_is_not_lost_behind_the_cursor(shop: Path, sql: Sql) -> None:
    """Its transaction was open while others were read; nothing unsettled is read."""
    settled = AS_OF - timedelta(minutes=1)
    sql(
        "insert into customers values ('a', null, 0, null, '2011-12-06T11:04:00Z')",
        "insert into customers values ('c', null, 0, null, '2011-12-06T11:04:40Z')",
    )
    records, cursors = read(context(shop, settled=settled))
    assert [record.key for record in records] == ["a"]
    sql("insert into customers values ('b', null, 0, null, '2011-12-06T11:04:30Z')")
    records, _ = read(context(shop, cursors=cursors))
    assert [record.key for record in records] == ["b", "c"]


def test_a_day_is_no_order() -> None:
    found: Found = {"id": ("id", String()), "updated_at": ("updated_at", Date())}
    assert not KeysetTable("t", "id", "updated_at", found, is_sqlite=False).is_orderable


def test_a_missing_database_file_is_not_taken_for_an_empty_shop(tmp_path: Path) -> None:
    with pytest.raises(FixConfig, match="does not exist"):
        read(context(tmp_path / "nowhere.db"))
    assert not (tmp_path / "nowhere.db").exists()


def test_only_customers_and_orders_are_needed(shop: Path, sql: Sql) -> None:
    sql("select 1")
    assert {name for name, columns in TABLES.items() if columns.needed} == {"customers", "orders"}
    assert read(context(shop, "products"))[0] == []
    with pytest.raises(FixConfig, match=r"no table or view 'orders'.*Create a view named orders"):
        read(context(shop, "orders"))


def test_check_names_what_is_missing_and_which_view_would_help(shop: Path, sql: Sql) -> None:
    sql("create view orders as select 1 as order_id, 'GBP' as currency")
    findings = SPEC.check("shop", context(shop).settings)
    levels = {name: finding.level for name, finding in zip(TABLES, findings, strict=True)}
    empty = dict.fromkeys(("products", "order_lines", "consents", "carts", "cart_lines"), "warning")
    assert levels == {"customers": "ok", "orders": "error", **empty}
    assert findings[0] == Finding(
        "ok",
        "table 'customers' can be read, without phone, first_name, last_name, country, language,"
        " time_zone, loyalty_card, is_test, born_on, street, postcode, city, company",
    )
    assert findings[2].what == "table 'orders' has no column ordered_at, status, amount_minor"
    assert "view named orders with the columns order_id, ordered_at" in findings[2].remedy


def test_what_the_driver_says_is_not_passed_on(shop: Path, sql: Sql) -> None:
    sql("create view orders as select * from c4nary_table")
    with pytest.raises(ParleyError) as raised:
        read(context(shop, "orders"))
    findings = SPEC.check("shop", context(shop).settings)
    assert "c4nary" not in "".join(traceback.format_exception(raised.value)) + repr(findings)


def test_a_table_without_a_change_time_is_read_as_a_whole(shop: Path, sql: Sql) -> None:
    """And check says so, because it costs a pass each time."""
    sql(
        "create table products (product_id, name, created_at)",
        "insert into products values (2, 'kettle', '2011-01-01')",
        "insert into products values (1, 'toaster', null)",
        "insert into products values (null, 'nobody', null)",
        "insert into products values (3, 'from tomorrow', '2011-12-07')",
        "insert into products values (4, 'from never', '2099-01-01')",
    )
    given = context(shop, "products", page_size=2)
    for _ in range(2):
        pages = list(SPEC.read(given))
        assert {page.snapshot for page in pages} == {"consistent"}
        assert [page.done for page in pages] == [False, False, False, True]
        records = [record for page in pages for record in page.records]
        assert [record.key for record in records[1:]] == ["1", "2", "4"]
        assert [key for page in pages for key in page.held] == ["3"]
    (finding,) = (f for f in SPEC.check("shop", given.settings) if "products" in f.what)
    assert finding.level == "ok"
    assert finding.what.endswith("as a whole and compared each time")


def test_what_is_in_carts_is_always_read_as_a_whole(shop: Path, sql: Sql) -> None:
    """What is taken out leaves no row with a change time."""
    sql(
        "create table carts (cart_id, status, updated_at)",
        "insert into carts values ('c', 'open', '2011-12-06')",
        "create table cart_lines (line_id, cart_id, product_id, quantity, updated_at)",
        "insert into cart_lines values ('l', 'c', 'p', 1, '2011-12-06')",
    )
    assert [page.snapshot for page in SPEC.read(context(shop, "carts"))] == [None]
    whole = list(SPEC.read(context(shop, "cart_lines")))
    assert [page.snapshot for page in whole] == ["consistent", "consistent"]
    assert whole[0].records[0].at == datetime(2011, 12, 6, tzinfo=UTC)
