"""Bad orders and accounts through every store: each is read or rejected with its reason, none lost.

One landing and one build a store; then the store mends what was rejected, and it is read.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.conformance.apis import woocommerce as woocommerce_api
from tests.conformance.apis.woocommerce import PASSWORD, USER, WooShop
from tests.conformance.http_kit import Server
from tests.unit.bad_orders_database import Database
from tests.unit.bad_orders_kit import (
    AS_OF,
    GOOD_MINOR,
    KINDS,
    VARIANTS,
    WHEN,
    Of,
    Record,
    Store,
    Variant,
    corpus,
    mark,
    tell,
)
from tests.unit.bad_orders_shopify import Shopify
from tests.unit.store_kit import Row, Stores, stores

KEYS: dict[Of, str] = {"orders": "order_id", "customers": "customer_id"}


class Woo(Store):
    """WooCommerce: lines and refunds come inside the order, so that neither can come alone."""

    vendor = "woocommerce"
    total, part, note = "total", "billing", "customer_note"

    def __init__(self) -> None:
        self._shop = WooShop()
        self._server = Server(self._shop)

    def settings(self) -> Mapping[str, str]:
        return {
            "vendor": self.vendor, "url": self._server.url, "user": USER, "password": PASSWORD,
        }  # fmt: skip

    def order(self, number: int, **said: Any) -> Record:
        made = woocommerce_api.order(number, AS_OF - timedelta(days=1))
        made |= {field: said[field] for field in ("id", "total", "currency") if field in said}
        made["billing"] |= _person(said)
        made[self.note] = mark(number) + said.get("note", "")
        if "refund" in said:
            made |= {"status": "pending", "refunds": [{"id": 1, "total": f"-{said['refund']}"}]}
        if "loose_line" in said:
            made["line_items"].append(woocommerce_api.line(number, id=None))
        return {**made, "date_modified_gmt": WHEN}

    def account(self, number: int, **said: Any) -> Record:
        person = _person(said)
        made = woocommerce_api.customer(number, AS_OF - timedelta(days=1))
        made |= {field: person[field] for field in ("email", "first_name") if field in person}
        made["billing"] |= {"phone": person.get("phone", "")}
        return {**made, self.note: mark(number) + said.get("note", "")}

    def put(self, of: Of, place: int, text: str, at: datetime) -> None:
        self._shop.put_text(of, place, text.encode(), at)

    def close(self) -> None:
        self._server.close()


def _person(said: Mapping[str, Any]) -> dict[str, Any]:
    words = {"email": "email", "phone": "phone", "first_name": "name"}
    return {field: said[word] for field, word in words.items() if word in said}


STORES: list[type[Store]] = [Woo, Shopify, Database]


@dataclass
class Told:
    """What a store told, and what became of it: after the first run, and once it was mended."""

    store: Store
    variants: list[Variant]
    house: Stores
    lake: dict[Of, list[Row]]
    staged: dict[Of, list[Row]]
    rejects: list[Row]
    mended: dict[str, Row]
    lines: Counter[str]


@pytest.fixture(scope="module", params=STORES, ids=lambda store: str(store.vendor))
def told(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    store: Store = request.param()
    variants = list(corpus(store))
    tell(store, variants)
    folder = tmp_path_factory.mktemp(store.vendor)
    with stores(folder, {store.source_id: store.settings()}) as house:
        house.run(AS_OF)
        lake = {of: house.lake(store.source_id, stream) for of, stream in store.streams.items()}
        staged = {of: house.rows(f"from staging.stg_{store.vendor}__{of}") for of in KEYS}
        rejects = house.rows("from staging.rejects")
        mend(store, variants)
        house.run(AS_OF + timedelta(hours=2))
        mended = {named(store, row): row for row in house.rows("from intermediate.int_orders")}
        lines = house.rows(
            "select o.order_id from marts.order_lines as l"
            " left join marts.orders as o on l.order_key = o.order_key"
        )
        counted = Counter(named(store, row) for row in lines)
        yield Told(store, variants, house, lake, staged, rejects, mended, counted)
    store.close()


def named(store: Store, row: Row) -> str:
    """Which variant an order is, whatever its id; nothing where there is no order."""
    return str(store.number("orders", row["order_id"])) if row["order_id"] else ""


def mend(store: Store, variants: list[Variant]) -> None:
    """The store tells of everything that was rejected anew, as it should be."""
    good = {"orders": store.order, "customers": store.account}
    mended = [
        Variant(each.number, each.of, each.kind, (json.dumps(good[each.of](each.number)),), "read")
        for each in rejected(variants)
    ]
    tell(store, mended, AS_OF + timedelta(hours=1), 1_000_000)


def rejected(variants: list[Variant]) -> list[Variant]:
    return [variant for variant in variants if variant.verdict == "rejected"]


def numbers(told: Told, of: Of, rows: list[Row]) -> Counter[int]:
    """Which variants these staged rows are, and how many rows each is."""
    found: Counter[int] = Counter()
    for row in rows:
        if row["reject_reason"] is None:
            found[told.store.number(of, row[KEYS[of]])] += 1
        else:
            marked = re.search(r"<(\d+)>", row["payload"])
            assert marked, "a rejected record has lost its payload"
            found[int(marked[1])] += 1
    return found


def test_the_corpus_has_every_kind_twenty_times(told: Told) -> None:
    kinds = Counter(variant.kind for variant in told.variants)
    assert kinds == {kind: VARIANTS for kind in KINDS if kind not in told.store.lacks}


@pytest.mark.parametrize("of", KEYS)
def test_everything_that_was_told_has_landed_and_is_read_or_rejected(told: Told, of: Of) -> None:
    landing = {v.number: told.store.landing(v) for v in told.variants if v.of == of}
    read = [row for row in told.staged[of] if row["reject_reason"] is None]
    kept = [row for row in told.rejects if row["stream"] == f"{told.store.vendor}.{of}"]
    assert (
        len(told.lake[of]) == sum(landing.values()) == len(told.staged[of]) == len(read) + len(kept)
    )
    assert all(row["reject_reason"] and row["payload"] for row in kept)
    assert numbers(told, of, told.staged[of]) == Counter(landing)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_ends_as_it_should(told: Told, kind: str) -> None:
    if kind in told.store.lacks:
        pytest.skip("this store cannot say it")
    of = KINDS[kind][0]
    good = [row for row in told.staged[of] if row["reject_reason"] is None]
    read = set(numbers(told, of, good))
    of_kind = [variant for variant in told.variants if variant.kind == kind]
    assert {v.number for v in of_kind if v.number in read} == {
        v.number for v in of_kind if v.verdict == "read"
    }


def test_an_order_whose_total_contradicts_its_lines_counts_by_its_total(told: Told) -> None:
    for variant in told.variants:
        if variant.kind == "total that contradicts its lines":
            total = told.store.amount(json.loads(variant.texts[0]))
            assert told.mended[str(variant.number)]["amount_minor"] == round(float(total) * 100)


@pytest.mark.parametrize("kind", ["same id with another body", "duplicate keys"])
def test_of_two_bodies_the_last_one_counts(told: Told, kind: str) -> None:
    if kind in told.store.lacks:
        pytest.skip("this store cannot say it")
    found = {
        told.mended[str(variant.number)]["amount_minor"]
        for variant in told.variants
        if variant.kind == kind
    }
    assert found == {GOOD_MINOR}


def test_what_the_store_has_mended_is_read(told: Told) -> None:
    mended = [variant for variant in rejected(told.variants) if variant.of == "orders"]
    assert len(mended) >= VARIANTS
    amounts = {told.mended[str(variant.number)]["amount_minor"] for variant in mended}
    assert amounts == {GOOD_MINOR}


def test_every_order_that_was_told_is_one_in_the_end(told: Told) -> None:
    numbers_told = {str(variant.number) for variant in told.variants if variant.of == "orders"}
    assert told.mended.keys() == numbers_told


def test_every_order_has_its_one_line_and_no_loose_one(told: Told) -> None:
    assert told.lines == Counter(told.mended.keys())
