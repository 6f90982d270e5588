"""Reading a REST API by each way of paging: nothing is lost while it changes under our hands."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import orjson
import pytest

from connectors.core.api import changes
from connectors.core.api.changes import MOST_RECENT
from connectors.core.api.lists import MOST_REPEATS
from connectors.core.errors import RetryLater
from connectors.core.spec import Page
from tests.conformance.http_kit import App, Asked, Told
from tests.unit.rest_kit import WAYS, Connected, spread

AS_OF = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
START = AS_OF - timedelta(hours=5)
MINUTE = timedelta(minutes=1)
BY_CHANGES = ["page", "offset", "link"]


class KilledError(BaseException):
    """Stands for the end of the process."""


@pytest.fixture(params=list(WAYS))
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connected]:
    made = Connected(tmp_path, WAYS[request.param])
    yield made
    made.server.close()


@pytest.fixture(params=BY_CHANGES)
def changing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Connected]:
    made = Connected(tmp_path, WAYS[request.param])
    yield made
    made.server.close()


@pytest.fixture
def numbered(tmp_path: Path) -> Iterator[Connected]:
    made = Connected(tmp_path, WAYS["page"])
    yield made
    made.server.close()


def put(source: Connected, count: int, step: timedelta = MINUTE) -> None:
    for key, at in spread(START, count, step):
        source.things.put(key, at)


def texts(source: Connected) -> dict[str, str]:
    return {key: orjson.dumps(row).decode() for key, row in source.things.rows.items()}


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 10, 23])
def test_every_record_lands_once_whatever_their_number(source: Connected, count: int) -> None:
    put(source, count)
    assert source.land(AS_OF) == count
    assert source.land(AS_OF + MINUTE) == 0
    assert source.newest() == texts(source)


def test_a_record_that_changes_while_pages_are_read_hides_no_other(changing: Connected) -> None:
    put(changing, 23)
    moves = [f"k{n:04d}" for n in range(12)]

    def move(_asked: Asked) -> None:
        if moves:
            at = START + timedelta(minutes=60 - len(moves))
            changing.things.put(moves.pop(0), at, moved=True)

    changing.things.before = move
    changing.land(AS_OF)
    assert changing.newest().keys() == changing.things.rows.keys()
    changing.land(AS_OF + MINUTE)
    assert changing.newest() == texts(changing)


def test_a_bulk_update_of_one_second_is_read_page_by_page(changing: Connected) -> None:
    put(changing, 17, step=timedelta(0))
    for key, at in spread(START + MINUTE, 3):
        changing.things.put(f"later-{key}", at)
    assert changing.land(AS_OF) == 20
    assert changing.newest() == texts(changing)


def test_what_a_clock_that_stepped_back_stamps_is_found_in_the_overlap(
    changing: Connected,
) -> None:
    put(changing, 10)
    changing.land(AS_OF)
    last = START + 9 * MINUTE
    changing.things.put("early", last - timedelta(minutes=14, seconds=59))
    assert changing.land(AS_OF + MINUTE) == 1
    assert "early" in changing.newest()


def test_nothing_after_as_of_is_taken_until_its_time_has_come(source: Connected) -> None:
    put(source, 12)
    source.land(START + 5 * MINUTE)
    assert sorted(source.newest()) == [f"k{n:04d}" for n in range(6)]
    source.land(AS_OF)
    assert source.newest() == texts(source)


def test_a_time_that_no_clock_has_reached_holds_up_nothing(source: Connected) -> None:
    put(source, 3)
    source.things.put("never", datetime(2099, 1, 1, tzinfo=UTC))
    source.land(AS_OF)
    assert source.newest().keys() == source.things.rows.keys()
    assert source.land(AS_OF + MINUTE) == 0


@pytest.mark.parametrize("pages", range(6))
def test_killed_between_pages_it_goes_on_without_loss_or_double(
    source: Connected, pages: int
) -> None:
    put(source, 23)

    def killed(read: Iterator[Page]) -> Iterator[Page]:
        yield from islice(read, pages)
        raise KilledError

    with pytest.raises(KilledError):
        source.land(AS_OF, killed)
    source.land(AS_OF)
    assert source.newest() == texts(source)
    assert len(source.landed()) == 23


def test_a_page_that_comes_in_the_place_of_another_is_asked_for_again(source: Connected) -> None:
    put(source, 23)

    def page_before(asked: Asked, app: App) -> Told:
        number = int(asked.query.get("page", 1))
        offset = int(asked.query.get("offset", 0))
        before = {"page": str(max(number - 1, 1)), "offset": str(max(offset - 5, 0))}
        return app(Asked(asked.method, asked.path, {**asked.query, **before}, asked.headers))

    source.server.faults = {2: page_before}
    source.land(AS_OF)
    source.land(AS_OF + MINUTE)
    assert source.newest() == texts(source)


def test_one_page_for_ever_is_given_up(numbered: Connected) -> None:
    put(numbered, 23, step=timedelta(0))
    first = Told([{"id": f"k{n}", "updated_at": "2011-12-06T06:05:00Z"} for n in range(5)])
    numbered.server.app = lambda _asked: first
    with pytest.raises(RetryLater, match="again and again"):
        numbered.land(AS_OF)
    assert len(numbered.server.asked) <= 3 + MOST_REPEATS


def test_an_empty_page_where_the_total_promises_one_is_asked_for_again(numbered: Connected) -> None:
    put(numbered, 23, step=timedelta(0))
    numbered.server.faults[2] = lambda _asked, _app: Told([], headers={"X-Total": "23"})
    numbered.land(AS_OF)
    assert numbered.newest() == texts(numbered)


def test_a_page_left_out_is_told_by_the_total_and_fetched(numbered: Connected) -> None:
    put(numbered, 40)

    def next_one(asked: Asked, app: App) -> Told:
        return app(Asked(asked.method, asked.path, {**asked.query, "page": "2"}, asked.headers))

    for number in (1, 4):
        numbered.server.faults[number] = next_one
    numbered.land(AS_OF)
    assert numbered.newest() == texts(numbered)


def test_what_is_deleted_while_pages_are_read_makes_no_endless_way_back(
    numbered: Connected,
) -> None:
    put(numbered, 40)
    gone = [f"k{n:04d}" for n in range(39, 9, -3)]
    numbered.things.before = lambda _asked: (
        numbered.things.rows.pop(gone.pop(0), None) and None if gone else None
    )
    numbered.land(AS_OF)
    assert numbered.things.rows.keys() <= numbered.newest().keys()
    assert len(numbered.server.asked) < 40


def test_more_recent_changes_than_are_remembered_cost_versions_and_lose_nothing(
    changing: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "MOST_RECENT", 3)
    assert MOST_RECENT > 3
    put(changing, 20, step=timedelta(seconds=1))
    changing.land(AS_OF)
    changing.land(AS_OF + MINUTE)
    assert changing.newest() == texts(changing)


def test_random_shops_end_in_what_they_hold(source: Connected) -> None:
    dice = random.Random(11)
    clock = START

    def trade(_asked: Asked) -> None:
        for _ in range(dice.randrange(3)):
            at = clock - timedelta(seconds=dice.randrange(600))
            source.things.put(f"k{dice.randrange(60)}", at, v=dice.randrange(9))

    for _ in range(12):
        clock += timedelta(minutes=12)
        source.things.before = trade
        source.land(clock, batch_rows=dice.choice((4, 6, 50)))
    source.things.before = lambda _asked: None
    clock += MINUTE
    source.land(clock)
    assert source.newest() == texts(source)


def test_check_says_what_can_be_read_and_what_is_missing(source: Connected) -> None:
    put(source, 3)
    findings = source.spec.check("shop", source.settings.source("shop"))
    assert [f.level for f in findings] == ["ok"]
    no_user = source.settings.source("shop").model_copy(update={"user": None})
    found = source.spec.check("shop", no_user)[0]
    assert found.level == "error"
    assert "USER" in found.remedy
