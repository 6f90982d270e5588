"""Guards on how much goes out: sizes that are unusual, a day's ceiling, complaints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from guards_kit import GUARDS, again, carts, letters, publish, push, rule
from outbox_kit import MONDAY, Outbox, Recorder
from sqlalchemy import Engine, select
from typer.testing import CliRunner

from connectors.core.clock import iso_z
from connectors.core.delivery import Outcome, OutMessage
from connectors.core.errors import FixConfig
from connectors.core.settings import Settings
from connectors.ledger import runs
from connectors.ledger.db import open_ledger
from connectors.ledger.guards import complaints
from connectors.ledger.guards.complaints import Complaints
from connectors.ledger.guards.pauses import open_pauses, pause, resume
from connectors.ledger.guards.pushes import Size, confirm, held_by, held_since
from connectors.ledger.guards.stops import GuardRule, ceiling_of, is_unusual, read_guards
from connectors.ledger.models import MessageRow
from connectors.ledger.reports import refusals
from connectors.ledger.suppressions import Suppression, suppress
from flows import guards, notices, summary, work
from flows.cli import app
from flows.pipeline import Outcome as Ran
from flows.run import Run, begin

ROOT = Path(__file__).parents[2]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WHO: dict[str, Any] = {"by": "ada", "at": MONDAY}
COLLAPSE = GuardRule("push_collapse", "any", "any", percent=40, units=Decimal(5))
EXPLOSION = GuardRule("push_explosion", "any", "any", percent=250, units=Decimal(5))


@pytest.fixture
def outbox(ledger_url: str, tmp_path: Path) -> Iterator[Outbox]:
    engine = open_ledger(ledger_url)
    yield Outbox(engine, tmp_path)
    engine.dispose()


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Outbox]:
    """Where both databases can't differ."""
    engine = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    yield Outbox(engine, tmp_path)
    engine.dispose()


def days(outbox: Outbox, *counts: int, make: Callable[..., Any] = carts) -> datetime:
    """Push so many on each day from Monday on; the day after the last."""
    for number, count in enumerate(counts):
        at = MONDAY + number * DAY
        assert push(outbox, make(count, f"d{number}"), f"d{number}", at).accepted == count
    return MONDAY + len(counts) * DAY


@pytest.mark.parametrize(
    ("measured", "usual", "unusual"),
    [
        (25, 10, False), (26, 10, True), (4, 10, False), (2, 7, False), (1, 7, True),
        (40, 100, False), (39, 100, True), (100, 100, False), (10**6, None, False),
    ],
)  # fmt: skip
def test_a_size_is_unusual_beyond_both_its_share_and_a_few_messages(
    measured: int, usual: int | None, *, unusual: bool
) -> None:
    assert is_unusual(Size(measured, usual), [COLLAPSE, EXPLOSION]) is unusual


def test_a_push_far_above_what_is_usual_is_held_and_the_rest_goes(outbox: Outbox) -> None:
    at = days(outbox, 10, 12, 8)
    plan = [*carts(40, "x"), *carts(3, "y", programme="welcome")]
    result = push(outbox, plan, "big", at)
    assert (result.accepted, result.refused) == (3, {"held_by_guard": 40})
    assert refusals(outbox.engine, "big") == {"held_by_guard": 40}
    [held] = held_by(outbox.engine, "big")
    assert (held.wanted, held.measured, held.usual) == (40, 40, 10)
    assert held.told == (
        "abandoned_cart is held: 40 messages in 24 hours, usual are 10."
        " `parley confirm big abandoned_cart` sends it."
    )


