"""What every destination has to do. A new one joins by a world in `worlds/destinations`."""

from __future__ import annotations

import logging
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from pkgutil import iter_modules

import pyarrow.parquet as pq
import pytest

from connectors.core import registry
from connectors.core.delivery import Destination, OutMessage
from connectors.core.http import HttpClient
from connectors.core.spec import Finding
from connectors.destinations.marketo import bulk
from connectors.ledger.emission.batches import batch_id_of
from connectors.ledger.emission.outgoing import out_messages
from tests.conformance.http_kit import App, Asked, Told
from tests.conformance.outbox import Delivered
from tests.conformance.worlds import destinations
from tests.conformance.worlds.base import SECRET
from tests.conformance.worlds.destinations.base import TWO, DestinationWorld, HttpWorld

MODULES = [
    import_module(f"{destinations.__name__}.{module.name}")
    for module in iter_modules(destinations.__path__)
]
WORLDS: list[type[DestinationWorld]] = [
    world for module in MODULES for world in getattr(module, "DESTINATIONS", ())
]
HTTP = [world for world in WORLDS if issubclass(world, HttpWorld)]
KEYS = ("m1", "m2", "m3", "m4", "m5")
# Their worlds need what a message here does not have: a day, hours, a phone.
WITHOUT = {"call_list", "meeting"}


def ids(world: type[DestinationWorld]) -> str:
    return world.__name__.removesuffix("World").lower()


