"""The demo's school: small, the same each time, and for each programme somebody to speak to."""

import gzip
import re
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import phonenumbers
import pytest
from demo_kit import when

from connectors.demo import DEMO_AS_OF
from connectors.demo.people import People
from connectors.demo.school import School

RESERVED = re.compile(r"^[a-z.]+@([a-z-]+\.example|example\.org)$")
Event = dict[str, Any]


def played(folder: Path, seed: int = 2011) -> list[bytes]:
    """Write the school of a shop without customers and return its lines."""
    written = School(seed, People(seed), [], int(DEMO_AS_OF.timestamp())).write(folder)
    lines = []
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path) as file:
            lines += list(file)
    assert len(lines) == written
    return lines


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    return played(tmp_path_factory.mktemp("school"))


@pytest.fixture(scope="module")
def events(lines: list[bytes]) -> list[Event]:
    return [orjson.loads(line) for line in lines]


def until_now(events: list[Event], name: str) -> list[Event]:
    """Return the track events of a name up to the demo's moment."""
    found = [e for e in events if e.get("event") == name]
    return [e for e in found if when(e["receivedAt"]) <= DEMO_AS_OF]


def age(event: Event) -> timedelta:
    return DEMO_AS_OF - when(event["timestamp"])


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def test_the_same_seed_gives_the_same_lines(lines: list[bytes], tmp_path: Path) -> None:
    assert played(tmp_path) == lines


def test_it_is_small_and_ends_with_the_demo(events: list[Event]) -> None:
    people = {e["userId"] for e in events if "userId" in e}
    firms = {e["groupId"] for e in events if e["type"] == "group"}
    assert 280 < len(people) < 400
    assert 90 < len(firms) < 120
    assert 3_000 < len(events) < 15_000
    moments = sorted(when(e["receivedAt"]) for e in events)
    assert moments[0] > DEMO_AS_OF - timedelta(days=76)
    assert DEMO_AS_OF < moments[-1] < datetime.fromisoformat("2011-12-10T00:00:00Z")


def test_addresses_are_reserved_and_phones_are_of_film_and_television(events: list[Event]) -> None:
    traits = [e["traits"] for e in events if e["type"] == "identify"]
    assert all(RESERVED.match(each["email"]) for each in traits)
    phones = {each["phone"] for each in traits if "phone" in each}
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(each, "GB")) for each in phones)


def test_several_people_of_a_firm_take_part(events: list[Event]) -> None:
    members = defaultdict(set)
    for e in events:
        if e["type"] == "group":
            members[e["groupId"]].add(e["userId"])
    assert sum(len(people) > 1 for people in members.values()) > 90


def test_each_step_of_the_nurture_sequence_has_readers(events: list[Event]) -> None:
    downloads = until_now(events, "Content Downloaded")
    for least, most in ((24, 96), (96, 168), (216, 288)):
        readers = {e["userId"] for e in downloads if hours(least) <= age(e) < hours(most)}
        assert len(readers) >= 6, (least, most)


def test_somebody_is_to_be_called_met_and_moved_to_a_larger_plan(events: list[Event]) -> None:
    outcomes = until_now(events, "Call Completed")
    interested = [e for e in outcomes if e["properties"]["outcome"] == "interested"]
    assert sum(hours(24) < age(e) < hours(168) for e in interested) >= 6
    full = {e["userId"] for e in until_now(events, "Usage Limit Reached")}
    moved = {e["userId"] for e in until_now(events, "Plan Upgraded")}
    assert len(full - moved) >= 6
    assert moved
    recent = [e for e in until_now(events, "Content Downloaded") if age(e) < hours(120)]
    contents = Counter(e["userId"] for e in recent)
    assert sum(count >= 2 for count in contents.values()) >= 6


def test_permissions_are_asked_for_both_channels_and_some_are_never_confirmed(
    events: list[Event],
) -> None:
    declared = [e["properties"] for e in events if e.get("event") == "Permission Updated"]
    channels = Counter(each["channel"] for each in declared)
    assert channels["email"] > channels["call"] > 50
    assert all("phone" in each for each in declared if each["channel"] == "call")
    assert 0 < sum(not each["is_confirmed"] for each in declared) < len(declared) / 5


def test_some_enrol_and_are_worth_what_the_course_costs(events: list[Event]) -> None:
    enrolled = [e["properties"] for e in events if e.get("event") == "Enrolled"]
    assert len(enrolled) > 10
    assert all(each["value"] > 0 and each["currency"] == "GBP" for each in enrolled)