def test_a_held_push_goes_once_somebody_confirms_it_and_is_usual_then(outbox: Outbox) -> None:
    at = days(outbox, 10, 10, 10)
    push(outbox, carts(40, "x"), "big", at)
    assert again(outbox, "big", at, "triggered").refused == {"held_by_guard": 40}
    with pytest.raises(FixConfig, match="no push of 'welcome' is held"):
        confirm(outbox.engine, "big", "welcome", **WHO)
    [held] = confirm(outbox.engine, "big", "abandoned_cart", **WHO)
    assert held.wanted == 40
    assert again(outbox, "big", at + HOUR, "triggered").accepted == 40
    assert again(outbox, "big", at + HOUR, "triggered").absorbed == 40
    assert held_since(outbox.engine, MONDAY) == []
    assert push(outbox, carts(45, "z"), "next", at + DAY).accepted == 45
    assert push(outbox, carts(200, "w"), "more", at + 2 * DAY).refused == {"held_by_guard": 200}


def test_a_confirmation_that_was_cut_short_can_be_repeated(one: Outbox) -> None:
    push(one, carts(40, "x"), "big", days(one, 10, 10, 10))
    for _ in range(2):
        assert len(confirm(one.engine, "big", "abandoned_cart", **WHO)) == 1


def test_fewer_than_three_days_tell_nothing_and_days_without_any_do_not_count(one: Outbox) -> None:
    days(one, 10, 10)
    assert push(one, carts(90, "x"), "early", MONDAY + 3 * DAY).accepted == 90
    assert push(one, carts(10, "y"), "late", MONDAY + 5 * DAY).accepted == 10
    held = push(one, carts(90, "z"), "judged", MONDAY + 6 * DAY)
    assert held.refused == {"held_by_guard": 90}


def test_the_pace_of_runs_and_the_quiet_of_the_night_do_not_matter(one: Outbox) -> None:
    """Day by day a burst in the morning, and one now and then until the evening."""
    for day in range(5):
        for hour, count in ((8, 30), (9, 1), (12, 2), (20, 1)):
            at = MONDAY + day * DAY + hour * HOUR
            run = f"d{day}h{hour}"
            assert push(one, carts(count, run), run, at).accepted == count, run


def test_a_quiet_day_of_answers_is_not_held_but_of_a_mass_programme_it_is(one: Outbox) -> None:
    at = days(one, 50, 50, 50)
    assert push(one, carts(2, "x"), "quiet", at).accepted == 2
    for number in range(3):
        push(one, letters(50, f"w{number}"), f"w{number}", MONDAY + number * 7 * DAY)
    small = push(one, letters(15, "w9"), "small", MONDAY + 21 * DAY)
    assert small.refused == {"held_by_guard": 15}


def campaigns(outbox: Outbox, count: int = 3) -> datetime:
    """Weekly campaigns: most of it goes at once, a few people follow; the next week."""
    for week in range(count):
        for hour, size in ((0, 40), (1, 20), (26, 3)):
            at = MONDAY + week * 7 * DAY + hour * HOUR
            letters_ = letters(size, f"w{week}", f"h{hour}")
            assert push(outbox, letters_, f"w{week}h{hour}", at).accepted == size
    return MONDAY + count * 7 * DAY


def test_a_campaign_is_compared_with_earlier_ones_at_the_same_age(outbox: Outbox) -> None:
    at = campaigns(outbox)
    assert push(outbox, letters(200, "next"), "r1", at).refused == {"held_by_guard": 200}
    assert [each.usual for each in held_by(outbox.engine, "r1")] == [40]
    assert push(outbox, letters(45, "next"), "r2", at + HOUR).accepted == 45
    # An hour on, the earlier ones had 60: what follows is judged with what went before.
    followed = push(outbox, letters(110, "next", "b"), "r3", at + 2 * HOUR)
    assert followed.refused == {"held_by_guard": 110}
    [held] = held_by(outbox.engine, "r3")
    assert (held.measured, held.usual, held.campaign_id) == (155, 60, "next")
    assert "newsletter (next) is held: 155 messages so far" in held.told
    assert push(outbox, letters(90, "next", "c"), "r4", at + 3 * HOUR).accepted == 90


def test_the_first_campaigns_of_a_programme_have_no_history(one: Outbox) -> None:
    at = campaigns(one, 2)
    assert push(one, letters(900, "next"), "r1", at).accepted == 900


