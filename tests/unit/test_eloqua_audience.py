"""Audiences at Eloqua: found or made, added to, left without an address, in as few posts as fit.

`LONG=1`: a hundred thousand people; two thousand otherwise.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from eloqua_kit import LIST, Instance, assert_described, lost_after, recorded, says

from connectors.core.audience import AudienceTarget, Leaver, Member
from connectors.core.errors import RetryLater
from connectors.core.http import HttpClient, Unanswered
from connectors.core.vendors import eloqua
from connectors.core.vendors.eloqua import POST_BYTES

IS_LONG = bool(os.environ.get("LONG"))
PEOPLE = 100_000 if IS_LONG else 2_000
MOST_MB = 60


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eloqua, "POLLS", (0.001,))
    monkeypatch.setitem(HttpClient.__init__.__kwdefaults__, "sleep", lambda _: None)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    made = Instance(tmp_path, options={"fields": "language=C_Language1"})
    yield made
    made.server.close()


def member(number: int, language: str = "en", vendor_id: str = "", **more: bool) -> Member:
    address = f"K{number}@Example.com"
    return Member(f"m{number}", address, {"language": language, "other": 1}, vendor_id, **more)


def test_a_list_is_found_by_its_name_or_made_once(instance: Instance) -> None:
    target = instance.audience()
    assert isinstance(target, AudienceTarget)
    made = target.list_id("lapsed")
    assert (target.list_id("lapsed"), instance.site.names[made]) == (made, "Parley lapsed")
    assert target.list_id("it's new") != made
    assert_described(instance.server.asked)


def test_a_list_whose_making_was_not_answered_is_found_by_the_next_run(instance: Instance) -> None:
    instance.spoil("POST .*/list ", lost_after)
    with pytest.raises(Unanswered):
        instance.audience().list_id("lapsed")
    found = instance.audience().list_id("lapsed")
    assert list(instance.site.names.values()).count("Parley lapsed") == 1
    assert instance.site.names[found] == "Parley lapsed"


def test_people_get_the_id_that_they_leave_by(instance: Instance) -> None:
    target = instance.audience()
    outcomes = target.put(LIST, [member(1), member(2)])
    ids = {each.member_key: each.vendor_id for each in outcomes}
    assert {each.state for each in outcomes} == {"done"}
    assert set(target.members(LIST)) == set(ids.values()) == instance.site.lists[LIST]
    dropped = target.drop(LIST, [Leaver("m1", ids["m1"]), Leaver("m9", "999"), Leaver("m8", "")])
    assert [each.state for each in dropped] == ["done", "done", "rejected"]
    assert instance.site.lists[LIST] == {ids["m2"]}
    drops = instance.posts("/data")[-1].body
    assert drops == [{"id": ids["m1"]}, {"id": "999"}]
    assert_described(instance.server.asked)


def test_a_refused_address_is_one_member_and_the_others_are_put(instance: Instance) -> None:
    bad = Member("bad", "notanemail", {})
    first, second = instance.audience().put(LIST, [bad, member(1)])
    assert (first.state, first.detail, second.state) == ("rejected", "ELQ-00002", "done")


def test_all_of_it_may_be_repeated(instance: Instance) -> None:
    target = instance.audience()
    first = target.put(LIST, [member(1), member(2)])
    assert target.put(LIST, [member(1), member(2)]) == first
    leavers = [Leaver(each.member_key, each.vendor_id) for each in first]
    assert target.drop(LIST, leavers) == target.drop(LIST, leavers)
    assert instance.site.lists[LIST] == set()


def test_who_is_listed_is_told_anew_and_not_added_again(instance: Instance) -> None:
    target = instance.audience()
    [known] = target.put(LIST, [member(1)])
    instance.site.lists[LIST].clear()  # somebody took them off at Eloqua
    changed = member(1, "de", known.vendor_id, is_listed=True)
    before = len(instance.posts("/exports"))
    assert target.put(LIST, [changed]) == [known]
    assert instance.site.contacts[known.vendor_id].fields["C_Language1"] == "de"
    assert instance.site.lists[LIST] == set()
    assert len(instance.posts("/exports")) == before, "its id is known"


@pytest.mark.parametrize("path", ["POST .*/imports ", "POST .*/syncs .*imports", "GET .*/syncs/.*"])
def test_what_fails_comes_again_as_a_whole(instance: Instance, path: str) -> None:
    instance.spoil(path, says(503), times=5)
    with pytest.raises(RetryLater):
        instance.audience().put(LIST, [member(1)])
    assert [each.state for each in instance.audience().put(LIST, [member(1)])] == ["done"]
    instance.site.fails = "parley-.*"
    with pytest.raises(RetryLater):
        instance.audience().put(LIST, [member(2)])


def test_a_sync_that_was_begun_twice_over_a_lost_answer_is_waited_for(instance: Instance) -> None:
    instance.spoil("POST .*/syncs .*imports", lost_after)
    with pytest.raises(RetryLater):  # the definition is in a sync already: 409
        instance.audience().put(LIST, [member(1)])
    assert [each.state for each in instance.audience().put(LIST, [member(1)])] == ["done"]


def test_many_people_go_in_as_few_posts_as_fit_and_then_only_what_changed(
    instance: Instance,
) -> None:
    target, known = instance.audience(), dict[int, str]()
    for start in range(0, PEOPLE, target.put_size):
        numbers = range(start, min(start + target.put_size, PEOPLE))
        outcomes = target.put(LIST, [member(n) for n in numbers])
        known |= {int(each.member_key[1:]): each.vendor_id for each in outcomes}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    posts = instance.posts("/data")
    assert len(posts) == -(-PEOPLE // target.put_size)
    assert max(int(post.headers["content-length"]) for post in posts) <= POST_BYTES
    assert len(instance.site.lists[LIST]) == PEOPLE == len(set(known.values()))
    asked = len(instance.server.asked)
    changed = range(0, PEOPLE, 100)
    of = [member(n, "de", known[n], is_listed=True) for n in changed]
    assert {each.state for each in target.put(LIST, of)} == {"done"}
    assert sum(len(post.body) for post in instance.posts("/data")[len(posts) :]) == len(changed)
    assert len(instance.server.asked) - asked <= 5, "define, stage, sync, state, rejects"
    for _ in range(3):
        target.put(LIST, of)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 - peak < MOST_MB


def test_lists_are_asked_for_as_they_were_in_the_recorded_exchanges(instance: Instance) -> None:
    instance.audience().list_id("lapsed")
    [found, made] = instance.server.asked[1:]
    told = [r for r in recorded() if r["path"].endswith(("/contact/lists", "/contact/list"))]
    real = {(r["method"], r["path"]): r for r in told}
    assert {(found.method, found.path), (made.method, made.path)} <= set(real)
    assert {"search", "depth"} <= set(real["GET", found.path]["query"])
    assert set(found.query) == {"search", "depth", "count"}
