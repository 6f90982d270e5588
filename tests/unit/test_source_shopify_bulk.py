"""Source `shopify`: the first load by a bulk operation, and what may go wrong with one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.core.api import exports
from connectors.core.errors import FixConfig, RetryLater
from connectors.sources.shopify import bulk
from tests.conformance.apis.shopify.records import order
from tests.conformance.http_kit import App, Asked, Told
from tests.unit.shopify_kit import (
    AS_OF,
    MINUTE,
    START,
    Connected,
    KilledError,
    ids,
    killed_after,
    put_orders,
)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "POLLS", (0.001,))
    monkeypatch.setattr(exports, "PATIENCE_SECONDS", 0.05)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Connected]:
    made = Connected(tmp_path)
    yield made
    made.close()


def test_the_file_of_a_bulk_operation_is_fetched_without_credentials(shop: Connected) -> None:
    put_orders(shop, 3)
    shop.land()
    assert len(shop.store.files.asked) == 1
    assert shop.store.leaks == 0


def test_what_changes_while_a_bulk_operation_runs_is_read_after_it(shop: Connected) -> None:
    put_orders(shop, 20)
    shop.store.clock = START + timedelta(hours=2)
    late = order(7, START + timedelta(hours=9), cancelledAt="2026-11-25T11:00:00Z")
    missed = order(8, START + timedelta(hours=5), email="new@example.com")

    def change(read: Iterator[Any]) -> Iterator[Any]:
        yield next(read)
        shop.store.put("Order", missed)
        yield from read

    shop.store.put("Order", late)  # the file has it, from long after the operation began
    shop.land(change=change)
    assert shop.newest()["gid://shopify/Order/8"]["email"] == "new@example.com"
    assert len(ids(shop)) == 21


def test_a_bulk_operation_that_takes_its_time_is_waited_for_by_the_next_run(
    shop: Connected,
) -> None:
    put_orders(shop, 5)
    shop.store.looks = 1_000
    with pytest.raises(RetryLater, match="still preparing"):
        shop.land()
    (operation,) = shop.store.operations.values()
    operation.looks = 3
    assert shop.land() == 5
    assert len(shop.store.operations) == 1


@pytest.mark.parametrize("end", ["FAILED TIMEOUT", "FAILED INTERNAL_SERVER_ERROR", "CANCELED"])
def test_a_bulk_operation_that_failed_is_started_anew(shop: Connected, end: str) -> None:
    put_orders(shop, 5)
    shop.store.ends = end
    with pytest.raises(RetryLater, match=r"has failed .* Set the source's option bulk to no"):
        shop.land()
    assert len(shop.store.operations) == exports.STARTS
    assert shop.store.files.asked == []  # what it got so far is not whole
    shop.store.ends = "COMPLETED"
    assert shop.land() == 5


def test_a_bulk_operation_whose_file_has_expired_is_started_anew(shop: Connected) -> None:
    put_orders(shop, 12)
    with pytest.raises(KilledError):
        shop.land(change=killed_after(2))
    shop.store.operations["gid://shopify/BulkOperation/1"].ends = "EXPIRED"
    shop.land()
    assert set(ids(shop)) == set(range(1, 13))


def test_a_bulk_operation_that_may_not_read_names_the_remedy(shop: Connected) -> None:
    shop.store.ends = "FAILED ACCESS_DENIED"
    with pytest.raises(FixConfig, match="the app may not read orders"):
        shop.land()


@pytest.mark.parametrize("room", [0, 1])
def test_while_the_app_has_no_other_bulk_operation_left_pages_are_read(
    shop: Connected, room: int
) -> None:
    put_orders(shop, 15)
    shop.store.looks = 1_000
    if room:
        shop.store.start("{ customers { edges { node { id } } } }", is_grouped=True)
    shop.store.room = room
    assert shop.land() == 15
    assert shop.asked("bulkOperationRunQuery") > 1
    shop.store.room = 5
    assert shop.land(as_of=AS_OF + MINUTE) == 0
    assert len(shop.store.operations) == room


def test_a_file_that_breaks_off_is_read_on_from_there(shop: Connected) -> None:
    put_orders(shop, 400, lines=2)

    def half(asked: Asked, app: App) -> Told:
        told = app(asked)
        assert isinstance(told.body, bytes)
        cut = len(told.body) // 2
        return replace(told, body=told.body[:cut], cut=len(told.body) - cut)

    shop.store.files.faults = {0: half}
    assert shop.land(batch_rows=100) == 400
    assert ids(shop) == list(range(1, 401))
    assert len(shop.store.files.asked) == 2


def test_a_file_that_never_leads_on_is_for_later(shop: Connected) -> None:
    put_orders(shop, 3)
    shop.store.files.app = lambda _asked: Told({"error": "expired"}, 403)
    with pytest.raises(RetryLater, match="403"):
        shop.land()
    assert len(shop.store.files.asked) == exports.ATTEMPTS


def test_a_file_with_fewer_records_than_promised_is_not_the_end(shop: Connected) -> None:
    put_orders(shop, 10)
    whole = shop.store.file

    def short(asked: Asked) -> Told:
        told = whole(asked)
        assert isinstance(told.body, bytes)
        return replace(told, body=b"".join(told.body.splitlines(keepends=True)[:6]))

    shop.store.files.app = short
    with pytest.raises(RetryLater, match="holds 3 of 10 records"):
        shop.land()
    shop.store.files.app = whole
    shop.land()
    assert ids(shop) == list(range(1, 11))


@pytest.mark.parametrize("pages", range(7))
def test_killed_in_the_midst_of_a_file_it_goes_on_from_the_line_that_was_taken(
    shop: Connected, pages: int
) -> None:
    put_orders(shop, 30, lines=3)
    with pytest.raises(KilledError):
        shop.land(change=killed_after(pages))
    shop.land()
    assert ids(shop) == list(range(1, 31))
    assert all(len(found["lineItems"]["nodes"]) == 3 for found in shop.newest().values())


def test_entries_that_a_bulk_operation_leaves_out_are_read_by_pages(shop: Connected) -> None:
    shop.store.long_list = bulk.LONG_LIST
    shop.store.put("Order", order(1, START, lines=250))
    shop.store.put("Order", order(2, START, lines=99))
    shop.land()
    lines = [len(found["lineItems"]["nodes"]) for found in shop.newest().values()]
    assert lines == [250, 99]
    assert shop.asked("... on Order") == 3


def test_entries_away_from_their_record_are_not_given_to_another_one(shop: Connected) -> None:
    put_orders(shop, 3, lines=2)
    shop.store.is_grouping = False
    with pytest.raises(RetryLater, match="away from their record"):
        shop.land()


def test_a_line_that_is_no_json_lands_as_it_is(shop: Connected) -> None:
    put_orders(shop, 2)
    whole = shop.store.file
    shop.store.files.app = lambda asked: replace(
        whole(asked), body=b'{"cut": \n\n' + bytes(whole(asked).body)
    )
    assert shop.land() == 3
    assert '"{\\"cut\\": "' in {row["payload"] for row in shop.landed()}
