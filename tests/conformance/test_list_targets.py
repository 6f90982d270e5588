"""What every destination that keeps lists has to do, by whole syncs from a ledger."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import SecretStr

from connectors.core import registry
from connectors.core.accounts import DestinationSettings
from connectors.core.audience import AudienceTarget
from connectors.core.errors import ParleyError
from connectors.core.http import HttpClient
from connectors.destinations.marketo import bulk
from connectors.ledger.suppressions import Suppression, suppress
from tests.conformance.apis.marketo import store
from tests.conformance.http_kit import App, Asked, Told
from tests.conformance.kits import audiences_kit, outbox_kit
from tests.conformance.worlds.base import SECRET
from tests.conformance.worlds.destinations.base import DestinationWorld, HttpWorld
from tests.conformance.worlds.destinations.files import FileWorld
from tests.conformance.worlds.destinations.vendors import EloquaWorld, HubSpotWorld, MarketoWorld


class HubSpotLists(HubSpotWorld):
    """Static lists; every property has to be there."""

    changes: ClassVar = ("/batch/upsert", "/add-and-remove", "/add", "/remove")

    def app(self) -> App:
        made = super().app()
        self.portal.properties |= {"parley_country", "country"}
        return made

    def listed(self) -> set[str]:
        contacts = self.portal.objects["contacts"]
        on_lists = [each for made in self.portal.lists.values() for each in made["members"]]
        return {str(contacts[str(each)]["properties"]["email"]) for each in on_lists}


class MarketoLists(MarketoWorld):
    """Static lists, made in a folder."""

    changes: ClassVar = ("/leads.json",)

    def account(self, url: str) -> DestinationSettings:
        return DestinationSettings(
            url=SecretStr(url), user=SecretStr(store.USER), password=SecretStr(store.PASSWORD),
            options={"calls": "1000000", "folder": "12", "fields": "country:country"},
        )  # fmt: skip

    def listed(self) -> set[str]:
        return {
            str(self.vendor.leads[each]["email"])
            for members in self.vendor.members.values()
            for each in members
        }


class EloquaLists(EloquaWorld):
    """Shared lists, but for the one that feeds a canvas."""

    changes: ClassVar = ("/syncs",)

    def listed(self) -> set[str]:
        contacts = self.site.contacts
        return {
            contacts[each].fields["C_EmailAddress"]
            for list_id, members in self.site.lists.items()
            if list_id != self.list_id
            for each in members
        }


class FileLists(FileWorld):
    """A CSV an audience."""

    def listed(self) -> set[str]:
        found: set[str] = set()
        for path in (self.folder / "out" / "lists").glob("*.csv"):
            found |= {line.split('"')[3] for line in path.read_text().splitlines()[1:]}
        return found


WORLDS: list[Any] = [FileLists, HubSpotLists, MarketoLists, EloquaLists]


@pytest.fixture(autouse=True)
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody waits in these tests."""
    found: list[float] = []
    monkeypatch.setitem(HttpClient.__init__.__kwdefaults__, "sleep", found.append)
    monkeypatch.setattr(bulk, "sleep", found.append)
    return found


class Synced:
    """A world, a ledger, and syncs between them, each by a new target."""

    def __init__(self, world: Any, home: Path) -> None:
        self.world, self.lists = (
            world,
            audiences_kit.Lists(
                audiences_kit.open_ledger(f"sqlite:///{home}/ledger.db"), home, None
            ),
        )

    def sync(self, wanted: dict[str, dict[str, Any]], **how: Any) -> Any:
        self.lists.vendor = registry.target(self.world.name)(self.world.settings())
        return self.lists.sync(wanted, **how)


@pytest.fixture(params=WORLDS, ids=lambda world: world.name)
def synced(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Synced]:
    world: DestinationWorld = request.param(tmp_path / "world")
    made = Synced(world, tmp_path)
    yield made
    made.lists.engine.dispose()
    world.close()


