"""Landing: pages become batches, files before manifest, manifest and cursors together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.core import landing
from connectors.core.batch import SCHEMA, BatchName, chunk
from connectors.core.errors import FixConfig, RetryLater
from connectors.core.lake import Lake
from connectors.core.settings import Settings
from connectors.core.spec import (
    Batch,
    Cursor,
    CursorState,
    Finding,
    KnownRow,
    Manifest,
    Page,
    ReadContext,
    Record,
    SourceSpec,
    Stream,
)

AS_OF = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
STREAM = Stream("things", "id", identifiers={"email": ("email",)})


class MemoryManifest:
    """A manifest that forgets with its process."""

    def __init__(self) -> None:
        self.commits: list[tuple[list[Batch], list[Cursor]]] = []
        self.shapes: dict[tuple[str, ...], dict[str, Any]] = {}

    def cursors(self, vendor: str, source_id: str, stream: str) -> dict[str, CursorState]:
        found = [cursor for _, cursors in self.commits for cursor in cursors]
        return {
            c.part: CursorState(c.position, c.done)
            for c in found
            if (c.vendor, c.source_id, c.stream) == (vendor, source_id, stream)
        }

    def commit(
        self,
        batches: Sequence[Batch],
        cursors: Sequence[Cursor],
        known: Mapping[str, Sequence[KnownRow]] | None = None,
    ) -> None:
        assert not known
        self.commits.append((list(batches), list(cursors)))

    def known(self, scope: str, keys: Sequence[str]) -> dict[str, KnownRow]:
        raise NotImplementedError

    def erased(self) -> dict[str, bool]:
        return {}

    def all_known(self, scope: str) -> Iterator[list[KnownRow]]:
        raise NotImplementedError

    def shape(self, *names: str) -> dict[str, Any]:
        return self.shapes.get(names, {})

    def note_shape(
        self, vendor: str, source_id: str, stream: str, shape: Mapping[str, Any]
    ) -> None:
        self.shapes[vendor, source_id, stream] = dict(shape)


class Bench:
    """A lake, a manifest and a source that serves the pages it is given."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home)
        self.lake = Lake(self.settings.lake_root)
        self.manifest = MemoryManifest()
        self.context: ReadContext | None = None

    def land(self, pages: Sequence[Page], batch_rows: int = 10, **kwargs: object) -> landing.Landed:
        def read(context: ReadContext) -> Iterator[Page]:
            self.context = context
            return iter(pages)

        spec = SourceSpec("database", (STREAM,), read, lambda *_: [Finding("ok", "")])
        progress = kwargs.get("progress")
        assert progress is None or callable(progress)
        return landing.land(
            *(spec, STREAM, "shop", self.settings, self.manifest, self.lake, AS_OF),
            progress=progress,
            batch_rows=batch_rows,
        )

    def table(self, batch: Batch) -> pa.Table:
        return pq.ParquetFile(self.lake.url(batch.path)).read()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def records(start: int, count: int, **more: str) -> list[Record]:
    at = AS_OF - timedelta(hours=1)
    return [
        Record(f"k{n}", at + timedelta(seconds=n), "upsert", orjson.dumps({"n": n} | more).decode())
        for n in range(start, start + count)
    ]