def test_two_campaigns_of_a_programme_are_judged_apart(one: Outbox) -> None:
    at = campaigns(one)
    result = push(one, [*letters(300, "big"), *letters(40, "fine")], "r1", at)
    assert (result.accepted, result.refused) == (40, {"held_by_guard": 300})


def pulling(outbox: Outbox) -> Callable[[OutMessage], Outcome]:
    """Accept, and let somebody pull the switch meanwhile."""

    def answer(message: OutMessage) -> Outcome:
        pause(outbox.engine, reason="x", **WHO)
        return Outcome(message.message_key, "accepted")

    return answer


def test_what_was_cancelled_meanwhile_is_not_counted_twice(one: Outbox) -> None:
    """Else stopping and going on would look like an explosion."""
    at = campaigns(one)
    one.destination = Recorder(batch_size=1, answer=pulling(one))
    for attempt in range(4):
        push(one, letters(40, "next"), f"r{attempt}", at + attempt * HOUR)
        resume(one.engine, **WHO)
    assert not held_since(one.engine, MONDAY)


def test_those_held_out_count_and_are_held_with_the_others(one: Outbox) -> None:
    at = days(one, 10, 10, 10)
    plan = [*carts(20, "x"), *carts(20, "y", verdict="hold")]
    result = push(one, plan, "big", at)
    assert (result.held, result.refused) == (0, {"held_by_guard": 40})


def test_what_somebody_asked_for_is_not_held_up(one: Outbox) -> None:
    service = {"purpose": "service", "programme": "content_download"}

    def asked(count: int, of: str) -> list[dict[str, Any]]:
        return carts(count, of, **service)

    at = days(one, 10, 10, 10, make=asked)
    ceiling = (*GUARDS, rule("ceiling", units=5))
    assert push(one, asked(90, "x"), "r1", at, ceiling).accepted == 90
    assert held_since(one.engine, MONDAY) == []


def test_above_the_ceiling_of_a_day_the_last_by_key_stay(outbox: Outbox) -> None:
    policy = [rule("ceiling", window_hours=24, units=5)]
    plan = [*carts(7, "x"), *carts(4, "y", programme="welcome")]
    result = push(outbox, plan, "r1", MONDAY, policy)
    assert (result.accepted, result.refused) == (9, {"ceiling": 2})
    refused = [key for key, each in outbox.table().items() if each["refusal"]]
    assert sorted(refused) == ["x-0005", "x-0006"]
    later = MONDAY.replace(hour=23, minute=59)
    assert push(outbox, carts(7, "x"), "r2", later, policy).refused == {"ceiling": 2}
    midnight = (MONDAY + DAY).replace(hour=0, minute=0)
    assert push(outbox, carts(7, "x"), "r3", midnight, policy).accepted == 2


def test_held_out_messages_use_up_the_ceiling_and_cancelled_ones_do_not(one: Outbox) -> None:
    policy = [rule("ceiling", units=5)]
    push(one, [*carts(2, "x"), *carts(1, "y", verdict="hold")], "r1", MONDAY, policy)
    one.destination = Recorder(batch_size=1, answer=pulling(one))
    assert push(one, carts(2, "z"), "r2", MONDAY + HOUR, policy).reserved == 2
    assert [*one.states().values()].count("cancelled") == 1
    resume(one.engine, **WHO)
    result = push(one, carts(3, "w"), "r3", MONDAY + 2 * HOUR, policy)
    assert (result.reserved, result.refused) == (1, {"ceiling": 2})


def test_a_programme_has_the_ceiling_of_its_own_row_else_the_least() -> None:
    rules = [
        GuardRule("ceiling", "any", "any", units=Decimal(100)),
        GuardRule("ceiling", "call", "any", units=Decimal(20)),
        GuardRule("ceiling_newsletter", "any", "any", units=Decimal(500)),
    ]
    assert ceiling_of("newsletter", rules) == 500
    assert ceiling_of("advisor_call", rules) == 20
    assert ceiling_of("advisor_call", []) is None