def addresses(wanted: dict[str, dict[str, Any]]) -> set[str]:
    return {str(each["address"]) for each in wanted.values()}


def test_every_destination_with_lists_has_a_world() -> None:
    assert {world.name for world in WORLDS} >= {*registry.known_targets()}


def test_it_is_a_target_of_its_name_and_says_whether_it_reaches_people(synced: Synced) -> None:
    made = registry.target(synced.world.name)(synced.world.settings())
    assert isinstance(made, AudienceTarget)
    assert made.name == synced.world.name
    assert getattr(made, "is_live", True) == (synced.world.name != "file")
    assert SECRET not in repr(made)


def test_a_list_follows_its_audience(synced: Synced) -> None:
    wanted = audiences_kit.people(130)
    assert synced.sync(wanted).added == 130
    assert synced.world.listed() == addresses(wanted)
    assert synced.sync(wanted).same == 130
    wanted["n00003"] = {**wanted["n00003"], "properties": '{"country":"DE"}'}
    del wanted["n00007"]
    wanted["n00200"] = {"address": "new@example.com", "properties": '{"country":null}'}
    done = synced.sync(wanted)
    assert (done.added, done.changed, done.removed) == (1, 1, 1)
    assert synced.world.listed() == addresses(wanted)
    held = synced.lists.held()
    assert {each.state for each in held.values()} == {"listed"}
    assert all(each.vendor_id for each in held.values())


def test_who_said_no_since_the_plan_leaves_by_the_vendors_own_id(synced: Synced) -> None:
    wanted = audiences_kit.people(5)
    synced.sync(wanted)
    no = Suppression("n00002", "erased", "erasure", outbox_kit.MONDAY)
    suppress(synced.lists.engine, [no])
    assert synced.sync(wanted).removed == 1
    assert synced.world.listed() == addresses(wanted) - {"p00002@example.com"}


def test_a_full_sync_of_a_list_that_is_right_changes_nothing(synced: Synced) -> None:
    wanted = audiences_kit.people(12)
    synced.sync(wanted)
    done = synced.sync(wanted, full=True)
    assert (done.added, done.removed, done.same) == (0, 0, 12)
    assert synced.world.listed() == addresses(wanted)


def test_a_bad_address_is_rejected_alone(synced: Synced) -> None:
    wanted = audiences_kit.people(9)
    wanted["n00004"] = {"address": "no address at all", "properties": "{}"}
    done = synced.sync(wanted)
    assert (done.added, done.rejected) == (8, 1)
    assert len(synced.world.listed()) == 8


def lost(asked: Asked, app: App) -> Told:
    """It is done, and the connection is torn down."""
    app(asked)
    return Told(reset=True)


def failing(asked: Asked, app: App) -> Told:
    """It is not done."""
    del asked, app
    return Told({"message": "p00001@example.com broke it"}, 500)


@pytest.mark.parametrize("fault", [lost, failing], ids=["lost", "failing"])
def test_a_vendor_that_breaks_off_is_made_good_by_the_next_sync(
    synced: Synced, fault: Callable[[Asked, App], Told]
) -> None:
    if not isinstance(synced.world, HttpWorld):
        pytest.skip("it speaks no HTTP")
    wanted = audiences_kit.people(40)
    app = synced.world.server.app
    synced.world.server.app = lambda asked: (
        fault(asked, app) if asked.path.endswith(synced.world.changes) else app(asked)
    )
    try:
        synced.sync(wanted)
    except ParleyError as error:
        told = "".join(traceback.format_exception(error))
        assert "@example.com" not in told
        assert SECRET not in told
    synced.world.server.app = app
    # Meanwhile one of those who may be on the list said no, and one is not wanted any more.
    suppress(synced.lists.engine, [Suppression("n00001", "complaint", "t", outbox_kit.MONDAY)])
    del wanted["n00002"]
    synced.sync(wanted)
    assert synced.world.listed() == addresses(wanted) - {"p00001@example.com"}
    assert synced.sync(wanted).same == 38
