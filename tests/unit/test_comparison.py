"""Snapshots: of everything that a source holds, what is new lands, and what is gone is said."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import orjson
import pyarrow.parquet as pq
import pytest

from connectors.core import comparison, landing
from connectors.core.lake import Lake
from connectors.core.payload import record_reader
from connectors.core.settings import Settings
from connectors.core.spec import Page, ReadContext, SourceSpec, Stream
from connectors.ledger import known_rows
from connectors.ledger.db import open_ledger
from connectors.ledger.manifest import LedgerManifest

AS_OF = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
STREAM = Stream("users", "id")
Kind = Literal["consistent", "paged"]
Rows = dict[str, Any]


class KilledError(BaseException):
    """Stands for the end of the process."""


class Shop:
    """Rows by id, read as a whole in pages; each landing is a minute later than the one before."""

    def __init__(self, home: Path, kind: Kind) -> None:
        self.rows: Rows = {}
        self.kind = kind
        self.skipped: set[str] = set()
        self.settings = Settings(home=home)
        self.lake = Lake(self.settings.lake_root)
        self.manifest = LedgerManifest(open_ledger(f"sqlite:///{home}/ledger.db"))
        self.clock = AS_OF

    def read(self, _context: ReadContext, page_size: int = 3) -> Iterator[Page]:
        record_of = record_reader(STREAM)
        shown = [{"id": key, "v": v} for key, v in self.rows.items() if key not in self.skipped]
        for start in range(0, len(shown), page_size):
            records = [record_of(row) for row in shown[start : start + page_size]]
            yield Page(records, None, snapshot=self.kind)
        yield Page([], None, done=True, snapshot=self.kind)

    def land(
        self, read: Callable[[ReadContext], Iterator[Page]] | None = None, batch_rows: int = 5
    ) -> list[tuple[str, str]]:
        """What landed: (op, key) in order."""
        self.clock += timedelta(minutes=1)
        return self.again(read, batch_rows)

    def again(
        self, read: Callable[[ReadContext], Iterator[Page]] | None = None, batch_rows: int = 5
    ) -> list[tuple[str, str]]:
        """As `land`, with the clock of the last time."""
        spec = SourceSpec("database", (STREAM,), read or self.read, lambda *_: [])
        landed = landing.land(
            spec, STREAM, "shop", self.settings, self.manifest, self.lake, self.clock,
            batch_rows=batch_rows,
        )  # fmt: skip
        return [(r["op"], r["record_key"]) for b in landed.batches for r in self.records(b.path)]

    def records(self, path: str) -> list[dict[str, Any]]:
        return pq.ParquetFile(self.lake.url(path)).read().to_pylist()

    def held(self) -> Rows:
        """What the lake says that there is: the newest version of each, without the deleted."""
        rows = [
            row for batch in self.manifest.unchecked() for row in self.records(batch.path)
        ]  # fmt: skip
        rows.sort(key=lambda r: (r["landed_at"], r["batch_id"], r["seq"]))
        newest = {row["record_key"]: row for row in rows}
        return {
            key: orjson.loads(row["payload"])["v"]
            for key, row in newest.items()
            if row["op"] == "upsert"
        }


@pytest.fixture(params=["consistent", "paged"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    return Shop(tmp_path, request.param)


@pytest.fixture
def paged(tmp_path: Path) -> Shop:
    return Shop(tmp_path, "paged")


def test_only_what_is_new_or_changed_lands(shop: Shop) -> None:
    shop.rows = {f"k{n}": n for n in range(8)}
    assert len(shop.land()) == 8
    assert shop.land() == []
    shop.rows |= {"k3": "other", "k9": 9}
    assert shop.land() == [("upsert", "k3"), ("upsert", "k9")]
    assert shop.held() == shop.rows


def test_what_changes_back_lands_again(shop: Shop) -> None:
    for value in ("a", "b", "a"):
        shop.rows = {"k": value}
        assert shop.land() == [("upsert", "k")]
    assert shop.held() == {"k": "a"}


def test_one_query_saw_it_all_so_what_it_did_not_see_is_gone(tmp_path: Path) -> None:
    shop = Shop(tmp_path, "consistent")
    shop.rows = {"a": 1, "b": 2}
    shop.land()
    del shop.rows["b"]
    assert shop.land() == [("delete", "b")]
    shop.rows.clear()
    assert shop.land() == [("delete", "a")]
    assert shop.land() == []


def test_pages_shift_so_a_record_is_gone_when_two_passes_miss_it(paged: Shop) -> None:
    paged.rows = {"a": 1, "b": 2, "c": 3}
    paged.land()
    paged.skipped = {"b"}
    assert paged.land() == []
    paged.skipped = set()
    assert paged.land() == []
    paged.skipped = {"b"}
    assert paged.land() == [], "it was there in between: the count starts anew"
    assert paged.land() == [("delete", "b")]
    assert paged.held() == {"a": 1, "c": 3}


def test_what_comes_back_after_its_deletion_lands_again(shop: Shop) -> None:
    shop.rows = {"a": 1, "b": 2}
    shop.land()
    kept = shop.rows.pop("a")
    shop.land()
    shop.land()
    shop.rows["a"] = kept
    assert shop.land() == [("upsert", "a")]
    assert shop.held() == shop.rows


def test_a_paged_source_that_shows_nothing_at_all_deletes_nobody(
    paged: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    paged.rows = {f"k{n}": n for n in range(comparison.FEW + 1)}
    paged.land()
    paged.skipped = set(paged.rows)
    for _ in range(3):
        assert paged.land() == []
    assert "nothing is taken for deleted" in caplog.text


def test_a_record_that_is_there_but_not_yet_known_is_not_taken_for_gone(paged: Shop) -> None:
    paged.rows = {"a": 1, "b": 2}
    paged.land()

    def later(context: ReadContext) -> Iterator[Page]:
        first, *_ = paged.read(context)
        yield Page(first.records[:1], None, snapshot="paged", held=("b",))
        yield Page([], None, done=True, snapshot="paged")

    assert [paged.land(later) for _ in range(3)] == [[], [], []]


def test_a_page_that_comes_twice_lands_once(shop: Shop) -> None:
    shop.rows = {f"k{n}": n for n in range(6)}

    def twice(context: ReadContext) -> Iterator[Page]:
        for page in shop.read(context):
            yield page
            if not page.done:
                yield page

    assert sorted(key for _, key in shop.land(twice)) == sorted(shop.rows)


@pytest.mark.parametrize("pages", range(6))
def test_killed_in_a_pass_it_resumes_without_loss_or_double(shop: Shop, pages: int) -> None:
    shop.rows = {f"k{n}": n for n in range(10)}
    shop.land()
    shop.rows = {f"k{n}": -n for n in range(3, 14)}

    def killed(context: ReadContext) -> Iterator[Page]:
        for number, page in enumerate(shop.read(context)):
            if number == pages:
                raise KilledError
            yield page
        raise KilledError

    with pytest.raises(KilledError):
        shop.land(killed)
    shop.rows["k3"] = "changed since"
    shop.again()  # the same clock: no batch may take another one's name
    shop.land()
    shop.land()
    assert shop.held() == shop.rows


def test_random_histories_end_in_what_the_shop_holds(tmp_path: Path) -> None:
    dice = random.Random(4)
    for kind in ("consistent", "paged"):
        folder = tmp_path / kind
        folder.mkdir()
        shop = Shop(folder, kind)
        for _ in range(25):
            for _ in range(dice.randrange(12)):
                key = f"k{dice.randrange(30)}"
                if dice.random() < 0.3:
                    shop.rows.pop(key, None)
                else:
                    shop.rows[key] = dice.randrange(5)
            shop.land(batch_rows=dice.choice((1, 4, 100)))
        shop.land()
        shop.land()
        assert shop.held() == shop.rows


def test_what_is_known_is_read_in_pages_and_may_be_written_meanwhile(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_rows, "PAGE_ROWS", 4)
    monkeypatch.setattr(known_rows, "MOST_KEYS", 3)
    shop.rows = {f"k{n:02d}": n for n in range(23)}
    shop.land(batch_rows=100)
    kept: Sequence[str] = [key for key in shop.rows if int(key[1:]) % 5]
    shop.rows = {key: shop.rows[key] for key in kept}
    shop.land()
    shop.land()
    assert shop.held() == shop.rows
