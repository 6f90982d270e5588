"""Messages as requests of trigger campaigns: one outcome each, and nobody is asked for twice."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import pytest
from marketo_kit import AS_OF, CAMPAIGN, OTHER, Connected, marketo, message, patience, states

from connectors.core.errors import FixConfig, ParleyError, RetryLater
from connectors.core.settings import Settings
from connectors.destinations.marketo import create
from tests.conformance.apis.marketo.store import PASSWORD, USER
from tests.conformance.http_kit import App, Asked, Told

__all__ = ["marketo", "patience"]

TRIGGER = r"/trigger\.json"


def at_trigger(account: App, spoil: Callable[[Asked], Told | None]) -> App:
    """The account, but for requests of campaigns: what `spoil` says, if anything."""

    def answer(asked: Asked) -> Told:
        said = spoil(asked) if asked.path.endswith("/trigger.json") else None
        return account(asked) if said is None else said

    return answer


def no(code: int) -> Told:
    errors = [{"code": str(code), "message": "no, ada@shop.example"}]
    return Told({"requestId": "e42b#14272d07d78", "success": False, "errors": errors})


def test_people_become_leads_and_are_sent_through_the_campaign_of_their_programme(
    marketo: Connected,
) -> None:
    known = marketo.account.put_lead({"email": "K1@shop.example", "firstName": "Ada"}, AS_OF)
    keys = [f"k{n}" for n in range(100)]
    said = create(marketo.settings()).deliver("b1", [message(key) for key in keys])
    assert [each.message_key for each in said] == keys
    assert {each.state for each in said} == {"accepted"}
    ((campaign, leads, tokens),) = marketo.account.requested
    assert campaign == CAMPAIGN
    assert len(set(leads)) == 100
    assert known in leads
    assert tokens == {
        "{{my.parley_programme}}": "abandoned_cart", "{{my.parley_campaign}}": "",
        "{{my.parley_step}}": "1", "{{my.parley_variant}}": "",
        "{{my.parley_subject}}": "Your basket", "{{my.parley_fact}}": "A kettle is in it.",
    }  # fmt: skip
    # A token, the leads, a look at them, the campaign: no request too many.
    assert len(marketo.server.asked) == 4


def test_what_differs_in_content_or_programme_is_requested_apart(marketo: Connected) -> None:
    messages = [
        message("k1", content={"fact": "a kettle", "list": [1], "none": None, "is": True}),
        message("k2", content={"fact": "a jug"}),
        message("k3", content={"fact": "a kettle", "is": True}),
        message("k4", programme="welcome", step=2, variant="b", campaign_id="c9"),
    ]
    said = create(marketo.settings()).deliver("b1", messages)
    assert set(states(said).values()) == {"accepted"}
    found = {tuple(emails): request for emails, request in
             zip(marketo.emails(), marketo.account.requested, strict=True)}  # fmt: skip
    assert set(found) == {
        ("k1@shop.example", "k3@shop.example"), ("k2@shop.example",), ("k4@shop.example",),
    }  # fmt: skip
    campaign, _, tokens = found["k4@shop.example",]
    assert campaign == OTHER
    assert tokens["{{my.parley_campaign}}"] == "c9"
    assert tokens["{{my.parley_variant}}"] == "b"
    assert found["k2@shop.example",][2]["{{my.parley_fact}}"] == "a jug"
    assert found["k1@shop.example", "k3@shop.example"][2]["{{my.parley_is}}"] == "true"


def test_content_brings_no_markup_and_no_token_into_an_email(marketo: Connected) -> None:
    content = {
        "fact": "<script>{{lead.Email Address}}</script>",
        "url": "https://x.example/?a=1&b=2",
    }
    create(marketo.settings()).deliver("b1", [message("k1", content=content)])
    ((_, _, tokens),) = marketo.account.requested
    assert tokens["{{my.parley_fact}}"] == "&lt;script&gt;{ {lead.Email Address}}&lt;/script&gt;"
    assert tokens["{{my.parley_url}}"] == "https://x.example/?a=1&b=2"


def test_content_that_has_a_field_is_written_there_and_all_go_together(marketo: Connected) -> None:
    messages = [message(f"k{n}", content={"fact": f"kettle {n}", "offer": "tea"}) for n in range(9)]
    messages.append(message("again", address="K3@shop.example", content={"fact": "a jug"}))
    made = create(marketo.settings(content="fact:parleyStage", partition="Shop"))
    said = states(made.deliver("b1", messages))
    assert said.pop("again") == "waiting"
    assert set(said.values()) == {"accepted"}
    ((_, leads, tokens),) = marketo.account.requested
    assert "{{my.parley_fact}}" not in tokens
    assert tokens["{{my.parley_offer}}"] == "tea"
    told = {lead["email"]: lead["parleyStage"] for lead in marketo.account.leads.values()}
    assert told == {f"k{n}@shop.example": f"kettle {n}" for n in range(9)}
    assert len(leads) == 9
    assert marketo.asked(r"leads\.json")[0].body["partitionName"] == "Shop"


def test_two_messages_to_one_person_are_two_requests(marketo: Connected) -> None:
    messages = [message("k1"), message("k2", address="K1@Shop.example"), message("k3")]
    said = create(marketo.settings()).deliver("b1", messages)
    assert set(states(said).values()) == {"accepted"}
    assert [len(ids) for _, ids, _ in marketo.account.requested] == [2, 1]
    assert len(marketo.account.leads) == 2


def test_rows_that_marketo_refuses_are_rejected_beside_the_others(marketo: Connected) -> None:
    for _ in range(2):
        marketo.account.put_lead({"email": "twice@shop.example"}, AS_OF)
    messages = [message("ok"), message("twice"), message("bad", address="not an address")]
    messages.append(message("two", address="a@shop.example, b@shop.example"))
    said = create(marketo.settings()).deliver("b1", messages)
    assert states(said) == {
        "ok": "accepted", "twice": "rejected", "bad": "rejected", "two": "rejected",
    }  # fmt: skip
    details = {each.message_key: each.detail for each in said}
    assert details["twice"].startswith("1007: several leads")
    assert details["bad"] == details["two"] == "it is no single address"
    assert marketo.emails() == [["ok@shop.example"]]


def test_who_unsubscribed_in_marketo_is_not_written_to_but_for_what_they_asked_for(
    marketo: Connected,
) -> None:
    for name in ("gone", "asked"):
        marketo.account.put_lead({"email": f"{name}@shop.example", "unsubscribed": True}, AS_OF)
    marketo.account.put_lead({"email": "dead@shop.example", "emailInvalid": True}, AS_OF)
    messages = [
        message("gone"), message("asked", purpose="service"), message("ok"),
        message("dead", purpose="service"),
    ]  # fmt: skip
    said = create(marketo.settings()).deliver("b1", messages)
    assert states(said) == {
        "gone": "rejected", "asked": "accepted", "ok": "accepted", "dead": "rejected",
    }  # fmt: skip
    assert {each.detail for each in said} == {
        "", "unsubscribed in Marketo", "Marketo knows the address to be invalid",
    }  # fmt: skip


@pytest.mark.parametrize(
    "lost", [Told(reset=True), Told({"cut": 1}, cut=9), Told(b"", 500), no(611), no(604), no(713)]
)
def test_a_lost_answer_is_unknown_and_nobody_is_asked_for_again(
    marketo: Connected, lost: Told
) -> None:
    def swallowed(asked: Asked) -> Told:
        marketo.account(asked)
        return lost

    marketo.server.app = at_trigger(marketo.account, swallowed)
    messages = [message("k1"), message("k2"), message("k3", content={"fact": "another"})]
    destination = create(marketo.settings())
    said = destination.deliver("b1", messages)
    assert states(said) == {"k1": "unknown", "k2": "unknown", "k3": "waiting"}
    assert len(marketo.account.requested) == 1
    assert destination.lookup("b1") is None
    assert destination.idempotent is False


@pytest.mark.parametrize(("code", "seconds"), [(606, 20.0), (608, 5.0), (615, 1.0)])
def test_what_was_surely_not_done_is_tried_again_later(
    marketo: Connected, code: int, seconds: float
) -> None:
    marketo.server.app = at_trigger(marketo.account, lambda _: no(code))
    with pytest.raises(RetryLater) as told:
        create(marketo.settings()).deliver("b1", [message("k1")])
    assert told.value.after_seconds == seconds
    assert not marketo.account.requested


def test_a_refusal_after_something_was_requested_makes_the_rest_wait(marketo: Connected) -> None:
    answers = iter([None, no(606)])
    marketo.server.app = at_trigger(marketo.account, lambda _: next(answers))
    messages = [message(f"k{n}", content={"fact": str(n)}) for n in range(3)]
    said = create(marketo.settings()).deliver("b1", messages)
    assert states(said) == {"k0": "accepted", "k1": "waiting", "k2": "waiting"}


def test_a_lead_that_is_gone_by_then_is_found_by_halving(marketo: Connected) -> None:
    def deleted(_: Asked) -> None:
        for lead_id, lead in list(marketo.account.leads.items()):
            if lead["email"] == "k5@shop.example":
                marketo.account.delete_lead(lead_id, AS_OF)

    marketo.server.app = at_trigger(marketo.account, deleted)
    said = create(marketo.settings()).deliver("b1", [message(f"k{n}") for n in range(20)])
    assert [key for key, state in states(said).items() if state == "rejected"] == ["k5"]
    assert sorted(one for group in marketo.emails() for one in group) == sorted(
        f"k{n}@shop.example" for n in range(20) if n != 5
    )
    assert len(marketo.asked(TRIGGER)) <= 10


def test_a_token_that_ends_in_mid_run_is_renewed(marketo: Connected) -> None:
    marketo.account.token_calls = 2
    destination = create(marketo.settings())
    kept = states(destination.deliver("b1", [message("k1"), message("k2")]))
    # The third call of a token is the campaign's: refused, surely not done.
    assert kept == {"k1": "accepted", "k2": "accepted"}
    assert len(marketo.account.requested) == 1
    assert len(marketo.asked("oauth")) == 2


def test_a_token_that_is_always_refused_is_told(marketo: Connected) -> None:
    marketo.account.token_calls = 0
    with pytest.raises(FixConfig, match="credentials"):
        create(marketo.settings()).deliver("b1", [message("k1")])


def test_the_days_end_is_told_when_the_days_calls_are_used_up(marketo: Connected) -> None:
    marketo.account.quota = 0
    with pytest.raises(RetryLater, match="day's calls") as told:
        create(marketo.settings()).deliver("b1", [message("k1")])
    assert 0 <= told.value.after_seconds <= 24 * 3600


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"campaigns": ""}, "no trigger campaign is named"),
        ({"campaigns": "welcome=3"}, "option campaigns"),
        ({"calls": "many"}, "option calls"),
    ],
)
def test_wrong_options_are_told_at_the_start(
    marketo: Connected, options: dict[str, str], said: str
) -> None:
    with pytest.raises(FixConfig, match=said):
        create(marketo.settings(**options))


def test_a_programme_without_a_campaign_is_told(marketo: Connected) -> None:
    with pytest.raises(FixConfig, match="programme welcome"):
        create(marketo.settings(campaigns=f"abandoned_cart:{CAMPAIGN}")).deliver(
            "b1", [message("k1", programme="welcome")]
        )


@pytest.mark.parametrize("number", [CAMPAIGN, 77])
def test_a_campaign_that_cannot_be_requested_is_told_with_its_remedy(
    marketo: Connected, number: int
) -> None:
    marketo.account.campaigns[CAMPAIGN]["active"] = False
    with pytest.raises(FixConfig) as told:
        create(marketo.settings(campaigns=f"*:{number}")).deliver("b1", [message("k1")])
    assert "Campaign is Requested" in told.value.remedy


def test_nothing_leaves_without_an_account_or_in_the_open(marketo: Connected) -> None:
    with pytest.raises(FixConfig, match="address is missing"):
        create(
            Settings(home=marketo.home, destinations={"marketo": {"options": {"campaigns": "*:1"}}})
        )
    named = marketo.settings().destination("marketo")
    open_ = named.model_copy(update={"url": "http://account.example"})
    with pytest.raises(FixConfig):
        create(Settings(home=marketo.home, destinations={"marketo": open_.model_dump()}))


def test_no_error_outcome_or_repr_shows_an_address_or_a_secret(marketo: Connected) -> None:
    shown: list[Any] = []
    for code in (601, 603, 606, 607, 609, 610, 611, 1003, 1004, 1006):
        marketo.server.app = at_trigger(marketo.account, lambda _, code=code: no(code))
        destination = create(marketo.settings())
        try:
            shown += destination.deliver("b1", [message("ada"), message("bob")])
        except ParleyError as error:
            shown += traceback.format_exception(error)
        shown.append(destination)
    text = repr(shown)
    assert "ada@" not in text
    assert USER not in text
    assert PASSWORD not in text