@pytest.fixture(autouse=True)
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody waits in these tests; how long somebody would have is kept."""
    found: list[float] = []
    monkeypatch.setitem(HttpClient.__init__.__kwdefaults__, "sleep", found.append)
    monkeypatch.setattr(bulk, "sleep", found.append)
    return found


@pytest.fixture(params=WORLDS, ids=ids)
def delivered(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Delivered]:
    yield from _delivered(request.param, tmp_path)


@pytest.fixture(params=HTTP, ids=ids)
def spoilt(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Delivered]:
    yield from _delivered(request.param, tmp_path)


def _delivered(kind: type[DestinationWorld], folder: Path) -> Iterator[Delivered]:
    world = kind(folder / "world")
    made = Delivered(world, folder)
    yield made
    made.engine.dispose()
    world.close()


def once(delivered: Delivered) -> set[str]:
    """Whatever arrived; nothing did twice."""
    counts = Counter(delivered.world.arrived())
    assert max(counts.values(), default=1) == 1, counts
    return set(counts)


def messages(delivered: Delivered, *keys: str) -> list[OutMessage]:
    folder = delivered.outbox.plan(delivered.rows(*keys), "direct")
    [batch] = pq.read_table(folder / "audience_mass.parquet").to_batches()
    return list(out_messages(batch))


def test_every_destination_has_a_world() -> None:
    assert {world.name for world in WORLDS} >= {*registry.known_destinations()} - WITHOUT


def test_it_is_a_destination_of_its_name(delivered: Delivered) -> None:
    made = delivered.world.make()
    assert isinstance(made, Destination)
    assert made.name == delivered.world.name
    assert 0 < made.batch_size <= 50_000


def test_a_batch_is_accepted_and_arrives_once(delivered: Delivered) -> None:
    assert delivered.emit(delivered.rows(*KEYS)) is None
    assert delivered.states() == dict.fromkeys(KEYS, "accepted")
    assert once(delivered) == set(KEYS)


@pytest.mark.parametrize("place", [0, 2, 5])
def test_a_bad_row_is_rejected_alone_whether_it_spoils_its_batch_or_not(
    delivered: Delivered, place: int
) -> None:
    rows = delivered.rows(*KEYS)
    rows.insert(place, delivered.rows("bad", address=delivered.world.bad)[0])
    delivered.emit(rows)
    assert delivered.states() == {**dict.fromkeys(KEYS, "accepted"), "bad": "rejected"}
    assert once(delivered) == set(KEYS)


def test_two_recipients_in_one_address_get_nothing(delivered: Delivered) -> None:
    """I14: neither is shown to the other. A postal address may hold commas."""
    if delivered.world.name == "post_list":
        pytest.skip("a letter's address is not an email's")
    delivered.emit([*delivered.rows("two", address=TWO), *delivered.rows("m1")])
    assert delivered.states() == {"two": "rejected", "m1": "accepted"}
    assert once(delivered) == {"m1"}


def test_a_batch_that_comes_again_has_the_effect_of_one(delivered: Delivered) -> None:
    made = delivered.world.make()
    if not made.idempotent:
        pytest.skip("it says that it is not idempotent")
    told = messages(delivered, *KEYS)
    first, second = (made.deliver("b1", told) for _ in range(2))
    again = delivered.world.make().deliver("b1", told)  # by another process
    for outcomes in (first, second, again):
        assert {each.message_key: each.state for each in outcomes} == dict.fromkeys(
            KEYS, "accepted"
        )
    assert once(delivered) == set(KEYS)


def test_an_emission_that_is_repeated_sends_nothing_again(delivered: Delivered) -> None:
    rows = delivered.rows(*KEYS)
    delivered.emit(rows)
    delivered.again(delivered.home / "runs" / "r1")
    delivered.emit(rows, "r2")
    assert once(delivered) == set(KEYS)


def test_a_batch_that_never_arrived_is_not_made_up(delivered: Delivered) -> None:
    found = delivered.world.make().lookup(batch_id_of(["nothing"]))
    assert not [each for each in found or () if each.state == "accepted"]


def test_retry_after_is_honoured(spoilt: Delivered, waited: list[float]) -> None:
    assert isinstance(spoilt.world, HttpWorld)
    spoilt.world.spoil(lambda _asked, _app: Told({}, 429, {"Retry-After": "2"}))
    spoilt.emit(spoilt.rows(*KEYS))
    assert spoilt.states() == dict.fromkeys(KEYS, "accepted")
    times = spoilt.world.server.times
    really = max(after - before for before, after in pairwise(times))
    assert max([*waited, *spoilt.waited, really]) >= 2
    assert once(spoilt) == set(KEYS)


def lost(asked: Asked, app: App) -> Told:
    """It is done, and the connection is torn down."""
    app(asked)
    return Told(reset=True)


def half(asked: Asked, app: App) -> Told:
    """It is done, and half of the answer comes."""
    told = app(asked)
    return Told(told.body, told.status, told.headers, cut=40)


@pytest.mark.parametrize("fault", [lost, half], ids=["lost", "half"])
def test_an_answer_that_was_lost_doubles_nothing_and_is_owned_up_to(
    spoilt: Delivered, fault
) -> None:
    assert isinstance(spoilt.world, HttpWorld)
    spoilt.world.spoil(fault)
    rows = spoilt.rows(*KEYS)
    spoilt.emit(rows)
    for run_id in ("r1", "r2", "r3"):
        spoilt.emit(rows, run_id)
    states = spoilt.states()
    assert set(states) == set(KEYS)
    assert set(states.values()) <= {"accepted", "unknown"}
    assert once(spoilt) == set(KEYS)
    if spoilt.world.make().idempotent:
        assert set(states.values()) == {"accepted"}


def test_a_connection_that_fails_before_anything_arrived_loses_nothing(spoilt: Delivered) -> None:
    """Nobody can tell it from a lost answer: what cannot be repeated may be unknown for good."""
    assert isinstance(spoilt.world, HttpWorld)
    spoilt.world.spoil(lambda _asked, _app: Told(reset=True))
    rows = spoilt.rows(*KEYS)
    spoilt.emit(rows)
    spoilt.emit(rows, "r2")
    states, arrived = spoilt.states(), once(spoilt)
    for key in KEYS:
        assert (states[key] == "accepted") == (key in arrived)
        assert states[key] in ("accepted", "unknown")


def test_a_token_that_ends_in_mid_run_loses_and_doubles_nothing(spoilt: Delivered) -> None:
    assert isinstance(spoilt.world, HttpWorld)
    spoilt.world.spoil(lambda _asked, _app: Told({}, 401))
    spoilt.emit(spoilt.rows(*KEYS))
    spoilt.emit(spoilt.rows(*KEYS), "r2")
    assert spoilt.states() == dict.fromkeys(KEYS, "accepted")
    assert once(spoilt) == set(KEYS)


FAULTS = {
    "401": Told({"message": "m1@shop.example may not"}, 401),
    "403": Told({"message": "m1@shop.example may not"}, 403),
    "400": Told({"message": "m1@shop.example is wrong"}, 400),
    "500": Told({"message": "m1@shop.example broke it"}, 500),
    "503": Told(b"<html>m1@shop.example</html>", 503, {"Retry-After": "9999"}),
    "html": Told(b"<html>log in, m1@shop.example</html>"),
    "list": Told(["m1@shop.example"]),
    "null": Told(None),
    "reset": Told(reset=True),
}


READ = ("html", "list", "null")


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_that_goes_wrong_shows_a_secret_or_an_address(
    spoilt: Delivered, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In no error, traceback, log or state, whatever every request is answered with."""
    assert isinstance(spoilt.world, HttpWorld)
    if fault in READ and not spoilt.world.reads_answers:
        pytest.skip("whatever a 200 says, it is a yes")
    caplog.set_level(logging.DEBUG, "parley")
    spoilt.world.server.app = lambda _asked: FAULTS[fault]
    error = spoilt.emit(spoilt.rows(*KEYS))
    made = spoilt.world.make()
    told = [repr(made), caplog.text, *map(str, _audited(spoilt))]
    if error:
        told += [repr(error), *traceback.format_exception(error)]
        assert error.remedy
    assert spoilt.world.arrived() == []
    assert "accepted" not in spoilt.states().values()
    _clean(spoilt, "".join(told))