def complain(engine: Engine, *keys: str, at: datetime = MONDAY + HOUR) -> None:
    """Let the people who got these messages complain."""
    suppress(engine, [Suppression(f"a-{key}", "complaint", "feedback", at) for key in keys])


def test_complaints_pause_their_programme_until_somebody_resumes_it(outbox: Outbox) -> None:
    policy = [each for each in GUARDS if each["rule"] != "complaint_stop"]
    push(outbox, [*carts(100, "x"), *letters(400, "w1")], "r1")
    complain(outbox.engine, *(f"x-{number:04}" for number in range(3)))
    plan = [*carts(5, "y"), *letters(5, "w1", "b")]
    result = push(outbox, plan, "r2", MONDAY + 2 * HOUR, policy)
    assert (result.accepted, result.refused) == (5, {"paused": 5})
    [stopped] = open_pauses(outbox.engine)
    assert (stopped.programme, stopped.cause) == ("abandoned_cart", "complaint_brake")
    assert stopped.reason == "3 complaints about 100 messages"
    # A fresh start: what was complained of before counts no more.
    resume(outbox.engine, "abandoned_cart", by="ada", at=MONDAY + 3 * HOUR)
    assert push(outbox, carts(5, "y"), "r3", MONDAY + 4 * HOUR, policy).accepted == 5
    complain(outbox.engine, "x-0009", at=MONDAY + 5 * HOUR)
    assert push(outbox, carts(2, "z"), "r4", MONDAY + 6 * HOUR, policy).accepted == 2


def test_many_complaints_stop_all_marketing_and_nothing_else(outbox: Outbox) -> None:
    """Of no programme so many that it is paused by itself."""
    programmes = [f"p{number}" for number in range(4)]
    sent = [each for name in programmes for each in carts(60, name, programme=name)]
    push(outbox, sent, "r1")
    complain(outbox.engine, *(f"{name}-000{n}" for name in programmes for n in range(2)))
    service = {"purpose": "service", "programme": "content_download"}
    result = push(outbox, [*letters(5, "w"), *carts(2, "s", **service)], "r2", MONDAY + 2 * HOUR)
    assert (result.accepted, result.refused) == (2, {"paused": 5})
    assert [each.what for each in open_pauses(outbox.engine)] == ["all marketing"]


@pytest.mark.parametrize(
    ("complained", "sent", "percent", "brakes"),
    [
        (2, 1_000, 0.1, False), (3, 1_000, 0.1, True), (3, 3_000, 0.1, True),
        (3, 3_001, 0.1, False), (3, 1_000, 0.3, True), (3, 999, 0.3, False),
        (6, 999, 0.3, False), (7, 999, 0.3, True), (3, 100, 0.3, True), (2, 10, 0.1, False),
        (0, 0, 0.1, False),
    ],
)  # fmt: skip
def test_a_share_counts_from_three_complaints_and_of_few_messages_beyond_chance(
    complained: int, sent: int, percent: float, *, brakes: bool
) -> None:
    assert Complaints("p", complained, sent).exceed(percent) is brakes


def test_a_complaint_is_about_the_last_message_before_it(one: Outbox) -> None:
    who = {"address_node": "a-ada", "person_id": "ada"}
    people = [{"address_node": f"a-{n}", "person_id": f"p{n}"} for n in range(3)]
    for number, each in enumerate([*people, who]):
        push(one, carts(1, f"x{number}", programme="welcome", **each), f"x{number}", MONDAY)
        push(one, carts(1, f"y{number}", **each), f"y{number}", MONDAY + HOUR)
        push(one, carts(1, f"z{number}", programme="price_drop", **each), f"z{number}",
             MONDAY + 9 * HOUR)  # fmt: skip
    complain(one.engine, *("0", "1", "2"), at=MONDAY + 2 * HOUR)
    rules = [GuardRule("complaint_brake", "any", "any", 720, units=Decimal("0.1"))]
    [found] = complaints.brake(one.engine, rules, MONDAY + 10 * HOUR)
    assert (found.programme, found.complaints, found.sent) == ("abandoned_cart", 3, 4)


