"""Source `segment`: files that grow, break off, lie about the time or aren't what they seem."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from pydantic import SecretStr

from connectors.core.accounts import SourceSettings
from connectors.core.spec import Page, ReadContext
from connectors.sources.segment import EVENTS, SPEC

AS_OF = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)


def line(key: str | None, at: str | None = "2011-12-06T11:00:00Z", **more: object) -> bytes:
    event = {"messageId": key, "receivedAt": at} | more
    return orjson.dumps({name: value for name, value in event.items() if value is not None}) + b"\n"


def read(folder: Path, given: ReadContext | None = None) -> tuple[list[Page], ReadContext]:
    """The pages of one run, and the context of the next."""
    settings = SourceSettings(vendor="segment", url=SecretStr(str(folder)))
    latest = AS_OF + timedelta(days=1)
    first = ReadContext("web", settings, EVENTS, {}, frozenset(), AS_OF, AS_OF, 100, latest)
    given = given or first
    pages = list(SPEC.read(given))
    cursors = {**given.cursors, **{page.part: page.cursor or "" for page in pages}}
    done = {page.part: page.done for page in pages}
    parts = {part for part in given.done_parts if done.get(part, True)}
    parts |= {part for part, is_done in done.items() if is_done}
    return pages, replace(given, cursors=cursors, done_parts=frozenset(parts))


def keys(pages: list[Page]) -> list[str]:
    return [record.key for page in pages for record in page.records]


def test_files_of_every_kind_are_found_at_any_depth_and_told_by_their_bytes(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "1.jsonl").write_bytes(line("k1"))
    (tmp_path / "2.json").write_bytes(gzip.compress(line("k2")))
    (tmp_path / "3.gz").write_bytes(gzip.compress(line("k3")))
    (tmp_path / "4.jsonl.gz").write_bytes(line("k4"))
    (tmp_path / "readme.txt").write_bytes(line("k5"))
    pages, _ = read(tmp_path)
    assert sorted(keys(pages)) == ["k1", "k2", "k3", "k4"]
    assert {page.part for page in pages} == {"a/b/1.jsonl", "2.json", "3.gz", "4.jsonl.gz"}


def test_a_single_file_is_an_archive_too(tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_bytes(line("k1"))
    pages, _ = read(tmp_path / "one.jsonl")
    assert [(page.part, page.done) for page in pages] == [("one.jsonl", True)]


def test_a_file_that_grew_is_read_on_even_from_half_a_line(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(line("k1") + line("k2")[:20])
    pages, later = read(tmp_path)
    assert keys(pages)[0] == "k1"
    assert read(tmp_path, later)[0] == []
    file.write_bytes(line("k1") + line("k2") + line("k3"))
    pages, later = read(tmp_path, later)
    assert keys(pages) == ["k2", "k3"]
    file.write_bytes(line("k9"))
    assert keys(read(tmp_path, later)[0]) == ["k9"]


def test_a_file_that_breaks_off_gives_what_it_has_and_the_rest_when_it_is_whole(
    tmp_path: Path,
) -> None:
    lines = [line(f"k{n}", filler=hashlib.sha256(bytes([n])).hexdigest() * 50) for n in range(50)]
    whole = gzip.compress(b"".join(lines))
    file = tmp_path / "a.jsonl.gz"
    file.write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b.jsonl").write_bytes(line("other"))
    pages, later = read(tmp_path)
    taken = keys(pages)
    assert 1 < len(taken) < 51
    assert taken[-1] == "other"
    assert not any(page.done for page in pages if page.part == "a.jsonl.gz")
    assert read(tmp_path, later)[0] == []
    file.write_bytes(whole)
    assert keys(read(tmp_path, later)[0]) == [f"k{n}" for n in range(len(taken) - 1, 50)]


def test_the_first_line_after_as_of_ends_its_file_for_this_run_only(tmp_path: Path) -> None:
    late = line("k2", "2011-12-06T11:05:01Z")
    (tmp_path / "1.jsonl").write_bytes(line("k1") + late + line("k3"))
    (tmp_path / "2.jsonl").write_bytes(late)
    pages, later = read(tmp_path)
    assert keys(pages) == ["k1"]
    assert [page.done for page in pages] == [False]
    pages, _ = read(tmp_path, replace(later, as_of=AS_OF + timedelta(seconds=1)))
    assert keys(pages) == ["k2", "k3", "k2"]


@pytest.mark.parametrize("name", ["receivedAt", "sentAt", "timestamp"])
def test_an_impossible_time_lands_without_one_and_holds_nothing_up(
    tmp_path: Path, name: str
) -> None:
    odd = orjson.dumps({"messageId": "k1", name: "2099-01-01T00:00:00Z"}) + b"\n"
    (tmp_path / "1.jsonl").write_bytes(odd + line("k2"))
    pages, _ = read(tmp_path)
    (page,) = pages
    assert [(record.key, record.at is None) for record in page.records] == [
        ("k1", True),
        ("k2", False),
    ]


def test_the_time_is_received_at_else_sent_at_else_timestamp(tmp_path: Path) -> None:
    times = [
        {"receivedAt": "2011-12-06T10:00:00.123Z", "sentAt": "2011-12-06T09:00:00Z"},
        {"receivedAt": "rubbish", "sentAt": "2011-12-06T10:00:00+01:00"},
        {"timestamp": "2011-12-06T08:00:00"},
        {"timestamp": 1323158400},
    ]
    (tmp_path / "1.jsonl").write_bytes(b"\n".join(orjson.dumps(time) for time in times))
    ((page,), _) = read(tmp_path)
    day = datetime(2011, 12, 6, tzinfo=UTC)
    assert [record.at for record in page.records] == [
        day + timedelta(hours=10, milliseconds=123),
        day + timedelta(hours=9),
        day + timedelta(hours=8),
        None,
    ]


def test_lines_land_untouched_with_a_hash_for_a_missing_id(tmp_path: Path) -> None:
    odd = [b"[1, 2]", b"null", b'{"a": NaN}', b'{"messageId": {}}', b'{"name": "Jos\xe9"}', b"\x00"]
    (tmp_path / "1.jsonl").write_bytes(b"\xef\xbb\xbf" + b"\r\n".join([line("k")[:-1], *odd, b""]))
    ((page,), _) = read(tmp_path)
    first, *rest = page.records
    assert (first.key, first.payload) == ("k", line("k")[:-1].decode())
    assert [record.payload for record in rest] == [
        text.decode(errors="backslashreplace") for text in odd
    ]
    assert [record.key for record in rest] == [
        hashlib.sha256(record.payload.encode()).hexdigest() for record in rest
    ]


def test_blank_lines_are_no_records_and_an_empty_file_is_done(tmp_path: Path) -> None:
    (tmp_path / "1.jsonl").write_bytes(b"\n\n" + line("k") + b"\n")
    (tmp_path / "2.jsonl").write_bytes(b"")
    pages, later = read(tmp_path)
    assert keys(pages) == ["k"]
    assert later.done_parts == {"1.jsonl", "2.jsonl"}
    assert read(tmp_path, later)[0] == []


def test_check_warns_of_a_folder_without_events(tmp_path: Path) -> None:
    settings = SourceSettings(vendor="segment", url=SecretStr(str(tmp_path)))
    assert [finding.level for finding in SPEC.check("web", settings)] == ["warning"]
    (tmp_path / "1.jsonl").write_bytes(line("k"))
    assert [finding.what for finding in SPEC.check("web", settings)] == ["1 files of events"]
