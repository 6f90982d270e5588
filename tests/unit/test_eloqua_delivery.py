"""Destination `eloqua`: readers on lists, each once; refused rows; answers that are lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from eloqua_kit import (
    LIST,
    OTHER,
    Instance,
    assert_described,
    lost_after,
    lost_before,
    message,
    says,
)

from connectors.core.audience import Leaver, Member
from connectors.core.delivery import Destination, Outcome
from connectors.core.errors import RetryLater
from connectors.core.http import Budget, HttpClient
from connectors.core.vendors import eloqua
from connectors.destinations.eloqua import destination as destination_module
from connectors.destinations.eloqua.importing import posts
from tests.conformance.http_kit import Told

BATCH = "b7f3"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eloqua, "POLLS", (0.001,))
    monkeypatch.setitem(HttpClient.__init__.__kwdefaults__, "sleep", lambda _: None)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    made = Instance(tmp_path)
    yield made
    made.server.close()


def states(outcomes: list[Outcome] | None) -> dict[str, str]:
    assert outcomes is not None
    return {each.message_key: each.state for each in outcomes}


def sent_to(instance: Instance, list_id: str = LIST) -> list[str]:
    return [email for where, email in instance.site.sent if where == list_id]


def test_readers_are_put_on_the_list_of_their_programme_with_what_to_show(
    instance: Instance,
) -> None:
    instance.site.looks = 3
    found = instance.destination()
    outcomes = found.deliver(BATCH, [message("k1"), message("k2", programme="welcome")])
    assert isinstance(found, Destination)
    assert states(outcomes) == {"k1": "accepted", "k2": "accepted"}
    assert (sent_to(instance), sent_to(instance, OTHER)) == (["k1@example.com"], ["k2@example.com"])
    shown = instance.site.contacts[instance.site.emails["k1@example.com"]].fields
    assert (shown["C_ParleySubject1"], shown["C_Language1"]) == ("Your kettle, k1", "en")
    assert_described(instance.server.asked)


def test_a_row_that_is_refused_is_one_message_and_the_others_go(instance: Instance) -> None:
    of = [message("k1"), message("k2", address="notanemail"), message("k3")]
    outcomes = {each.message_key: each for each in instance.destination().deliver(BATCH, of)}
    assert outcomes["k2"] == Outcome("k2", "rejected", "ELQ-00002")
    assert {outcomes["k1"].state, outcomes["k3"].state} == {"accepted"}
    again = states(instance.destination().lookup(BATCH))
    assert again == {"k1": "accepted", "k2": "rejected", "k3": "accepted"}


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"address": "a@example.com, b@example.com"}, "rejected"),
        ({"address": " "}, "rejected"),
        ({"channel": "call"}, "rejected"),
        ({"address": "K1@Example.com"}, "waiting"),
    ],
)
def test_one_reader_each_and_one_message_at_a_time(
    instance: Instance, changes: dict[str, str], state: str
) -> None:
    outcomes = instance.destination().deliver(BATCH, [message("k1"), message("k2", **changes)])
    assert states(outcomes) == {"k1": "accepted", "k2": state}
    assert sent_to(instance) == ["k1@example.com"]


def test_who_is_still_on_the_list_waits_until_the_canvas_took_them_off(instance: Instance) -> None:
    found = instance.destination()
    found.deliver(BATCH, [message("k1")])
    of = [message("k2", address="k1@example.com"), message("k3")]
    assert states(found.deliver("b2", of)) == {"k2": "waiting", "k3": "accepted"}
    assert states(found.lookup("b2")) == {"k3": "accepted"}
    instance.site.lists[LIST].clear()
    assert states(found.deliver("b3", of[:1])) == {"k2": "accepted"}
    assert sent_to(instance) == ["k1@example.com", "k3@example.com", "k1@example.com"]


def test_whom_eloqua_does_not_write_to_is_told_as_rejected(instance: Instance) -> None:
    now = instance.site.clock
    instance.site.contact("k1@example.com", now).is_subscribed = False
    instance.site.contact("k2@example.com", now).is_bounced = True
    outcomes = instance.destination().deliver(BATCH, [message(f"k{n}") for n in range(1, 4)])
    assert states(outcomes) == {"k1": "rejected", "k2": "rejected", "k3": "accepted"}
    assert sent_to(instance) == ["k3@example.com"]


def test_a_lost_answer_to_the_sync_is_unknown_and_read_back(instance: Instance) -> None:
    instance.site.looks, instance.site.slow = 1, ".*imports"
    instance.spoil("POST .*/syncs .*imports", lost_after)
    found = instance.destination()
    assert states(found.deliver(BATCH, [message("k1"), message("k2", address="no")])) == {
        "k1": "unknown", "k2": "unknown",
    }  # fmt: skip
    with pytest.raises(RetryLater):
        found.lookup(BATCH)  # it is not at its end
    [sync] = [s for s in instance.site.syncs.values() if s.definition.kind.endswith("imports")]
    found.connected().ended(sync.uri)
    assert states(found.lookup(BATCH)) == {"k1": "accepted", "k2": "rejected"}
    assert sent_to(instance) == ["k1@example.com"]


def test_a_sync_that_never_arrived_is_surely_nothing(instance: Instance) -> None:
    instance.spoil("POST .*/syncs .*imports", lost_before)
    found = instance.destination()
    assert states(found.deliver(BATCH, [message("k1")])) == {"k1": "unknown"}
    assert found.lookup(BATCH) == []
    assert found.lookup("b0") == []
    assert sent_to(instance) == []


def test_a_batch_of_another_machine_cannot_be_read_back(instance: Instance) -> None:
    found = instance.destination()
    found.deliver(BATCH, [message("k1")])
    for file in found.notes.folder.iterdir():
        file.unlink()
    assert found.lookup(BATCH) is None


def test_what_was_staged_twice_is_not_synced_twice(instance: Instance) -> None:
    instance.spoil("POST .*/data ", lost_after)
    of = [message("k1"), message("k2")]
    assert set(states(instance.destination().deliver(BATCH, of)).values()) == {"accepted"}
    assert len(instance.posts("/contacts/imports")) == 2
    assert len(instance.posts("/syncs")) == 1 + 2  # the exports of who is there, and barred


def test_a_sync_that_fails_or_takes_too_long_is_unknown(instance: Instance) -> None:
    instance.site.fails = f"parley-{BATCH}-{LIST}"
    assert states(instance.destination().deliver(BATCH, [message("k1")])) == {"k1": "unknown"}
    assert states(instance.destination().lookup(BATCH)) == {"k1": "unknown"}
    instance.site.fails, instance.site.looks, instance.site.slow = "", 99, ".*imports"
    found = instance.destination()
    bulk = replace(found.connected(), patience=0.0)
    found.connected = lambda: bulk
    assert states(found.deliver("b2", [message("k2")])) == {"k2": "unknown"}
    with pytest.raises(RetryLater):
        found.lookup("b2")


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("GET /id ", says(503)),
        ("POST .*/imports ", says(500)),
        ("POST .*/data ", says(503, **{"Retry-After": "7"})),
        ("POST .*/syncs .*imports", says(429)),
    ],
)
def test_where_nothing_began_the_batch_comes_again(
    instance: Instance, path: str, fault: object
) -> None:
    instance.spoil(path, fault, times=5)
    with pytest.raises(RetryLater):
        instance.destination().deliver(BATCH, [message("k1")])
    assert instance.site.sent == []
    assert instance.destination().lookup(BATCH) == []


def test_where_one_list_began_the_other_waits(instance: Instance) -> None:
    of = [message("k1"), message("k2", programme="welcome"), message("k3")]
    app, seen = instance.server.app, []

    def failing(asked: object) -> Told:
        told = app(asked)
        seen.append(getattr(asked, "path", ""))
        is_second = sum(path.endswith("/contacts/imports") for path in seen) >= 2
        return Told(None, 500) if is_second else told

    instance.server.app = failing
    outcomes = states(instance.destination().deliver(BATCH, of))
    assert outcomes == {"k1": "accepted", "k3": "accepted", "k2": "waiting"}


def test_syncs_beyond_the_hours_limit_are_put_off(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destination_module, "IMPORTS", Budget(1, 3600.0))
    found = instance.destination()
    found.deliver(BATCH, [message("k1")])
    with pytest.raises(RetryLater) as raised:
        found.deliver("b2", [message("k2")])
    assert 3000 < raised.value.after_seconds <= 3600


def test_posts_are_as_long_as_they_may_be_and_hold_every_row_once() -> None:
    rows = [{"email": f"k{n}@example.com"} for n in range(100)]
    cut = list(posts(rows, most=500))
    assert max(len(post) for post in cut) <= 500
    assert min(len(post) for post in cut[:-1]) > 500 - 30
    assert sum(post.count(b"@") for post in cut) == 100
    assert list(posts([])) == []


def test_what_does_not_fit_into_one_post_waits(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posts, "__defaults__", (250,))
    of = [message(f"k{n}") for n in range(5)]
    found = states(instance.destination().deliver(BATCH, of))
    assert list(found.values()).count("accepted") == len(sent_to(instance)) == 3
    assert found["k4"] == "waiting"
    assert set(states(instance.destination().lookup(BATCH))) == {"k0", "k1", "k2"}


def test_no_definition_is_in_two_syncs(instance: Instance) -> None:
    target, found = instance.audience(), instance.destination()
    for batch in ("b1", "b2"):
        found.deliver(batch, [message("k1"), message("k2", programme="welcome")])
        [member] = target.put(LIST, [Member("m1", "k9@example.com", {})])
        target.drop(LIST, [Leaver("m1", member.vendor_id)])
    synced = [sync.definition.uri for sync in instance.site.syncs.values()]
    assert len(synced) == len(set(synced)) == 14