def test_complaints_of_long_ago_and_of_later_count_not(one: Outbox) -> None:
    push(one, carts(9, "x"), "r1")
    rules = [GuardRule("complaint_brake", "any", "any", 720, units=Decimal("0.1"))]
    complain(one.engine, *(f"x-{n:04}" for n in range(5)))
    assert complaints.brake(one.engine, rules, MONDAY) == []
    assert complaints.brake(one.engine, rules, MONDAY + 31 * DAY) == []
    assert len(complaints.brake(one.engine, rules, MONDAY + 29 * DAY)) == 1
    assert complaints.brake(one.engine, rules, MONDAY + 29 * DAY) == []  # it is paused already


def test_a_plan_without_a_policy_has_no_guards(tmp_path: Path) -> None:
    assert read_guards(tmp_path) == ()


def completed(at: datetime, *rows: dict[str, Any]) -> Run:
    """A mass run with a plan, emitted and completed."""
    run = begin("mass", iso_z(at))
    publish(Outbox(run.ledger, run.settings.home), rows, run.run_id, at)
    result = work.emit_slice(run, "mass")
    assert notices.lines(run, [result]) == [each.told for each in held_by(run.ledger, run.run_id)]
    runs.finish(run.ledger, run.run_id, "completed")
    return run


def said(*arguments: str) -> str:
    return CliRunner().invoke(app, [*arguments], catch_exceptions=False).output


def test_the_command_sends_what_was_held_and_status_lists_it(own_settings: Settings) -> None:
    for week in range(3):
        completed(MONDAY + week * 7 * DAY, *letters(10, f"w{week}"))
    run = completed(MONDAY + 21 * DAY, *letters(40, "w9"), *letters(2, "c", programme="welcome"))
    [told] = guards.waiting(own_settings)
    assert told.startswith("newsletter (w9) is held: 40 messages so far, usual are 10.")
    assert told.replace("\n", "") in said("status").replace("\n", "")
    assert "- newsletter (w9) is held" in summary.markdown(Ran(run, notices=[told]), [])
    with pytest.raises(FixConfig, match="Held in that run: newsletter"):
        said("confirm", run.run_id, "welcome")
    assert "40 accepted" in said("confirm", run.run_id, "newsletter")
    assert guards.waiting(own_settings) == []
    with pytest.raises(FixConfig, match="no push of 'newsletter' is held"):
        said("confirm", run.run_id, "newsletter")


def test_a_plan_of_yesterday_is_not_confirmed(own_settings: Settings) -> None:
    for week in range(3):
        completed(MONDAY + week * 7 * DAY, *letters(10, f"w{week}"))
    run = completed(MONDAY + 21 * DAY, *letters(40, "w9"))
    completed(MONDAY + 22 * DAY + HOUR)
    assert guards.waiting(own_settings) == []
    with pytest.raises(FixConfig, match="too old"):
        guards.confirm(own_settings, run.run_id, "newsletter", by="ada")
    with run.ledger.connect() as connection:
        states = connection.scalars(select(MessageRow.state)).all()
    assert (states.count("accepted"), states.count("cancelled")) == (30, 40)


def test_the_numbers_that_ship_are_read(tmp_path: Path) -> None:
    with closing(duckdb.connect()) as connection:
        table = f"read_csv('{ROOT}/dbt_project/seeds/contact_policy.csv')"
        path = f"{tmp_path}/contact_policy.parquet"
        connection.execute(f"copy (from {table}) to '{path}' (format parquet)")
    found = {each.rule: each for each in read_guards(tmp_path)}
    assert {*found} == {each["rule"] for each in GUARDS} | {"ceiling"}
    assert (found["push_collapse"].percent, found["push_collapse"].kind) == (40, "mass")
    assert (found["push_explosion"].percent, found["push_explosion"].units) == (250, 100)
    assert ceiling_of("newsletter", found.values()) == 100_000
    brakes = found["complaint_brake"].units, found["complaint_stop"].units
    assert [float(each or 0) for each in brakes] == [0.1, 0.3]
