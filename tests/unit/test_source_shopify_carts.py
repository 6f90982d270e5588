"""Source `shopify`: abandoned checkouts, which are not listed by their time of change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.core.api import exports
from connectors.core.errors import RetryLater
from tests.conformance.apis.shopify.records import checkout
from tests.conformance.http_kit import Asked, Told
from tests.unit.shopify_kit import AS_OF, MINUTE, START, Connected, KilledError, ids, killed_after


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "POLLS", (0.001,))
    monkeypatch.setattr(exports, "PATIENCE_SECONDS", 0.05)


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


def test_checkouts_that_change_while_they_are_read_are_not_lost(either: Connected) -> None:
    store = either.store
    for number in range(1, 40):
        store.put("AbandonedCheckout", checkout(number, START + number * MINUTE))
    either.land("carts", as_of=START + timedelta(hours=1))
    for number in range(1, 40, 2):
        at = START + timedelta(hours=2)
        store.put("AbandonedCheckout", checkout(number, at, completedAt=at.isoformat()))
    moves = [3, 38, 12, 1]

    def move(asked: Asked) -> Told:
        if moves:
            number = moves.pop()
            store.put("AbandonedCheckout", checkout(number, START + timedelta(hours=3), lines=2))
        return store(asked)

    either.server.app = move
    either.land("carts", as_of=START + timedelta(hours=2, minutes=30))
    either.land("carts", as_of=START + timedelta(hours=4))
    found = either.newest("carts")
    assert all(found[f"gid://shopify/AbandonedCheckout/{n}"]["completedAt"] for n in (5, 7, 39))
    two = {key for key, cart in found.items() if len(cart["lineItems"]["nodes"]) == 2}
    assert two == {f"gid://shopify/AbandonedCheckout/{n}" for n in (1, 3, 12, 38)}


@pytest.mark.parametrize("pages", range(6))
def test_killed_in_a_window_of_checkouts_it_goes_on(paged: Connected, pages: int) -> None:
    for number in range(1, 40):
        paged.store.put("AbandonedCheckout", checkout(number, START + MINUTE))
    with pytest.raises(KilledError):
        paged.land("carts", change=killed_after(pages))
    paged.land("carts", as_of=AS_OF + MINUTE)
    assert ids(paged, "carts") == list(range(1, 40))
    assert paged.land("carts", as_of=AS_OF + 2 * MINUTE) == 0


def test_a_run_that_looks_back_sets_no_window_back(paged: Connected) -> None:
    paged.store.put("AbandonedCheckout", checkout(1, START))
    paged.land("carts")
    assert paged.land("carts", as_of=AS_OF - timedelta(hours=3)) == 0
    paged.store.put("AbandonedCheckout", checkout(2, AS_OF - timedelta(hours=2)))
    assert paged.land("carts", as_of=AS_OF + MINUTE) == 0  # it claims to be older than the overlap
    paged.store.put("AbandonedCheckout", checkout(3, AS_OF - 5 * MINUTE))
    assert paged.land("carts", as_of=AS_OF + MINUTE) == 1


def test_a_search_by_id_that_is_passed_over_makes_no_endless_loop(paged: Connected) -> None:
    for number in range(1, 40):
        paged.store.put("AbandonedCheckout", checkout(number, START))

    def deaf(asked: Asked) -> Told:
        body = {**asked.body, "variables": {**asked.body["variables"], "query": None}}
        return paged.store(replace(asked, body=body))

    paged.server.app = deaf
    with pytest.raises(RetryLater, match="the same page comes again and again"):
        paged.land("carts")
    assert len(paged.server.asked) < 10


def test_what_lies_in_the_overlap_of_two_windows_lands_once(paged: Connected) -> None:
    paged.store.put("AbandonedCheckout", checkout(1, AS_OF - 5 * MINUTE))
    assert paged.land("carts") == 1
    assert paged.land("carts", as_of=AS_OF + MINUTE) == 0
    assert paged.land("carts", as_of=AS_OF + 2 * MINUTE) == 0


def test_a_checkout_from_after_as_of_waits_for_its_time(paged: Connected) -> None:
    for number in range(1, 20):
        paged.store.put("AbandonedCheckout", checkout(number, START + number * MINUTE))
    paged.land("carts", as_of=START + 5 * MINUTE)
    assert ids(paged, "carts") == [1, 2, 3, 4, 5]
    paged.land("carts")
    assert ids(paged, "carts") == list(range(1, 20))


def test_a_run_ends_the_window_of_the_one_before_and_reads_its_own(paged: Connected) -> None:
    for number in range(1, 40):
        paged.store.put("AbandonedCheckout", checkout(number, START + MINUTE))
    with pytest.raises(KilledError):
        paged.land("carts", as_of=START + 2 * MINUTE, change=killed_after(4))
    paged.store.put("AbandonedCheckout", checkout(1, START + 3 * MINUTE, lines=2))
    paged.land("carts", as_of=START + 4 * MINUTE)
    assert sorted(set(ids(paged, "carts"))) == list(range(1, 40))
    first = paged.newest("carts")["gid://shopify/AbandonedCheckout/1"]
    assert len(first["lineItems"]["nodes"]) == 2
