"""Source `ga4`: tables that change for three days, and events that have no id."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from itertools import count
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.core.spec import ReadContext
from connectors.sources.ga4 import day_of, key_of, time_of
from tests.unit.files_kit import after, context_of, keys, read

_clock = count(1_000_000_000)


def event(name: str = "page_view", **more: object) -> dict[str, object]:
    stamp = {"event_timestamp": "1322900000000000", "event_bundle_sequence_id": "7"}
    return {"event_name": name, "user_pseudo_id": "1.2", "stream_id": "9", **stamp, **more}


def put(folder: Path, name: str, *events: dict[str, object]) -> None:
    """Write a table's file, later than all that were written before."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in events))
    os.utime(path, (next(_clock),) * 2)


def names(given: ReadContext) -> tuple[list[str], ReadContext]:
    """The names of the events that a run reads, and the context of the next run."""
    pages, following = read(given)
    found = [orjson.loads(r.payload)["event_name"] for page in pages for r in page.records]
    return found, following


@pytest.mark.parametrize(
    ("path", "day"),
    [
        ("exports/events_20210406.json", date(2021, 4, 6)),
        ("events_intraday_20210406/000000000000.json.gz", date(2021, 4, 6)),
        ("event_date=2021-04-06/part-0.parquet", date(2021, 4, 6)),
        ("event_date=20210406/part-0.parquet", date(2021, 4, 6)),
        ("events_20210405/events_20210406.parquet", date(2021, 4, 6)),
        ("events_20211341.json", None),
        ("events_2021040612.json", None),
        ("sample.jsonl", None),
    ],
)
def test_a_file_belongs_to_the_day_that_its_path_names(path: str, day: date | None) -> None:
    assert day_of(path) == day


def test_tables_of_the_last_three_days_are_read_again_when_they_changed_older_ones_never(
    tmp_path: Path,
) -> None:
    days = ["20111201", "20111202", "20111205"]
    for day in days:
        put(tmp_path, f"events_{day}/0.json", event(f"first_{day}"))
    found, following = names(context_of("ga4", tmp_path))
    assert found == [f"first_{day}" for day in days]
    assert names(following)[0] == []
    for day in days:
        put(tmp_path, f"events_{day}/0.json", event(f"again_{day}"))
    found, following = names(following)
    assert found == ["again_20111202", "again_20111205"]
    put(tmp_path, "events_20111206/0.json", event("new"))
    put(tmp_path, "events_20111202/0.json", event("too_late"), event("by_far"))
    assert names(following)[0] == ["new"]


def test_an_old_table_is_read_to_its_end_and_a_changed_one_from_its_beginning(
    tmp_path: Path,
) -> None:
    put(tmp_path, "events_20111101.json", *(event(f"old{n}") for n in range(4)))
    put(tmp_path, "events_20111205.json", *(event(f"new{n}") for n in range(4)))
    given = context_of("ga4", tmp_path, page_size=3)
    pages, _ = read(given)
    cut = after(given, [pages[0]])
    assert names(cut)[0] == ["old3", "new0", "new1", "new2", "new3"]
    (start,) = [page for page in pages if page.part == "events_20111205.json" and not page.done]
    cut = after(cut, [replace(pages[1], part="events_20111101.json"), start])
    put(tmp_path, "events_20111205.json", *(event(f"new{n}") for n in range(5)))
    assert names(cut)[0] == [f"new{n}" for n in range(5)]


def test_an_event_has_one_key_in_the_intraday_the_daily_and_the_exported_again_table(
    tmp_path: Path,
) -> None:
    told = event(items=[], event_params=[{"key": "a", "value": {"int_value": "1"}}])
    put(tmp_path, "events_intraday_20111205.json", told)
    put(tmp_path, "events_20111205.json", {**told, "geo": {"country": "Malta"}, "user_ltv": None})
    whole = {**told, "event_timestamp": 1322900000000000, "event_bundle_sequence_id": 7}
    table = pa.Table.from_pylist([{**whole, "items": [{"item_id": "SKU1", "price": 1.5}]}])
    (tmp_path / "event_date=2011-12-05").mkdir()
    pq.write_table(table, tmp_path / "event_date=2011-12-05" / "0.parquet")
    pages, _ = read(context_of("ga4", tmp_path))
    assert len(keys(pages)) == 3
    assert len(set(keys(pages))) == 1


@pytest.mark.parametrize("page_size", [1, 2, 100])
def test_equal_events_of_one_file_are_numbered_and_keep_their_numbers_when_it_is_read_on(
    tmp_path: Path, page_size: int
) -> None:
    twins = [event("scroll"), event("page_view"), event("scroll"), event("scroll")]
    put(tmp_path, "events_20111205.json", *twins)
    given = context_of("ga4", tmp_path, page_size)
    pages, _ = read(given)
    scroll, view = key_of(twins[0]), key_of(twins[1])
    assert keys(pages) == [scroll, view, f"{scroll}-2", f"{scroll}-3"]
    for cut in range(len(pages)):
        rest, _ = read(after(given, pages[: cut + 1]))
        assert keys(pages[: cut + 1]) + keys(rest) == keys(pages)


@pytest.mark.parametrize(
    "change",
    [
        {"user_pseudo_id": "1.3"},
        {"user_id": "u1"},
        {"event_timestamp": "1322900000000001"},
        {"event_name": "scroll"},
        {"event_bundle_sequence_id": "8"},
        {"batch_event_index": 2},
        {"batch_ordering_id": 2},
        {"batch_page_id": 2},
        {"stream_id": "10"},
    ],
)
def test_each_part_of_its_identity_makes_another_event(change: dict[str, object]) -> None:
    assert key_of(event(**change)) != key_of(event())


def test_a_flat_export_calls_the_visitor_client_id() -> None:
    flat = {name: value for name, value in event().items() if name != "user_pseudo_id"}
    assert key_of({**flat, "client_id": "1.2"}) == key_of(event())


@pytest.mark.parametrize("stamp", [None, "", "soon", "1e15", 10**30, -(10**30), [], True])
def test_what_is_no_number_of_microseconds_is_no_time(stamp: object) -> None:
    assert time_of({"event_timestamp": stamp}) is None
