"""Erasure in the ledger, on both databases: refused first, then gone, freed space too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from outbox_kit import MONDAY, POLICY, Outbox, row
from sqlalchemy import Engine, select

from connectors.core.spec import KnownRow
from connectors.ledger import erasures
from connectors.ledger.db import open_ledger
from connectors.ledger.emission.reserve import reserve
from connectors.ledger.erasures import ErasedNode
from connectors.ledger.manifest import LedgerManifest
from connectors.ledger.models import MessageAuditRow

EMAIL, USER = ErasedNode("a-k1", "email"), ErasedNode("u1", "user_id")


@pytest.fixture
def outbox(ledger_url: str, tmp_path: Path) -> Iterator[Outbox]:
    engine = open_ledger(ledger_url)
    yield Outbox(engine, tmp_path)
    engine.dispose()


def rows(engine: Engine, model: Any) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(each) for each in connection.execute(select(*model.__table__.c)).mappings()]


def test_who_is_erased_is_refused_at_once_also_what_was_about_to_leave(outbox: Outbox) -> None:
    refused = erasures.refuse(outbox.engine, "r1", [EMAIL, USER], MONDAY)
    assert refused == 0
    result = outbox.emit([row("k1"), row("k2"), row("k1-service", address_node="a-k1",
                          purpose="service", person_id="p-k1")])  # fmt: skip
    assert result.refused == {"suppressed": 2}
    assert outbox.states()["k2"] == "accepted"


def test_what_waits_is_cancelled(outbox: Outbox) -> None:
    folder = outbox.plan([row("k1"), row("k2")])
    audience = folder / "audience_mass.parquet"
    reserve(outbox.engine, audience, "r1", POLICY, destinations=["file"], at=MONDAY)
    assert erasures.refuse(outbox.engine, "r1", [EMAIL], MONDAY) == 1
    assert outbox.states() == {"k1": "cancelled", "k2": "reserved"}
    assert outbox.table()["k1"]["refusal"] == "erased"


def test_asked_again_nothing_changes_and_nothing_is_said_twice(outbox: Outbox) -> None:
    manifest = LedgerManifest(outbox.engine)
    assert manifest.erased() == {}
    for _ in range(2):
        erasures.refuse(outbox.engine, "r1", [EMAIL, USER], MONDAY)
    erasures.refuse(outbox.engine, "r2", [EMAIL], MONDAY)
    assert manifest.erased() == {"a-k1": False, "u1": False}
    listed = erasures.suppressions_of(outbox.engine, ["a-k1", "u1"])
    assert [(each.address_hash, each.reason) for each in listed] == [("a-k1", "erased")]
    assert erasures.erased_since(outbox.engine, MONDAY) == 2


def test_erased_as_ones_own_beats_erased_as_shared(outbox: Outbox) -> None:
    shared = ErasedNode("a-k1", "email", is_shared=True)
    erasures.refuse(outbox.engine, "r1", [EMAIL], MONDAY)
    erasures.refuse(outbox.engine, "r2", [shared], MONDAY)
    assert LedgerManifest(outbox.engine).erased() == {"a-k1": False}


def test_messages_audit_and_what_is_known_of_records_go_and_others_stay(outbox: Outbox) -> None:
    outbox.emit([row("k1"), row("k2"), row("k3", address_node="a-k1")])
    manifest = LedgerManifest(outbox.engine)
    known = [KnownRow("u1", "d1"), KnownRow("u2", "d2")]
    manifest.commit(
        [], [], {"database/shop/customers/": known, "database/shop_2/customers/": known}
    )
    found = erasures.messages_of(outbox.engine, ["a-k1"], ["p-k1"])
    keys = {each["message_key"] for each in found}
    assert keys == {"k1", "k3"}
    for _ in range(2):
        erasures.forget(outbox.engine, keys, ["a-k1"], {"database/shop/customers": {"u1"}})
    assert outbox.states() == {"k2": "accepted"}
    assert not keys & {each["message_key"] for each in rows(outbox.engine, MessageAuditRow)}
    assert {*manifest.known("database/shop/customers/", ["u1", "u2"])} == {"u2"}
    assert {*manifest.known("database/shop_2/customers/", ["u1", "u2"])} == {"u1", "u2"}


def test_what_was_deleted_is_overwritten(outbox: Outbox) -> None:
    outbox.emit([row("k1", person_id="p-to-be-forgotten")])
    erasures.forget(outbox.engine, ["k1"], [], {})
    erasures.scrub(outbox.engine)
    files = [path for path in outbox.home.glob("ledger.db*") if path.is_file()]
    assert not [path for path in files if b"p-to-be-forgotten" in path.read_bytes()]
