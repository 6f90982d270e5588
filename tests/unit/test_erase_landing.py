"""A shop that still holds an erased person lands without them, page by page and pass by pass."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.core.accounts import SourceSettings
from connectors.core.identifiers import node_id
from connectors.core.lake import Lake
from connectors.core.landing import Landed, land
from connectors.core.settings import Settings
from connectors.core.spec import Page, ReadContext, Record, SourceSpec, Stream
from connectors.ledger import erasures
from connectors.ledger.db import open_ledger
from connectors.ledger.erasures import ErasedNode
from connectors.ledger.manifest import LedgerManifest

NOW = datetime(2024, 3, 4, 11, 5, tzinfo=UTC)
ADA, BOB = (
    {"id": name, "email": f"{name}@example.com", "first_name": name} for name in ("ada", "bob")
)
STREAM = Stream("customers", "id", None, {"email": ("email",)}, {"user_id": ("id",)})


class Shop:
    """A source whose whole contents are read each time, and the home that it lands in."""

    def __init__(self, folder: Path) -> None:
        source = SourceSettings(vendor="database", url="sqlite:///none.db")
        self.settings = Settings(home=folder, sources={"shop": source}, hash_key="k")
        self.engine = open_ledger(self.settings.ledger_url.get_secret_value())
        self.rows = [ADA, BOB]
        self.runs = 0

    def land(self) -> Landed:
        """The next run's landing."""
        self.runs += 1
        manifest, lake = LedgerManifest(self.engine), Lake(self.settings.lake_root)
        at = NOW + timedelta(hours=self.runs)
        spec = SourceSpec("database", (STREAM,), self._read, lambda *_: [])
        return land(spec, STREAM, "shop", self.settings, manifest, lake, at)

    def _read(self, _context: ReadContext) -> Iterator[Page]:
        records = [Record(row["id"], None, "upsert", json.dumps(row)) for row in self.rows]
        yield Page(records, None, done=True, snapshot="consistent")

    def held(self) -> list[tuple[str, str]]:
        """The records in the lake: what was done to whom, and identifiers by their address."""
        told = []
        for path in Lake(self.settings.lake_root).paths():
            for part in Lake(self.settings.lake_root).read(path):
                for row in part.to_pylist():
                    says: dict[str, Any] = json.loads(row["payload"])
                    told.append((row["op"], says.get("id") or says.get("raw") or row["record_key"]))
        return sorted(told)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.engine.dispose()


def test_who_was_erased_never_lands_and_is_counted_and_others_do(shop: Shop) -> None:
    ada = ErasedNode(node_id("email", ADA["email"], "k"), "email")
    erasures.refuse(shop.engine, "r1", [ada], NOW)
    landed = shop.land()
    assert (landed.rows, landed.kept_out) == (1, 1)
    assert shop.held() == [("upsert", "bob"), ("upsert", "bob@example.com")]
    assert "ada" not in LedgerManifest(shop.engine).known("database/shop/customers/", ["ada"])


def test_who_is_erased_after_they_landed_is_not_said_to_be_gone_by_the_next_pass(
    shop: Shop,
) -> None:
    """A deletion would name them again: what was known of their row went with them."""
    shop.land()
    before = shop.held()
    erasures.refuse(
        shop.engine, "r1", [ErasedNode(node_id("email", ADA["email"], "k"), "email")], NOW
    )
    erasures.forget(shop.engine, [], [], {"database/shop/customers": {"ada"}})
    assert shop.land().kept_out == 1
    assert shop.held() == before
    shop.rows = [ADA]
    shop.land()
    assert ("delete", "bob") in shop.held()
    assert ("delete", "ada") not in shop.held()
