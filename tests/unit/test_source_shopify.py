"""Source `shopify`: what changed lands once and whole; errors name their remedy."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from connectors.core.api import exports
from connectors.core.errors import FixConfig, RetryLater, StopRun
from connectors.sources.shopify import reading
from tests.conformance.apis.shopify.records import checkout, order
from tests.conformance.apis.shopify.store import CLIENT, CLIENT_SECRET
from tests.conformance.http_kit import App, Asked, Told
from tests.unit.shopify_kit import AS_OF, MINUTE, START, Connected, ids, put_one_of_each, put_orders


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "POLLS", (0.001,))
    monkeypatch.setattr(exports, "PATIENCE_SECONDS", 0.05)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Connected]:
    made = Connected(tmp_path)
    yield made
    made.close()


@pytest.fixture
def paged(tmp_path: Path) -> Iterator[Connected]:
    made = Connected(tmp_path, bulk="no")
    yield made
    made.close()


@pytest.fixture(params=["yes", "no"], ids=["bulk", "pages"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connected]:
    made = Connected(tmp_path, bulk=request.param)
    yield made
    made.close()


def test_a_record_is_the_same_text_by_a_bulk_operation_and_by_pages(tmp_path: Path) -> None:
    found = []
    for how in ("yes", "no"):
        shop = Connected(tmp_path / how, bulk=how)
        put_one_of_each(shop)
        streams = ("orders", "customers", "products", "carts")
        assert [shop.land(stream) for stream in streams] == [1, 1, 1, 1]
        found.append([shop.landed(stream)[0]["payload"] for stream in streams])
        shop.close()
    assert found[0] == found[1]
    orders, _, products, carts = map(orjson.loads, found[0])
    assert [line["id"] for line in orders["lineItems"]["nodes"]] == [
        f"gid://shopify/LineItem/{1_000 + n}" for n in range(130)
    ]
    assert set(orders["lineItems"]) == {"nodes"}
    assert len(products["variants"]["nodes"]) == 120
    assert len(carts["lineItems"]["nodes"]) == 37


def test_a_store_without_records_is_empty(either: Connected) -> None:
    assert [either.land(s) for s in ("orders", "customers", "products", "carts")] == [0] * 4
    either.store.put("Order", order(1, AS_OF - MINUTE))
    assert either.land() == 1


def test_what_happened_after_as_of_waits_for_its_time(either: Connected) -> None:
    put_orders(either, 12)
    either.land(as_of=START + 5 * MINUTE)
    assert ids(either) == [1, 2, 3, 4, 5]
    either.land()
    assert ids(either) == list(range(1, 13))


def test_lists_are_not_paged_deeper_than_shopify_allows(
    paged: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    paged.store.rows["Order"].deepest = 50
    monkeypatch.setattr(reading, "DEEPEST", 30)
    put_orders(paged, 130)
    assert paged.land() == 130
    assert ids(paged) == list(range(1, 131))


def test_a_page_that_comes_twice_is_asked_for_again(paged: Connected) -> None:
    put_orders(paged, 35)
    last: list[Told] = []

    def keep(asked: Asked, app: App) -> Told:
        last.append(app(asked))
        return last[-1]

    paged.server.faults = {1: keep, 2: lambda _asked, _app: last[-1]}
    assert paged.land() == 35
    assert ids(paged) == list(range(1, 36))


def test_a_paging_that_runs_in_circles_is_stopped(paged: Connected) -> None:
    put_orders(paged, 35)
    pages: list[Told] = []

    def circle(asked: Asked) -> Told:
        pages.append(paged.store(asked) if len(pages) < 2 else pages[-2])
        return pages[-1]

    paged.server.app = circle
    with pytest.raises((StopRun, RetryLater)):
        paged.land()
    assert len(paged.server.asked) < 10


def test_a_random_store_ends_in_what_it_holds(either: Connected) -> None:
    dice, clock = random.Random(7), START

    def trade(asked: Asked) -> Told:
        for _ in range(dice.randrange(3)):
            at = clock - timedelta(seconds=dice.randrange(300))
            number, lines = dice.randrange(1, 60), dice.randrange(1, 14)
            either.store.put("Order", order(number, at, lines))
            either.store.put("AbandonedCheckout", checkout(number, at, lines))
        either.store.clock = clock
        return either.store(asked)

    for _ in range(8):
        clock += timedelta(minutes=12)
        either.server.app = trade
        for stream in ("orders", "carts"):
            either.land(stream, clock, batch_rows=dice.choice((4, 6, 50)))
    either.server.app = either.store
    clock += MINUTE
    for kind, stream in (("Order", "orders"), ("AbandonedCheckout", "carts")):
        either.land(stream, clock)
        held = {
            key: [row["updatedAt"], len(row["lineItems"])]
            for key, row in either.store.rows[kind].by_id.items()
        }
        found = either.newest(stream)
        assert held == {
            key: [row["updatedAt"], len(row["lineItems"]["nodes"])] for key, row in found.items()
        }


def test_an_app_of_the_stores_own_gets_its_token_by_client_credentials(paged: Connected) -> None:
    put_orders(paged, 25)
    paged.source = paged.source.model_copy(
        update={"token": None, "user": SecretStr(CLIENT), "password": SecretStr(CLIENT_SECRET)}
    )

    def forgets(asked: Asked, app: App) -> Told:
        paged.store.tokens.clear()
        return app(asked)

    paged.server.faults = {3: forgets}
    assert paged.land() == 25
    tokens = [asked for asked in paged.server.asked if asked.path.endswith("access_token")]
    assert len(tokens) == 2


def test_a_store_is_never_asked_beyond_its_points(paged: Connected) -> None:
    paged.store.bucket = replace(paged.store.bucket, most=1_000, left=1_000, rate=4_000)
    put_orders(paged, 60)
    assert paged.land() == 60
    assert paged.store.bucket.violations == 0


def test_a_query_that_is_throttled_waits_for_its_points(paged: Connected) -> None:
    put_orders(paged, 3)
    paged.store.bucket = replace(paged.store.bucket, most=1_000, left=0, rate=300)
    emptied = time.monotonic()
    assert paged.land() == 3
    assert paged.store.bucket.violations == 1
    _, second = paged.server.times
    assert second - emptied > 576 / 300 - 0.2


@pytest.mark.parametrize(
    ("code", "error", "remedy"),
    [
        ("ACCESS_DENIED", FixConfig, "read_all_orders"),
        ("MAX_COST_EXCEEDED", FixConfig, "page_size"),
        ("SHOP_INACTIVE", FixConfig, "not active"),
        ("undefinedField", FixConfig, "api_version"),
        ("NEW_CODE", FixConfig, "Report it"),
    ],
)
def test_an_error_in_an_answer_that_says_200_has_its_remedy(
    paged: Connected, code: str, error: type[Exception], remedy: str
) -> None:
    told = {"message": "s3cret", "extensions": {"code": code}, "path": ["orders", 0, "email"]}
    paged.server.app = lambda _asked: Told({"data": {"orders": None}, "errors": [told]})
    with pytest.raises(error, match=f"{code} at orders.email .*{remedy}") as raised:
        paged.land()
    assert "s3cret" not in str(raised.value)


def test_an_inner_error_is_asked_about_again(paged: Connected) -> None:
    put_orders(paged, 3)
    told = {"errors": [{"message": "oops", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}
    paged.server.faults = {0: lambda _asked, _app: Told(told)}
    assert paged.land() == 3


def test_a_field_that_the_app_may_not_read_is_no_empty_field(either: Connected) -> None:
    put_orders(either, 2)
    either.store.denied = {"email"}
    either.store.ends = "FAILED ACCESS_DENIED"
    with pytest.raises(FixConfig, match=r"may not read|ACCESS_DENIED at orders\.nodes\.email"):
        either.land()


@pytest.mark.parametrize(
    ("update", "said"),
    [
        ({"token": None}, "neither a token nor user and password"),
        ({"url": SecretStr("http://shop.example/")}, "not https"),
        ({"options": {"api_version": "../2026"}}, "api_version is no version"),
        ({"options": {"bulk": "no", "api_version": "2026-04"}}, "undefinedField"),
        ({"token": SecretStr("wrong")}, "401"),
    ],
)
def test_what_is_set_wrong_is_said(shop: Connected, update: dict[str, Any], said: str) -> None:
    shop.source = shop.source.model_copy(update=update)
    with pytest.raises(FixConfig, match=said):
        shop.land()
    assert any(f.level == "error" and said in f.what and f.remedy for f in shop.check())


def test_check_says_what_can_be_read_and_what_is_not_seen(shop: Connected) -> None:
    put_one_of_each(shop)
    assert {finding.level for finding in shop.check()} == {"ok"}
    shop.store.scopes = ("read_orders", "write_products")
    shop.source = shop.source.model_copy(update={"options": {"api_version": "2025-07"}})
    findings = {f.what: f.level for f in shop.check()}
    assert findings["customers: the app has not the scope read_customers"] == "error"
    assert findings["products can be read"] == "ok"
    assert findings["orders of more than 60 days ago are not seen"] == "warning"
    assert findings["Shopify does not serve its API's version 2025-07 any more"] == "warning"