def _audited(delivered: Delivered) -> list[object]:
    with delivered.engine.connect() as connection:
        return list(connection.exec_driver_sql("select * from message_audit").all())


def _clean(delivered: Delivered, text: str) -> None:
    account = delivered.world.settings().destinations[delivered.world.name]
    secrets = [each.get_secret_value() for each in (account.token, account.password) if each]
    assert not [each for each in (*secrets, SECRET, "@shop.example") if each in text]


def test_wrong_credentials_are_found_by_the_check_and_shown_by_nobody(spoilt: Delivered) -> None:
    assert isinstance(spoilt.world, HttpWorld)
    spoilt.world.server.app = lambda _asked: Told({}, 401)
    check = registry.destination_part(spoilt.world.name, "check")
    assert callable(check)
    found: list[Finding] = check(spoilt.world.settings(**spoilt.world.wrong))
    assert any(each.level == "error" and each.remedy for each in found)
    _clean(spoilt, repr(found))


def test_the_check_of_a_place_that_is_well_finds_no_error(delivered: Delivered) -> None:
    check = registry.destination_part(delivered.world.name, "check")
    if not callable(check):
        pytest.skip("there is nobody to ask")
    found: list[Finding] = check(delivered.world.settings())
    assert "error" not in {each.level for each in found}, found
    assert delivered.world.arrived() == []


def test_a_repr_shows_no_secret(delivered: Delivered) -> None:
    made = delivered.world.make()
    assert SECRET not in f"{made!r}{delivered.world.settings()!r}"


def test_time_is_not_spent_on_waiting(delivered: Delivered) -> None:
    """A delivery to a healthy place takes no pauses: a run has many."""
    began = time.monotonic()
    made = delivered.world.make()
    made.deliver("b1", messages(delivered, *KEYS))
    assert time.monotonic() - began < 20
