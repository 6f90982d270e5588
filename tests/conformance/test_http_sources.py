"""What a source that asks an API has to bear: each misbehaviour, at a random request, many times.

`LONG=1` makes twenty trials of each; the short form is what runs every time.
"""

from __future__ import annotations

import gzip
import os
import random
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from connectors.core.errors import FixConfig, ParleyError, RetryLater, StopRun
from connectors.core.http import HttpClient, body
from connectors.core.http import client as http_client
from tests.conformance.http_kit import App, Asked, Fault, Told, packed
from tests.conformance.rig import Rig
from tests.conformance.worlds import SOURCES
from tests.conformance.worlds.api import ApiWorld
from tests.conformance.worlds.base import AS_OF, ROWS

TRIALS = 20 if os.environ.get("LONG") else 3
# Requests that one landing of ROWS makes at least.
REQUESTS = 5
WORLDS = [world for world in SOURCES if issubclass(world, ApiWorld)]
LOGIN = b"<!DOCTYPE html><html><body><form>Please sign in</form></body></html>"


def says(status: int, retry_after: str | None = None) -> Fault:
    """An answer that is none."""
    headers = {"Retry-After": retry_after} if retry_after else {}
    return lambda _asked, _app: Told({"message": "no"}, status, headers)


def in_place_of(told: Told) -> Fault:
    return lambda _asked, _app: told


def spoilt(spoil: Callable[[Told], Told]) -> Fault:
    """The app's own answer, then spoilt."""
    return lambda asked, app: spoil(app(asked))