def test_a_batch_has_the_columns_of_the_lake_record_and_its_own_place(bench: Bench) -> None:
    (batch,) = bench.land([Page(records(0, 3), "c1")]).batches
    table = bench.table(batch)
    assert table.schema.equals(SCHEMA)
    assert table["seq"].to_pylist() == [0, 1, 2]
    assert set(table["batch_id"].to_pylist()) == {batch.batch_id}
    assert table["landed_at"][0].as_py() == AS_OF.replace(tzinfo=None)
    assert batch.path == f"database/shop/things/landed_on=2011-12-06/{batch.batch_id}.parquet"
    assert batch.batch_id.startswith("20111206T110500Z-")
    data = Path(bench.lake.url(batch.path)).read_bytes()
    assert (batch.bytes, batch.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert batch.first_record_at == AS_OF - timedelta(hours=1)
    assert batch.last_record_at == AS_OF - timedelta(hours=1) + timedelta(seconds=2)
    assert (batch.rows, batch.landed_at, batch.status) == (3, AS_OF, "landed")


def test_pages_of_several_parts_share_a_batch_and_commit_all_their_cursors(bench: Bench) -> None:
    pages = [Page(records(n, 1), f"c{n}", part=f"file{n}", done=True) for n in range(12)]
    landed = bench.land(pages)
    assert [batch.rows for batch in landed.batches] == [10, 2]
    assert [len(cursors) for _, cursors in bench.manifest.commits] == [10, 2]
    assert bench.manifest.cursors("database", "shop", "things")["file11"] == ("c11", True)


def test_the_last_cursor_of_a_part_is_the_one_that_is_kept(bench: Bench) -> None:
    bench.land([Page(records(n, 1), f"c{n}") for n in range(5)])
    ((_, (cursor,)),) = bench.manifest.commits
    assert (cursor.position, cursor.done, cursor.updated_as_of) == ("c4", False, AS_OF)


def test_a_page_without_records_only_moves_the_cursor(bench: Bench) -> None:
    assert bench.land([Page([], "c1", "empty", done=True)]) == landing.Landed(0, ())
    assert bench.manifest.cursors("database", "shop", "things") == {"empty": ("c1", True)}


def test_the_next_run_is_told_cursors_and_done_parts(bench: Bench) -> None:
    bench.land([Page(records(0, 1), "a1", "a", done=True), Page(records(1, 1), "b1", "b")])
    bench.land([])
    assert bench.context is not None
    assert bench.context.cursors == {"a": "a1", "b": "b1"}
    assert bench.context.done_parts == {"a"}


def test_databases_are_told_to_stay_a_minute_behind_the_wall_clock(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for late, settled in ((timedelta(0), -landing.SETTLING), (timedelta(days=1), timedelta(0))):
        monkeypatch.setattr(landing, "utc_now", lambda late=late: AS_OF + late)
        bench.land([])
        assert bench.context is not None
        assert bench.context.settled == AS_OF + settled


def test_a_cursor_that_stands_still_gives_no_two_batches_one_name(bench: Bench) -> None:
    pages = [Page(records(n, 10), None) for n in (0, 10, 20)] + [Page(records(30, 10), "c1")]
    landed = bench.land(pages)
    assert len({batch.batch_id for batch in landed.batches}) == 4
    again = Bench(bench.settings.home)
    assert [b.batch_id for b in again.land(pages).batches] == [b.batch_id for b in landed.batches]


def test_batch_ids_differ_by_source_stream_clock_part_and_position() -> None:
    one = ("v", "s", "t", AS_OF, "p", "c")
    others = [
        *(("w", *one[1:]), ("v", "x", *one[2:]), ("v", "s", "x", *one[3:])),
        *((*one[:3], AS_OF + timedelta(seconds=1), "p", "c"), (*one[:4], "x", "c")),
        *((*one[:5], "x"), (*one[:4], "pc", "")),
    ]
    ids = {BatchName(*name).batch_id for name in [one, *others]}
    assert len(ids) == 8


def test_a_large_page_makes_the_batch_before_it_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing, "BATCH_BYTES", 2_000)
    pages = [Page(records(n, 2, text="x" * 400), f"c{n}") for n in range(0, 8, 2)]
    assert [batch.rows for batch in bench.land(pages).batches] == [4, 4]


def test_identifiers_land_once_in_the_same_commit_as_their_batch(bench: Bench) -> None:
    pages = [Page(records(n, 5, email="Ada@Example.com"), f"c{n}") for n in range(0, 20, 5)]
    landed = bench.land(pages)
    assert landed.rows == 20
    batches, _ = bench.manifest.commits[0]
    assert [(b.vendor, b.source_id, b.stream) for b in batches] == [
        ("database", "shop", "things"),
        ("parley", "identifiers", "identifiers"),
    ]
    (row,) = bench.table(batches[1]).to_pylist()
    assert row["record_key"] == hashlib.sha256(b"email:Ada@Example.com").hexdigest()[:32]
    assert orjson.loads(row["payload"])["value"] == "ada@example.com"
    assert len(landed.batches) == 3


def test_payloads_land_untouched_whatever_they_are(bench: Bench) -> None:
    odd = ["", "not json", '{"a":1,"a":2}', "\x00nul", "héllo 🎈", "x" * 1_000_000]
    page = Page([Record(f"k{n}", None, "delete", text) for n, text in enumerate(odd)], "c")
    (batch,) = bench.land([page]).batches
    table = bench.table(batch)
    assert table["payload"].to_pylist() == odd
    assert set(table["op"].to_pylist()) == {"delete"}
    assert batch.first_record_at is None


def test_half_a_surrogate_pair_lands_escaped(bench: Bench) -> None:
    (batch,) = bench.land([Page([Record("k", None, "upsert", '{"a":"\ud800"}')], "c")]).batches
    assert bench.table(batch)["payload"].to_pylist() == ['{"a":"\\ud800"}']


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    name = BatchName("v", "s", "t", AS_OF, "", "")
    sums = {Lake(str(tmp_path / x)).write(name, [chunk(records(0, 50))]).sha256 for x in "ab"}
    assert len(sums) == 1


def test_a_full_disk_leaves_no_file_and_no_manifest_row(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RetryLater, match="No space left on device"):
        bench.land([Page(records(0, 3), "c1")])
    assert bench.manifest.commits == []
    assert [f for f in Path(bench.settings.lake_root).rglob("*") if f.is_file()] == []


def test_the_lake_may_be_on_any_filesystem() -> None:
    lake = Lake("memory://parley-lake")
    batch = lake.write(BatchName("v", "s", "t", AS_OF, "", ""), [chunk(records(0, 3))])
    assert lake.url(batch.path).startswith("memory://")


def test_a_file_that_is_gone_is_not_intact_but_a_lake_that_fails_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(str(tmp_path))
    batch = lake.write(BatchName("v", "s", "t", AS_OF, "", ""), [chunk(records(0, 3))])
    assert lake.is_intact(batch)
    assert lake.has(batch.path)
    Path(lake.url(batch.path)).unlink()
    assert not lake.is_intact(batch)
    assert not lake.has(batch.path)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(lake._fs, "open", refuse)
    with pytest.raises(RetryLater, match="the lake cannot be read: Permission denied"):
        lake.is_intact(batch)


def test_an_unknown_filesystem_is_a_matter_of_configuration_and_not_shown() -> None:
    with pytest.raises(FixConfig) as raised:
        Lake("nosuch://key:c4nary@bucket")
    assert "c4nary" not in f"{raised.value}{raised.value.__context__}"


def test_progress_is_told_the_records_of_each_page(bench: Bench) -> None:
    seen: list[int] = []
    bench.land([Page(records(0, 3), "a"), Page(records(3, 2), "b")], progress=seen.append)
    assert seen == [3, 2]


def test_the_memory_manifest_is_a_manifest() -> None:
    assert isinstance(MemoryManifest(), Manifest)
