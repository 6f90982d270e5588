"""Whose a record in the lake is: one's own goes, another's stays without what names the erased."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.core.accounts import SourceSettings
from connectors.core.batch import BatchName, chunk
from connectors.core.erasure.rewriting import rewrite
from connectors.core.erasure.scan import Scan
from connectors.core.erasure.sought import Found, Guards, Sought, lake_files
from connectors.core.lake import Lake
from connectors.core.settings import Settings
from connectors.core.spec import Batch, Record
from connectors.core.subjects import ERASED, Subjects
from connectors.sources.database import SPEC

NOW = datetime(2024, 3, 4, 11, 5, tzinfo=UTC)
LIMITS = Guards({("email", "user_id"): 3, ("user_id", "email"): 5}, frozenset({("user_id", "0")}))


class Held:
    """A lake with batches of a shop's database, and what is found in it."""

    def __init__(self, folder: Path) -> None:
        shop = SourceSettings(vendor="database", url="sqlite:///none.db")
        self.settings = Settings(home=folder, sources={"shop": shop}, hash_key="k")
        self.lake = Lake(self.settings.lake_root)
        self.batches: list[Batch] = []

    def land(self, stream: str, *payloads: dict[str, Any] | str, key: str = "") -> Batch:
        """One batch; an empty payload is a deletion."""
        records = [
            Record(
                key or str(number),
                None,
                "upsert" if payload else "delete",
                payload if isinstance(payload, str) else json.dumps(payload),
            )
            for number, payload in enumerate(payloads)
        ]
        name = BatchName("database", "shop", stream, NOW, "", str(len(self.batches)))
        self.batches.append(self.lake.write(name, [chunk(records)]))
        return self.batches[-1]

    def node(self, type_: str, raw: str) -> str:
        """An identifier's node."""
        node = Subjects(SPEC.stream("orders"), "shop", "main", "k", "GB").node(type_, raw)
        assert node
        return node

    def scan(self, *, nobodys: bool = False, **raws: str) -> tuple[Sought, Found]:
        """What is found of the person with these identifiers."""
        nodes = {self.node(type_, raw): type_ for type_, raw in raws.items()}
        sought = Sought(nodes, frozenset(), frozenset(nodes) if nobodys else frozenset())
        files = lake_files(self.lake, self.batches)
        return sought, Scan(self.settings, self.lake, files, sought, LIMITS).run()

    def erased(self, *, nobodys: bool = False, **raws: str) -> dict[str, list[Any]]:
        """The payloads that are left, by stream, once that person is erased."""
        sought, found = self.scan(nobodys=nobodys, **raws)
        for file in lake_files(self.lake, self.batches):
            if file.path in {*found.remove, *found.redact}:
                batch = rewrite(self.lake, file, found, sought, self.settings)
                if batch:
                    self.batches[[b.batch_id for b in self.batches].index(batch.batch_id)] = batch
        return self.left()

    def left(self) -> dict[str, list[Any]]:
        """All payloads by stream."""
        told: dict[str, list[Any]] = {}
        for file in lake_files(self.lake, self.batches):
            told.setdefault(file.stream, [])
            for part in self.lake.read(file.path):
                told[file.stream].extend(part["payload"].to_pylist())
        return {k: [json.loads(p) if p[:1] == "{" else p for p in v] for k, v in told.items()}


@pytest.fixture
def held(tmp_path: Path) -> Held:
    return Held(tmp_path)


def test_an_orders_lines_go_with_it_and_those_of_others_stay(held: Held) -> None:
    held.land(
        "orders", {"order_id": "0", "email": "a@b.com"}, {"order_id": "1", "email": "c@b.com"}
    )
    held.land("order_lines", {"line_id": "x", "order_id": "0"}, {"line_id": "y", "order_id": "1"})
    assert held.erased(email="a@b.com") == {
        "orders": [{"order_id": "1", "email": "c@b.com"}],
        "order_lines": [{"line_id": "y", "order_id": "1"}],
    }


def test_a_call_centre_agents_own_email_leaves_the_orders_to_the_customers(held: Held) -> None:
    """An agent types their own address into thousands of orders, and asks to be erased."""
    orders = [
        {"order_id": str(n), "customer_id": f"u{n}", "email": "agent@shop.com"} for n in range(9)
    ]
    held.land("orders", *orders, {"order_id": "9", "email": "agent@shop.com"})
    sought, found = held.scan(email="agent@shop.com")
    assert found.shared == {*sought.nodes}
    left = held.erased(email="agent@shop.com")["orders"]
    assert left == [{**order, "email": None} for order in orders]


