"""Messages to HubSpot: each once, none to who left it, bad ones alone, nobody's address told."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import SecretStr

from connectors.core.accounts import DestinationSettings
from connectors.core.delivery import Destination, Outcome, OutMessage
from connectors.core.errors import FixConfig, ParleyError, RetryLater, SkipRecord
from connectors.core.http import Unanswered
from connectors.core.settings import Settings
from connectors.destinations.hubspot import check, create
from connectors.destinations.hubspot.events import ATTEMPTS, SEND
from tests.conformance.apis.hubspot import TOKEN
from tests.conformance.apis.hubspot.portal import EVENT
from tests.conformance.http_kit import App, Asked, Told
from tests.unit.hubspot_kit import Desk, desk, message


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as made:
        yield made


def states(outcomes: list[Outcome]) -> dict[str, str]:
    return {each.message_key: each.state for each in outcomes}


def lost(asked: Asked, app: App) -> Told:
    """HubSpot does it, and its answer never arrives."""
    app(asked)
    return Told(reset=True)


def test_a_message_becomes_one_event_of_its_contact(account: Desk) -> None:
    destination = account.destination()
    assert isinstance(destination, Destination)
    assert (destination.is_live, destination.accepted_is_sent) == (True, False)
    outcomes = destination.deliver("b1", [message("k1"), message("k2", " Ada@Example.com ")])
    assert outcomes == [Outcome("k1", "accepted"), Outcome("k2", "accepted")]
    first, second = account.portal.events
    assert first["eventName"] == EVENT
    assert account.portal.objects["contacts"][second["objectId"]]["properties"]["email"] == (
        "ada@example.com"
    )
    assert UUID(first["uuid"]).version == 5
    assert first["properties"] == {
        "parley_message_key": "k1", "parley_batch": "b1", "parley_batch_size": "2",
        "parley_programme": "abandoned_cart", "parley_step": "1", "parley_variant": "a",
        "parley_purpose": "marketing", "parley_language": "en", "parley_subject": "Your kettle",
        "parley_fact": "You left a kettle in your cart.",
    }  # fmt: skip


def test_a_batch_takes_four_calls(account: Desk) -> None:
    messages = [message(f"k{n}") for n in range(100)]
    assert set(states(account.destination().deliver("b1", messages)).values()) == {"accepted"}
    assert account.portal.calls == 4
    assert len(account.portal.events) == 100


def test_who_left_the_type_or_everything_is_rejected_but_gets_what_is_service(
    account: Desk,
) -> None:
    account.portal.left = {"a@example.com": {4711}, "b@example.com": {99}}
    account.portal.left_all = {"c@example.com"}
    told = account.destination().deliver(
        "b1", [message(key) for key in "abcd"] + [message("s", "c@example.com", purpose="service")]
    )
    assert states(told) == {
        "a": "rejected", "b": "accepted", "c": "rejected", "d": "accepted", "s": "accepted",
    }  # fmt: skip
    assert told[0].detail == "unsubscribed at HubSpot"
    assert len(account.portal.events) == 3


def test_without_a_subscription_type_whoever_left_any_is_left_out(tmp_path: Path) -> None:
    with desk(tmp_path, subscription="") as account:
        account.portal.left = {"b@example.com": {99}}
        told = account.destination().deliver("b1", [message("b"), message("d")])
        assert states(told) == {"b": "rejected", "d": "accepted"}


def test_an_answer_in_parts_about_who_left_lets_nobody_through_unseen(account: Desk) -> None:
    def in_parts(asked: Asked, app: App) -> Told:
        told = app(asked)
        body = {**told.body, "results": told.body["results"][:1], "errors": [{"category": "X"}]}
        return Told(body, 207)

    account.server.faults[2] = in_parts
    told = account.destination().deliver("b1", [message("a"), message("b")])
    assert states(told) == {"a": "accepted", "b": "waiting"}


def test_lost_answers_are_asked_for_again_and_give_one_event(account: Desk) -> None:
    account.server.faults |= {3: lost, 4: lost}
    assert states(account.destination().deliver("b1", [message("k1")])) == {"k1": "accepted"}
    assert len(account.asked(SEND)) == 3
    assert len(account.portal.events) == 1


def test_a_batch_delivered_again_gives_no_second_event(account: Desk) -> None:
    for repeats in ("drop", "refuse"):
        account.portal.repeats = repeats
        told = account.destination().deliver(f"b-{repeats}", [message("k1")])
        assert states(told) == {"k1": "accepted"}
    assert len(account.portal.events) == 1


def test_answers_that_stay_lost_are_unknown_and_read_back_when_hubspot_shows_them(
    account: Desk,
) -> None:
    account.server.faults |= dict.fromkeys(range(3, 3 + ATTEMPTS), lost)
    destination = account.destination()
    with pytest.raises(Unanswered):
        destination.deliver("b1", [message("k1"), message("k2")])
    account.portal.shows_events = False
    assert destination.lookup("b1") is None
    account.portal.shows_events = True
    assert {each.message_key for each in destination.lookup("b1") or ()} == {"k1", "k2"}
    account.portal.events.pop()
    assert destination.lookup("b1") is None, "as long as some are missing nobody knows"


@pytest.mark.parametrize("status", [401, 403, 429])
def test_a_refusal_after_a_lost_answer_does_not_say_that_nothing_arrived(
    account: Desk, status: int
) -> None:
    account.server.faults[3] = lost
    account.server.faults |= dict.fromkeys(range(4, 9), lambda *_: Told(status=status))
    with pytest.raises(Unanswered):
        account.destination().deliver("b1", [message("k1")])
    assert len(account.portal.events) == 1


def test_a_lost_answer_where_hubspot_refuses_repeats_ends_in_one_event_each(account: Desk) -> None:
    account.portal.repeats = "refuse"
    account.server.faults[3] = lost
    messages = [message(f"k{n}") for n in range(4)]
    assert set(halved(account, messages).values()) == {"accepted"}
    assert len(account.portal.events) == 4


def test_bad_rows_are_found_by_halves_and_the_others_arrive(account: Desk) -> None:
    messages = [message(f"k{n}", "nobody" if n == 5 else None) for n in range(16)]
    found = halved(account, messages)
    assert [key for key, state in found.items() if state == "rejected"] == ["k5"]
    assert len(account.portal.events) == 15


def halved(account: Desk, messages: list[OutMessage]) -> dict[str, str]:
    """What the outbox does with a batch that is refused whole."""
    destination, left, found, number = account.destination(), [messages], {}, 0
    while left:
        batch, number = left.pop(), number + 1
        try:
            found |= states(destination.deliver(f"b{number}", batch))
        except SkipRecord:
            if len(batch) == 1:
                found[batch[0].message_key] = "rejected"
            else:
                middle = len(batch) // 2
                left += [batch[:middle], batch[middle:]]
    return {each.message_key: found[each.message_key] for each in messages}


def test_a_part_of_the_contacts_refused_rejects_that_part(account: Desk) -> None:
    account.portal.refuses = "row"
    told = account.destination().deliver("b1", [message("k1"), message("k2", "nobody")])
    assert states(told) == {"k1": "accepted", "k2": "rejected"}
    assert told[1].detail == "HubSpot did not take the contact: VALIDATION_ERROR"


def test_an_event_that_is_refused_whole_comes_again_in_halves(account: Desk) -> None:
    account.portal.event_fields.discard("parley_text")
    messages = [message("k1"), message("k2", content={"text": "More."})]
    with pytest.raises(FixConfig, match="lacks properties"):
        account.destination().deliver("b1", messages)
    account.server.faults[7] = lambda *_: Told({"category": "VALIDATION_ERROR"}, 400)
    with pytest.raises(SkipRecord, match="VALIDATION_ERROR"):
        account.destination().deliver("b2", [message("k1")])
    assert account.portal.events == []


def test_a_contact_that_has_another_address_now_is_still_the_one_that_was_asked_for(
    account: Desk,
) -> None:
    def elsewhere(asked: Asked, app: App) -> Told:
        told = app(asked)
        for each in told.body["results"]:
            each["properties"] = {**each["properties"], "email": "new@example.com"}
        return told

    account.server.faults[0] = elsewhere
    told = account.destination().deliver("b1", [message("k1"), message("k2")])
    assert states(told) == {"k1": "accepted", "k2": "accepted"}
    assert len({each["objectId"] for each in account.portal.events}) == 2


def test_two_messages_to_one_person_are_two_events_of_one_contact(account: Desk) -> None:
    told = account.destination().deliver("b1", [message("k1"), message("k2", "K1@example.com")])
    assert states(told) == {"k1": "accepted", "k2": "accepted"}
    assert len({each["objectId"] for each in account.portal.events}) == 1


def test_more_than_one_recipient_or_none_is_rejected_here(account: Desk) -> None:
    bad = ["", "  ", "a@example.com,b@example.com", "a@example.com b@example.com", "a@b@c"]
    told = account.destination().deliver("b1", [message(f"k{n}", a) for n, a in enumerate(bad)])
    assert {each.state for each in told} == {"rejected"}
    assert account.portal.calls == 0


def test_a_limit_that_was_reached_is_waited_for_and_nothing_is_lost(account: Desk) -> None:
    account.server.faults[3] = lambda *_: Told(status=429, headers={"Retry-After": "9"})
    with pytest.raises(RetryLater) as raised:
        account.destination().deliver("b1", [message("k1")])
    assert raised.value.after_seconds == 9
    assert account.portal.events == []
    assert states(account.destination().deliver("b1", [message("k1")])) == {"k1": "accepted"}


def test_a_long_text_is_cut_to_what_an_event_takes(account: Desk) -> None:
    account.destination().deliver("b1", [message("k1", content={"fact": "x" * 999})])
    assert len(account.portal.events[0]["properties"]["parley_fact"]) == 256


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 423, 429, 477, 500, 503])
@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_no_error_shows_an_address_or_the_token(account: Desk, status: int, at: int) -> None:
    def echo(asked: Asked, _: App) -> Told:
        said = f"{asked.headers} {asked.body}"
        return Told({"message": said, "category": "ada@example.com"}, status)

    account.server.faults = dict.fromkeys(range(at, 99), echo)
    destination, messages = account.destination(), [message("k1", "ada@example.com")]
    with pytest.raises((ParleyError, Unanswered)) as raised:
        destination.deliver("b1", messages)
    shown = f"{''.join(traceback.format_exception(raised.value))}{raised.value!r}{destination!r}"
    assert "ada@example.com" not in shown
    assert TOKEN not in f"{shown}{account.settings!r}"


def test_a_missing_event_or_token_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(FixConfig, match="TOKEN"):
        create(Settings(home=tmp_path))
    bare = DestinationSettings(token=SecretStr(TOKEN))
    with pytest.raises(FixConfig, match="event"):
        create(Settings(home=tmp_path, destinations={"hubspot": bare}))


def test_the_check_is_content_with_an_account_that_has_all(account: Desk) -> None:
    found = check(account.settings, account.client())
    assert {each.level for each in found} == {"ok"}, found
    assert "7974676" in found[0].what


def test_the_check_says_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    options = {"event": "pe1_other", "subscription": "5", "properties": "stage=stage_of_life"}
    with desk(tmp_path, **options) as account:
        account.portal.scopes.discard("crm.lists.write")
        account.portal.daily, account.portal.calls = 1000, 950
        found = check(account.settings, account.client())
        said = " ".join(each.what + each.remedy for each in found if each.level != "ok")
        for part in ("crm.lists.write", "calls are left", "event", "4711", "stage_of_life"):
            assert part in said
        assert TOKEN not in said
        assert all(each.remedy for each in found if each.level != "ok")


def test_the_check_of_a_token_that_is_refused_is_one_line(account: Desk) -> None:
    account.server.faults[0] = lambda *_: Told(status=401)
    found = check(account.settings, account.client())
    assert [each.level for each in found] == ["error"]
    assert "private app" in found[0].remedy
