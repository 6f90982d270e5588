"""What every source has to do. A new source joins by one line in `worlds.SOURCES`."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.core.accounts import SourceSettings
from connectors.core.errors import ParleyError
from connectors.core.landing import Landed
from connectors.core.spec import Batch, Cursor, Page, ReadContext, SourceSpec
from connectors.ledger.manifest import LedgerManifest
from tests.conformance.rig import Rig
from tests.conformance.worlds import SOURCES
from tests.conformance.worlds.base import AS_OF, ROWS, SECRET, World

GARBAGE = '{"name": "=cmd|\'x\'!A1", "cut": '
Change = Callable[[Iterator[Page]], Iterator[Page]]


class KilledError(BaseException):
    """Stands for the end of the process: nothing in Parley catches it."""


@pytest.fixture(params=SOURCES, ids=lambda world: str(world.vendor))
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    world: type[World] = request.param
    return Rig(world(tmp_path), tmp_path)


def _changed(spec: SourceSpec, change: Change) -> SourceSpec:
    """The same source, its pages passed through `change`."""

    def read(context: ReadContext) -> Iterator[Page]:
        return change(spec.read(context))

    return replace(spec, read=read)


def _killed_after(pages: int) -> Change:
    """Killed after so many pages, or at the end where there are fewer."""

    def change(read: Iterator[Page]) -> Iterator[Page]:
        yield from islice(read, pages)
        raise KilledError

    return change


def test_pages_are_bounded_and_hold_every_record_once(rig: Rig) -> None:
    rig.world.put(ROWS)
    sizes: list[int] = []

    def seen(read: Iterator[Page]) -> Iterator[Page]:
        for page in read:
            sizes.append(len(page.records))
            yield page

    landed = rig.land(spec=_changed(rig.spec, seen), batch_rows=14)
    assert landed.rows == len(ROWS)
    assert sorted(rig.keys()) == sorted(ROWS)
    assert max(sizes) <= min(14, rig.settings.source(rig.world.source_id).page_size)
    assert max(batch.rows for batch in landed.batches) <= 14


def test_an_empty_place_lands_nothing(rig: Rig) -> None:
    assert rig.land() == Landed(0, ())


def test_what_was_landed_is_not_landed_again(rig: Rig) -> None:
    rig.world.put(ROWS)
    rig.land()
    assert rig.land() == Landed(0, ())
    assert rig.land(AS_OF + timedelta(days=1)) == Landed(0, ())


def test_a_changed_record_lands_as_a_new_version(rig: Rig) -> None:
    rig.world.put(ROWS)
    rig.land()
    rig.world.put({"k007": AS_OF - timedelta(minutes=1)})
    assert rig.land(AS_OF + timedelta(hours=1)).rows == 1
    assert rig.keys().count("k007") == 2


@pytest.mark.parametrize("pages", range(9))
def test_killed_between_pages_it_resumes_without_loss_or_double(rig: Rig, pages: int) -> None:
    rig.world.put(ROWS)
    with pytest.raises(KilledError):
        rig.land(spec=_changed(rig.spec, _killed_after(pages)))
    rig.land()
    assert sorted(rig.keys()) == sorted(ROWS)
    assert {batch.path for batch in rig.manifest.unchecked()} == rig.files()


@pytest.mark.parametrize("commits", [0, 1, 3])
def test_killed_between_file_and_manifest_the_window_gets_the_same_batch_ids(
    rig: Rig, commits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.world.put(ROWS)
    left = commits
    commit = LedgerManifest.commit

    def dying(
        self: LedgerManifest, batches: Sequence[Batch], cursors: Sequence[Cursor], known: Any
    ) -> None:
        nonlocal left
        if left == 0:
            raise KilledError
        left -= 1
        commit(self, batches, cursors, known)

    with monkeypatch.context() as patched:
        patched.setattr(LedgerManifest, "commit", dying)
        with pytest.raises(KilledError):
            rig.land()
    written = rig.files()
    assert len(written) > len(rig.manifest.unchecked())
    rig.land()
    assert sorted(rig.keys()) == sorted(ROWS)
    assert written <= rig.files() == {batch.path for batch in rig.manifest.unchecked()}


def test_nothing_after_as_of_lands_until_its_time_has_come(rig: Rig) -> None:
    if not rig.world.has_clock:
        pytest.skip("this source's records are dated by Parley's own runs")
    rig.world.put(ROWS)
    half = ROWS["k024"]
    rig.land(half)
    assert sorted(rig.keys()) == [key for key, at in ROWS.items() if at <= half]
    rig.land(half)
    rig.land(AS_OF)
    assert sorted(rig.keys()) == sorted(ROWS)
    last = [(batch.last_record_at, batch.landed_at) for batch in rig.batches()]
    assert all(at is not None and at <= landed_at for at, landed_at in last)


def test_a_page_served_twice_loses_nothing_and_names_no_batch_twice(rig: Rig) -> None:
    rig.world.put(ROWS)

    def twice(read: Iterator[Page]) -> Iterator[Page]:
        for page in read:
            yield page
            yield page

    landed = rig.land(spec=_changed(rig.spec, twice))
    assert set(rig.keys()) == set(ROWS)
    assert len({batch.batch_id for batch in landed.batches}) == len(landed.batches)
    assert sum(batch.rows for batch in rig.batches()) == landed.rows == 2 * len(ROWS)


def test_garbage_lands_untouched_and_stops_nothing(rig: Rig) -> None:
    rig.world.put({"k000": ROWS["k000"]})
    rig.world.put_garbage("g1", GARBAGE, ROWS["k001"])
    rig.world.put({"k002": ROWS["k002"]})
    assert rig.land().rows == 3
    payloads = [str(row["payload"]) for row in rig.rows()]
    as_json_text = GARBAGE.replace('"', '\\"')
    assert any(GARBAGE in payload or as_json_text in payload for payload in payloads)
    assert all(row["record_key"] for row in rig.rows())


def test_check_finds_no_error_in_a_place_that_can_be_read(rig: Rig) -> None:
    rig.world.put(ROWS)
    settings = rig.settings.source(rig.world.source_id)
    levels = [finding.level for finding in rig.spec.check(rig.world.source_id, settings)]
    assert "ok" in levels


def test_no_error_and_no_check_shows_a_secret(rig: Rig) -> None:
    for url in rig.world.broken_urls:
        settings = SourceSettings(vendor=rig.world.vendor, url=SecretStr(url))
        context = ReadContext("x", settings, rig.stream, {}, frozenset(), AS_OF, AS_OF, 7)
        with pytest.raises(ParleyError) as raised:
            list(rig.spec.read(context))
        findings = rig.spec.check("x", settings)
        text = "".join(traceback.format_exception(raised.value))
        assert SECRET not in f"{text}{raised.value!r}{findings}{settings!r}{context!r}"
        assert raised.value.remedy
        assert any(finding.level == "error" and finding.remedy for finding in findings)
