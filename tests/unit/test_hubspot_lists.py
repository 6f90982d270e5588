"""Audiences as HubSpot's static lists: who is on them, what changed alone, in the fewest calls.

`LONG=1` syncs 100,000 people; the short form, 2,000.
"""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from connectors.core.accounts import DestinationSettings
from connectors.core.audience import AudienceTarget, Leaver, Member
from connectors.core.errors import FixConfig
from connectors.core.http import Budget, HttpClient, bearer
from connectors.core.settings import Settings
from connectors.core.vendors import hubspot
from connectors.destinations.hubspot import create_audience
from connectors.destinations.hubspot.lists import HubSpotLists
from tests.conformance.apis.hubspot import TOKEN
from tests.conformance.apis.hubspot.lists import make
from tests.conformance.apis.hubspot.people import put
from tests.conformance.http_kit import App, Asked, Told
from tests.conformance.worlds.base import AS_OF
from tests.unit.hubspot_kit import Desk, desk, elsewhere

PEOPLE = 100_000 if os.environ.get("LONG") else 2_000
UPSERT = "/batch/upsert"
CHANGE = "/memberships/add-and-remove"


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as made:
        yield made


def member(key: str, stage: str = "new", **changes: object) -> Member:
    told = {"address": f"{key}@example.com", "properties": {"stage": stage}, **changes}
    return Member(key, **told)


def joined(lists: HubSpotLists, list_id: str, members: list[Member]) -> dict[str, str]:
    """The ids of those who were put on it, by key."""
    told = lists.put(list_id, members)
    assert [each.member_key for each in told] == [each.member_key for each in members]
    return {each.member_key: each.vendor_id for each in told if each.state == "done"}


def test_a_list_is_made_once_and_found_again_by_its_name(account: Desk) -> None:
    lists = account.lists()
    assert isinstance(lists, AudienceTarget)
    made = lists.list_id("win back / VIP?")
    assert lists.list_id("win back / VIP?") == made
    assert [each["name"] for each in account.portal.lists.values()] == ["Parley: win back / VIP?"]
    assert account.portal.lists[made]["processingType"] == "MANUAL"


def test_a_list_whose_making_was_not_answered_is_found(account: Desk) -> None:
    def lost(asked: Asked, app: App) -> Told:
        app(asked)
        return Told(reset=True)

    account.server.faults[1] = lost
    assert account.lists().list_id("vip") in account.portal.lists
    assert len(account.portal.lists) == 1


def test_a_list_that_hubspot_fills_is_not_touched(account: Desk) -> None:
    make(account.portal, "Parley: vip", "DYNAMIC")
    with pytest.raises(FixConfig, match="by itself"):
        account.lists().list_id("vip")


def test_people_join_change_and_leave(account: Desk) -> None:
    lists = account.lists()
    vip = lists.list_id("vip")
    ids = joined(lists, vip, [member("ada"), member("bob", address="Bob@Example.com")])
    assert set(lists.members(vip)) == set(ids.values())
    contacts = account.portal.objects["contacts"]
    assert contacts[ids["ada"]]["properties"]["parley_stage"] == "new"
    before = account.portal.calls
    changed = member("ada", "loyal", vendor_id=ids["ada"], is_listed=True)
    assert joined(lists, vip, [changed]) == {"ada": ids["ada"]}
    assert account.portal.calls == before + 1, "the list did not change"
    assert contacts[ids["ada"]]["properties"]["parley_stage"] == "loyal"
    told = lists.drop(vip, [Leaver("ada", ids["ada"]), Leaver("gone", "999999")])
    assert {each.state for each in told} == {"done"}
    assert list(lists.members(vip)) == [ids["bob"]]
    assert ids["ada"] in contacts


def test_who_comes_back_unchanged_is_not_written_again(account: Desk) -> None:
    lists = account.lists()
    vip = lists.list_id("vip")
    ids = joined(lists, vip, [member("ada")])
    lists.drop(vip, [Leaver("ada", ids["ada"])])
    back = member("ada", vendor_id=ids["ada"], properties={})
    assert joined(lists, vip, [back]) == ids
    assert len(account.asked(UPSERT)) == 1
    assert list(lists.members(vip)) == [ids["ada"]]