def cut(told: Told) -> Told:
    """Half the body, the length of all of it."""
    whole = packed(told).body
    return Told(whole[: len(whole) // 2], told.status, {"Content-Encoding": "gzip"}, cut=99)


def half(told: Told) -> Told:
    """Half the body, honestly said to be all."""
    whole = gzip.decompress(packed(told).body)
    return Told(whole[: len(whole) // 2], told.status, told.headers)


def dated() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)


PASSING: dict[str, Callable[[], Fault]] = {
    "429 with seconds": lambda: says(429, "7"),
    "429 with a date": lambda: says(429, dated()),
    "429 with an absurd wait": lambda: says(429, "999999999"),
    "429 with nonsense": lambda: says(429, "soon"),
    "429 alone": lambda: says(429),
    "500": lambda: says(500),
    "502": lambda: says(502),
    "503": lambda: says(503, "1"),
    "no answer in time": lambda: spoilt(lambda told: Told(told.body, pause=0.5)),
    "a slow drip": lambda: spoilt(lambda told: Told(told.body, headers=told.headers, drip=0.02)),
    "accepted, then reset": lambda: in_place_of(Told(reset=True)),
    "a body cut off": lambda: spoilt(cut),
    "half the JSON": lambda: spoilt(half),
    "a login page": lambda: in_place_of(Told(LOGIN, headers={"Content-Type": "text/html"})),
    "207 partial": lambda: spoilt(lambda told: Told(told.body, 207, told.headers)),
    "an empty body": lambda: in_place_of(Told(b"")),
    "gzipped": lambda: spoilt(packed),
}


@pytest.fixture(params=WORLDS, ids=lambda world: str(world.vendor))
def world(request: pytest.FixtureRequest) -> type[ApiWorld]:
    found: type[ApiWorld] = request.param
    return found


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody waits in these tests; how long somebody would have is kept."""
    waited: list[float] = []
    monkeypatch.setitem(HttpClient.__init__.__kwdefaults__, "sleep", waited.append)
    monkeypatch.setattr(http_client, "READ_SECONDS", 0.25)
    monkeypatch.setattr(body, "PATIENCE", 1)
    return waited


def trials(world: type[ApiWorld], folder: Path, name: str) -> Iterator[tuple[Rig, int]]:
    """Rigs with all rows put, and the number of a request to spoil; closed behind themselves."""
    dice = random.Random(f"{world.vendor} {name}")
    for trial in range(TRIALS):
        home = folder / f"{trial}"
        home.mkdir()
        rig = Rig(world(home), home)
        rig.world.put(ROWS)
        yield rig, dice.randrange(REQUESTS)
        rig.world.server.close()


def landed_in_the_end(rig: Rig, most: int = 4) -> list[ParleyError]:
    """Land until nothing is in the way; what was."""
    errors: list[ParleyError] = []
    for _ in range(most):
        try:
            rig.land(batch_rows=21)
        except ParleyError as error:
            errors.append(error)
        else:
            return errors
    raise errors[-1]


def assert_whole(rig: Rig) -> None:
    """Every record once: not lost, not doubled."""
    found = sorted(rig.world.name_of(row) for row in rig.rows())
    assert found == sorted(ROWS)


@pytest.mark.parametrize("kind", PASSING)
def test_what_passes_is_waited_for_and_nothing_is_lost_or_doubled(
    world: type[ApiWorld], kind: str, tmp_path: Path
) -> None:
    for rig, number in trials(world, tmp_path, kind):
        rig.world.server.faults[number] = PASSING[kind]()
        for error in landed_in_the_end(rig):
            assert isinstance(error, RetryLater), kind
        assert_whole(rig)
        assert not rig.world.server.faults, "the fault was never met"


def test_a_storm_of_faults_ends_in_every_record_once(world: type[ApiWorld], tmp_path: Path) -> None:
    for rig, number in trials(world, tmp_path, "storm"):
        dice = random.Random(number)
        kinds = list(PASSING.values())
        rig.world.server.faults = {n: dice.choice(kinds)() for n in range(2, 40, 2)}
        landed_in_the_end(rig, most=30)
        assert_whole(rig)


def test_a_login_page_for_ever_is_told_and_what_came_before_stays(
    world: type[ApiWorld], tmp_path: Path
) -> None:
    for rig, _ in trials(world, tmp_path, "login"):
        app = rig.world.server.app
        rig.world.server.app = in_app(Told(LOGIN))
        with pytest.raises(RetryLater):
            rig.land()
        rig.world.server.app = app
        landed_in_the_end(rig)
        assert_whole(rig)


def in_app(told: Told) -> App:
    return lambda _asked: told


def test_credentials_that_end_in_mid_run_are_told_and_the_next_run_goes_on(
    world: type[ApiWorld], tmp_path: Path
) -> None:
    for rig, number in trials(world, tmp_path, "401"):
        rig.world.server.faults[number] = says(401)
        errors = landed_in_the_end(rig)
        assert all(isinstance(e, FixConfig) and "credentials" in e.remedy for e in errors)
        assert_whole(rig)


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]:1/",
        "//evil.example/",
        "file:///etc",
    ],
)
def test_a_redirect_to_another_place_is_not_followed(
    world: type[ApiWorld], address: str, tmp_path: Path
) -> None:
    for rig, number in trials(world, tmp_path, address):
        rig.world.server.faults[number] = in_place_of(Told(b"", 302, {"Location": address}))
        with pytest.raises(StopRun):
            rig.land()
        landed_in_the_end(rig)
        assert_whole(rig)


def test_a_gzip_bomb_is_not_unpacked(
    world: type[ApiWorld], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "MOST_BYTES", 1024 * 1024)
    bomb = gzip.compress(b"[" + b" " * 200 * 1024 * 1024 + b"]", compresslevel=1)
    for rig, number in trials(world, tmp_path, "bomb"):
        rig.world.server.faults[number] = in_place_of(
            Told(bomb, headers={"Content-Encoding": "gzip"})
        )
        with pytest.raises(StopRun, match="larger than"):
            rig.land()
        landed_in_the_end(rig)
        assert_whole(rig)


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_vendors_clock_that_is_off_costs_time_and_no_record(
    world: type[ApiWorld], minutes: int, tmp_path: Path
) -> None:
    off = timedelta(minutes=minutes)
    for rig, number in trials(world, tmp_path, f"clock {minutes}"):
        changed = sorted(ROWS)[number]
        rig.land()
        # The vendor's clock steps; then a record changes, stamped by it.
        rig.world.put({changed: AS_OF + off})
        rig.land(AS_OF + timedelta(minutes=1))
        rig.land(AS_OF + timedelta(minutes=11))
        versions = [row for row in rig.rows() if rig.world.name_of(row) == changed]
        assert len(versions) == 2
        assert {rig.world.name_of(row) for row in rig.rows()} == set(ROWS)


def test_waiting_is_what_the_server_asked_for(
    world: type[ApiWorld], tmp_path: Path, patience: list[float]
) -> None:
    for rig, number in trials(world, tmp_path, "waiting"):
        patience.clear()
        rig.world.server.faults[number] = says(429, "7")
        rig.land()
        assert 7.0 in patience


def test_no_error_shows_what_was_sent_or_said(world: type[ApiWorld], tmp_path: Path) -> None:
    def echo(asked: Asked) -> Told:
        return Told({"message": f"{asked.headers} {asked.query}"}, 400)

    for rig, _ in trials(world, tmp_path, "secrets"):
        rig.world.server.app = echo
        with pytest.raises(ParleyError) as raised:
            rig.land()
        said = rig.spec.check(rig.world.source_id, rig.settings.source(rig.world.source_id))
        shown = f"{''.join(traceback.format_exception(raised.value))}{raised.value!r}{said}"
        assert not [name for name, value in rig.world.secrets.items() if value in shown]
        assert "'authorization'" not in shown, "what the server said is shown"