def test_a_customer_takes_along_their_order_with_the_agents_email(held: Held) -> None:
    orders = [
        {"order_id": str(n), "customer_id": f"u{n}", "email": "agent@shop.com"} for n in range(9)
    ]
    held.land("orders", *orders)
    assert held.erased(user_id="u3")["orders"] == [o for o in orders if o["customer_id"] != "u3"]


def test_an_address_that_is_nobodys_is_only_taken_out(held: Held) -> None:
    """Somebody asks for an address that no person of ours has: a guest mistyped theirs."""
    order = {"order_id": "1", "customer_id": "u1", "email": "typo@b.com"}
    held.land("orders", order)
    assert held.erased(nobodys=True, email="typo@b.com")["orders"] == [{**order, "email": None}]


def test_an_address_that_only_the_previous_tool_knew_is_ones_own(held: Held) -> None:
    held.land("orders", {"order_id": "1", "email": "a@b.com", "store": "of Ada"})
    _, found = held.scan(nobodys=True, email="a@b.com")
    assert not found.shared


def test_a_customer_called_nobody_is_no_other_person(held: Held) -> None:
    held.land("orders", {"order_id": "1", "customer_id": "0", "email": "a@b.com"})
    assert held.erased(nobodys=True, email="a@b.com")["orders"] == []


def test_a_deletion_goes_with_the_last_version_and_not_before(held: Held) -> None:
    held.land("customers", {"customer_id": "u1", "email": "a@b.com"}, key="u1")
    held.land("customers", "", key="u1")
    held.land("orders", {"order_id": "o", "email": "a@b.com"}, key="o")
    held.land("orders", {"order_id": "o", "email": "corrected@b.com"}, key="o")
    held.land("orders", "", key="o")
    left = held.erased(email="a@b.com")
    assert left["customers"] == []
    assert left["orders"] == [{"order_id": "o", "email": "corrected@b.com"}, ""]


def test_what_no_reader_understands_is_searched_as_text(held: Held) -> None:
    held.land("orders", "cut off: {'email': 'A@B.com', ", "nothing of theirs")
    assert held.erased(email="a@b.com")["orders"] == [
        f"cut off: {{'email': '{ERASED}', ", "nothing of theirs",
    ]  # fmt: skip


def test_a_phone_in_somebody_elses_note_is_taken_out_as_it_was_written_before(held: Held) -> None:
    held.land("customers", {"customer_id": "u1", "phone": "020 7946 0123"})
    held.land("orders", {"order_id": "1", "customer_id": "u2", "store": "call 020 7946 0123 first"})
    left = held.erased(user_id="u1", phone="020 7946 0123")
    assert left["customers"] == []
    assert left["orders"][0]["store"] == f"call {ERASED} first"


def test_files_that_no_batch_names_are_looked_through_too(held: Held) -> None:
    """A landing that died left its file; the run after it landed the window under another name."""
    lost = held.land("orders", {"order_id": "1", "email": "a@b.com"})
    held.batches.clear()
    assert "orders" not in held.erased(email="a@b.com")
    assert not held.lake.has(lost.path)


def test_an_emptied_batch_stays_as_an_empty_file_with_its_true_digest(held: Held) -> None:
    before = held.land("orders", {"order_id": "1", "email": "a@b.com"})
    held.erased(email="a@b.com")
    [after] = held.batches
    assert (after.batch_id, after.path, after.rows) == (before.batch_id, before.path, 0)
    assert held.lake.is_intact(after)
    sought, found = held.scan(email="a@b.com")
    [file] = [file for file in lake_files(held.lake, held.batches) if file.batch == after]
    assert rewrite(held.lake, file, found, sought, held.settings) == after


def test_erasing_twice_is_erasing_once_and_others_keep_their_places(held: Held) -> None:
    held.land("orders", *({"order_id": str(n), "email": f"{n}@b.com"} for n in range(5)))
    held.erased(email="2@b.com")
    [once] = held.batches
    held.erased(email="2@b.com")
    assert held.batches == [once]
    [part] = held.lake.read(once.path)
    assert part["seq"].to_pylist() == [0, 1, 3, 4]


def test_a_source_that_nobody_reads_any_more_is_looked_through_by_its_text(held: Held) -> None:
    batch = held.land("orders", {"order_id": "1", "note": "of a@b.com"})
    gone = replace(batch, vendor="gone_vendor")
    held.batches[:] = [gone]
    assert held.erased(email="a@b.com")["orders"] == [{"order_id": "1", "note": f"of {ERASED}"}]