def test_a_contact_that_was_deleted_there_is_made_anew(account: Desk) -> None:
    lists = account.lists()
    vip = lists.list_id("vip")
    ids = joined(lists, vip, [member("ada"), member("bob")])
    del account.portal.objects["contacts"][ids["ada"]], account.portal.by_email["ada@example.com"]
    back = [member(key, vendor_id=ids[key], properties={}) for key in ("ada", "bob")]
    found = joined(lists, vip, back)
    assert found["ada"] not in ids.values()
    assert found["bob"] == ids["bob"]
    assert found["ada"] in set(lists.members(vip))


def test_one_bad_address_among_many_is_found_and_the_others_join(account: Desk) -> None:
    lists = account.lists()
    members = [member(f"k{n}", address="nobody" if n == 77 else f"k{n}@x.org") for n in range(250)]
    told = lists.put(lists.list_id("vip"), members)
    assert [(e.member_key, e.detail) for e in told if e.state == "rejected"] == [
        ("k77", "VALIDATION_ERROR")
    ]
    assert len(account.portal.objects["contacts"]) == 249
    assert len(account.asked(CHANGE)) == 1


def test_a_property_that_hubspot_lacks_stops_the_sync(account: Desk) -> None:
    lists = account.lists()
    with pytest.raises(FixConfig, match="lacks properties"):
        lists.put(lists.list_id("vip"), [member("ada", properties={"shoe_size": 39})])
    assert len(account.asked(UPSERT)) == 1


def test_properties_go_by_the_names_that_they_have_there(tmp_path: Path) -> None:
    with desk(tmp_path, properties="language=hs_language, stage = parley_stage") as account:
        lists = account.lists()
        properties = {"language": "en", "stage": None}
        told = lists.put(lists.list_id("vip"), [member("ada", properties=properties)])
        contact = account.portal.objects["contacts"][told[0].vendor_id]["properties"]
        assert (contact["hs_language"], contact["parley_stage"]) == ("en", "")


def test_a_put_that_is_repeated_changes_nothing(account: Desk) -> None:
    lists = account.lists()
    vip = lists.list_id("vip")
    members = [member(f"k{n}") for n in range(150)]
    first = joined(lists, vip, members)
    assert joined(lists, vip, members) == first
    assert len(account.portal.objects["contacts"]) == 150
    assert set(lists.members(vip)) == set(first.values())


def test_people_who_were_there_before_keep_their_contact(account: Desk) -> None:
    put(account.portal, "contacts", "77", AS_OF, email="ada@example.com", firstname="Ada")
    lists = account.lists()
    assert joined(lists, lists.list_id("vip"), [member("ada")]) == {"ada": "77"}
    assert account.portal.objects["contacts"]["77"]["properties"]["firstname"] == "Ada"


def test_many_people_in_the_fewest_calls_within_the_limit_and_flat_memory(tmp_path: Path) -> None:
    limit, seconds = (190, 10.0) if PEOPLE > 2_000 else (10, 0.5)
    with elsewhere(limit, seconds) as (url, pipe):
        account = DestinationSettings(url=SecretStr(url), token=SecretStr(TOKEN))
        settings = Settings(home=tmp_path, destinations={"hubspot": account})
        client = HttpClient(
            url,
            auth=bearer(SecretStr(TOKEN)),
            statuses=hubspot.ANSWERED,
            budget=Budget(limit * 18 // 19, seconds),
        )
        lists = create_audience(settings, client)
        everybody, peaks = lists.list_id("everybody"), []
        tracemalloc.start()
        began = time.monotonic()
        for first in range(0, PEOPLE, lists.put_size):
            tracemalloc.reset_peak()
            last = min(first + lists.put_size, PEOPLE)
            members = [member(f"p{number}") for number in range(first, last)]
            assert len(joined(lists, everybody, members)) == len(members)
            peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        took = time.monotonic() - began
        pipe.send("tell")
        told = pipe.recv()
    assert told["on_lists"] == PEOPLE
    assert told["busy"] == 0, "HubSpot never had to say that it is too much"
    assert told["calls"] == 2 + PEOPLE // 100 + -(-PEOPLE // lists.put_size)
    assert max(peaks) < 1.2 * peaks[0] + 1e6
    what = f"{PEOPLE:,} people, {told['calls']:,} calls, {took:.0f} s"
    print(f"{what}, peaks {peaks[0] / 1e6:.1f} to {max(peaks) / 1e6:.1f} MB")
