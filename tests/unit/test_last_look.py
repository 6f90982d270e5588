"""What became known since a plan stops its messages: before they are reserved, before they leave.

Each test is run on both databases.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from news_kit import (
    EMAIL,
    LATER,
    LATER_STILL,
    Interrupted,
    fact,
    learn,
    looks,
    withdrawal,
)
from outbox_kit import MONDAY, POLICY, Outbox, row
from sqlalchemy import select

from connectors.core.spec import Batch
from connectors.ledger import erasures, facts, reports, runs
from connectors.ledger.db import open_ledger, write
from connectors.ledger.emission import last_look
from connectors.ledger.emission.reserve import reserve
from connectors.ledger.emission.transitions import take_sequence
from connectors.ledger.facts import FactRow
from connectors.ledger.manifest import LedgerManifest
from connectors.ledger.suppressions import Suppression, suppress

MINUTE = timedelta(minutes=1)


@pytest.fixture
def outbox(ledger_url: str, tmp_path: Path) -> Iterator[Outbox]:
    engine = open_ledger(ledger_url)
    yield Outbox(engine, tmp_path)
    engine.dispose()


def refused(outbox: Outbox, **changes: Any) -> dict[str, int]:
    """Emit one message of the plan of eleven o'clock; why it was refused."""
    result = outbox.emit([row("k1", **changes)])
    assert outbox.destination.sent == ([] if result.refused else ["k1"])
    return result.refused


def test_an_opt_out_between_plan_and_push_leaves_nobody_to_send_to(outbox: Outbox) -> None:
    learn(outbox.engine, withdrawal("a-k1"))
    result = outbox.emit([row("k1"), row("k2")])
    assert (result.refused, result.accepted) == ({"withdrawn": 1}, 1)
    assert outbox.destination.sent == ["k2"]
    assert outbox.states() == {"k1": "cancelled", "k2": "accepted"}


@pytest.mark.parametrize(
    "other",
    [
        fact("withdrawn", "a-k1", "call/marketing"),
        fact("withdrawn", "a-k1", "email/service"),
        withdrawal("a-k2"),
        withdrawal("p-k1"),
    ],
    ids=lambda told: f"{told.subject} {told.what}",
)
def test_an_opt_out_of_something_else_stops_nothing(outbox: Outbox, other: Any) -> None:
    learn(outbox.engine, other)
    assert refused(outbox) == {}


def test_who_allowed_it_again_since_is_written_to(outbox: Outbox) -> None:
    learn(outbox.engine, withdrawal("a-k1"))
    learn(outbox.engine, fact("permitted", "a-k1", EMAIL, LATER_STILL), at=LATER_STILL)
    assert refused(outbox) == {}


def test_what_was_allowed_before_it_was_withdrawn_does_not_help(outbox: Outbox) -> None:
    learn(outbox.engine, fact("permitted", "a-k1", EMAIL))
    learn(outbox.engine, withdrawal("a-k1", LATER_STILL), at=LATER_STILL)
    assert refused(outbox) == {"withdrawn": 1}


def test_a_withdrawal_wins_a_tie(outbox: Outbox) -> None:
    learn(outbox.engine, withdrawal("a-k1"), fact("permitted", "a-k1", EMAIL))
    assert refused(outbox) == {"withdrawn": 1}


@pytest.mark.parametrize(
    ("changes", "told", "stopped"),
    [
        ({}, fact("goal_reached", "a-k1", "buy"), True),
        ({"account_id": "acme"}, fact("goal_reached", "acme", "buy"), True),
        ({}, fact("goal_reached", "acme", "buy"), False),
        ({}, fact("goal_reached", "a-k1", "enrol"), False),
        ({"goal": None}, fact("goal_reached", "a-k1", "buy"), False),
        ({"purpose": "service"}, fact("goal_reached", "a-k1", "buy"), False),
        ({"occurred_at": LATER}, fact("goal_reached", "a-k1", "buy"), False),
        ({"occurred_at": LATER - MINUTE}, fact("goal_reached", "a-k1", "buy"), True),
    ],
    ids=[
        "bought", "a colleague did", "no colleague", "another goal", "no goal",
        "service", "the occasion itself", "just after the occasion",
    ],
)  # fmt: skip
def test_who_reached_the_goal_since_is_left_alone(
    outbox: Outbox, changes: dict[str, Any], told: Any, *, stopped: bool
) -> None:
    learn(outbox.engine, told)
    assert refused(outbox, **changes) == ({"goal_reached": 1} if stopped else {})


@pytest.mark.parametrize("purpose", ["marketing", "service"])
def test_nobody_hears_of_what_sold_out_since_unless_it_came_back(
    outbox: Outbox, purpose: str
) -> None:
    learn(outbox.engine, fact("out_of_stock", "kettle"), fact("out_of_stock", "cup"))
    learn(outbox.engine, fact("in_stock", "cup", at=LATER_STILL), at=LATER_STILL)
    rows = [row("k1", product_key="kettle"), row("k2", product_key="cup"), row("k3")]
    result = outbox.emit([{**each, "purpose": purpose} for each in rows])
    assert result.refused == {"out_of_stock": 1}
    assert outbox.destination.sent == ["k2", "k3"]


def test_an_opt_out_does_not_stop_a_service_message(outbox: Outbox) -> None:
    learn(outbox.engine, withdrawal("a-k1"), fact("withdrawn", "a-k1", "email/service"))
    assert refused(outbox, purpose="service") == {}


@pytest.mark.parametrize("known_at", [MONDAY - MINUTE, MONDAY])
def test_what_the_plan_knew_it_has_judged_itself(outbox: Outbox, known_at: datetime) -> None:
    told = (
        withdrawal("a-k1"),
        fact("goal_reached", "a-k1", "buy"),
        fact("out_of_stock", "kettle"),
    )
    learn(outbox.engine, *told, at=known_at)
    learn(outbox.engine, withdrawal("a-other"))
    assert refused(outbox, product_key="kettle") == {}


def test_a_plan_is_refused_again_the_same_way_and_may_go_once_it_is_allowed(
    outbox: Outbox,
) -> None:
    learn(outbox.engine, withdrawal("a-k1"))
    outbox.emit([row("k1")])
    before = outbox.table()
    assert outbox.again().refused == {"withdrawn": 1}
    assert outbox.table() == before
    learn(outbox.engine, fact("permitted", "a-k1", EMAIL, LATER_STILL), at=LATER_STILL)
    assert outbox.again().accepted == 1


def test_a_later_plan_knows_it_by_itself(outbox: Outbox) -> None:
    learn(outbox.engine, withdrawal("a-k1"))
    outbox.emit([row("k1")])
    assert outbox.emit([row("k1")], "r2", LATER_STILL).accepted == 1


def test_a_refusal_uses_up_no_cap(outbox: Outbox) -> None:
    learn(outbox.engine, withdrawal("a-k1"))
    result = outbox.emit([row("k1", person_id="p"), row("k2", person_id="p")])
    assert (result.accepted, result.refused) == (1, {"withdrawn": 1})


def test_a_plan_published_before_there_were_these_columns_is_emitted(outbox: Outbox) -> None:
    learn(outbox.engine, withdrawal("a-k1"), fact("goal_reached", "a-k2", "buy"))
    path = outbox.plan([row("k1"), row("k2")]) / "audience_mass.parquet"
    compared = ["goal", "account_id", "product_key", "occurred_at"]
    pq.write_table(pq.read_table(path).drop_columns(compared), path)
    assert outbox.again().refused == {"withdrawn": 1}


@pytest.mark.parametrize(
    ("happens", "refusal"),
    [
        (lambda o: learn(o.engine, withdrawal("a-k2")), "withdrawn"),
        (lambda o: _suppress(o, "a-k2", "unsubscribed"), "suppressed"),
        (lambda o: _suppress(o, "a-k2", "complaint"), "suppressed"),
    ],
    ids=["withdrawn", "unsubscribed", "complaint"],
)
def test_who_opts_out_while_batches_leave_is_cancelled(
    outbox: Outbox, happens: Any, refusal: str
) -> None:
    outbox.destination = Interrupted(lambda: happens(outbox))
    result = outbox.emit(row(f"k{number}") for number in (1, 2, 3))
    assert outbox.destination.sent == ["k1", "k3"]
    assert (result.reserved, result.accepted) == (3, 2)
    told = {key: (each["state"], each["refusal"]) for key, each in outbox.table().items()}
    assert told["k2"] == ("cancelled", refusal)
    assert told["k1"] == told["k3"] == ("accepted", None)


@pytest.mark.parametrize(
    "post",
    [
        lambda o: learn(o.engine, withdrawal("a-k1")),
        lambda o: suppress(o.engine, [Suppression("a-k1", "complaint", "t", LATER)]),
    ],
    ids=["withdrawal", "suppression"],
)
def test_whoever_posts_waits_for_the_claim_that_is_being_made(outbox: Outbox, post: Any) -> None:
    told = threading.Thread(target=post, args=[outbox])
    with write(outbox.engine) as connection:
        take_sequence(connection)
        told.start()
        told.join(0.5)
        assert told.is_alive()
    told.join(30)
    assert not told.is_alive()


def test_service_goes_on_while_batches_leave(outbox: Outbox) -> None:
    outbox.destination = Interrupted(lambda: learn(outbox.engine, withdrawal("a-k2")))
    outbox.emit(row(f"k{number}", purpose="service") for number in (1, 2))
    assert outbox.destination.sent == ["k1", "k2"]


def test_a_batch_without_those_who_opted_out_is_a_batch_of_the_others(outbox: Outbox) -> None:
    folder = outbox.plan([row("k1"), row("k2")])
    reserve(
        outbox.engine, folder / "audience_mass.parquet", "r1", POLICY,
        destinations=["file"], at=MONDAY, emission="r1/mass",
    )  # fmt: skip
    learn(outbox.engine, withdrawal("a-k1"))
    outbox.again()
    [(batch_id, keys)] = outbox.destination.batches.items()
    assert keys == ["k2"]
    alone = Outbox(open_ledger(f"sqlite:///{outbox.home}/alone.db"), outbox.home / "alone")
    alone.emit([row("k2")])
    assert [*alone.destination.batches] == [batch_id]


def test_why_it_did_not_go_is_told_by_the_history_and_the_counts(outbox: Outbox) -> None:
    learn(outbox.engine, withdrawal("a-k1"), fact("goal_reached", "a-k2", "buy"))
    outbox.emit([row("k1"), row("k2")])
    assert reports.refusals(outbox.engine, "r1") == {"goal_reached": 1, "withdrawn": 1}
    [told] = reports.message_history(outbox.engine, ["a-k1"])
    assert (told.state, told.refusal) == ("cancelled", "withdrawn")


def test_a_run_that_tells_twice_tells_once_and_nobody_is_forgotten(outbox: Outbox) -> None:
    told = [withdrawal(f"a-{number}") for number in range(4_500)]
    assert learn(outbox.engine, *told, *told[:100]) == 4_500
    assert learn(outbox.engine, *told) == 0
    assert learn(outbox.engine, *told, at=LATER_STILL) == 0  # known since the first
    known = _facts(outbox)
    assert {each["known_at"] for each in known} == {LATER}


def test_facts_go_when_no_plan_can_be_older(outbox: Outbox) -> None:
    learn(outbox.engine, withdrawal("a-k1"))
    learn(outbox.engine, withdrawal("a-k2"), at=LATER + facts.KEPT)
    assert len(_facts(outbox)) == 2
    learn(outbox.engine, at=LATER + facts.KEPT + MINUTE)
    assert [each["subject"] for each in _facts(outbox)] == ["a-k2"]


def test_what_was_told_of_an_erased_person_goes_with_them(outbox: Outbox) -> None:
    learn(outbox.engine, withdrawal("a-k1"), withdrawal("a-k2"))
    erasures.forget(outbox.engine, [], ["a-k1"], {})
    erasures.scrub(outbox.engine)
    assert [each["subject"] for each in _facts(outbox)] == ["a-k2"]


def test_the_age_of_the_facts_is_noted_with_each_reservation_and_batch(outbox: Outbox) -> None:
    outbox.emit([row("k0")], "r0")
    assert {each["age_seconds"] for each in looks(outbox)} == {None}
    assert last_look.ages(outbox.engine, "r0") is None
    learn(outbox.engine, at=MONDAY, age=600)
    learn(outbox.engine, withdrawal("a-k1"), age=90)
    outbox.emit(row(f"k{number}") for number in range(1, 25))
    mine = [each for each in looks(outbox) if each["run_id"] == "r1"]
    assert [(each["messages"], each["stopped"]) for each in mine] == [(23, 0), (10, 0), (10, 0),
                                                                      (3, 0)]  # fmt: skip
    assert [bool(each["batch_id"]) for each in mine] == [False, True, True, True]
    assert {each["facts_as_of"] for each in mine} == {LATER}
    assert all(90 <= each["age_seconds"] < 150 for each in mine)
    found = last_look.ages(outbox.engine, "r1")
    assert found is not None
    assert found.messages == 23
    assert 90 <= found.p50 <= found.p99 < 150


def test_percentiles_are_of_messages_not_of_batches(outbox: Outbox) -> None:
    learn(outbox.engine, age=30)
    outbox.emit(row(f"k{number}") for number in range(10))
    learn(outbox.engine, at=LATER_STILL, age=3600)
    outbox.destination.batch_size = 1
    outbox.plan([row("l1"), row("l2")])
    outbox.again()
    found = last_look.ages(outbox.engine, "r1")
    assert found is not None
    assert found.messages == 12
    assert 30 <= found.p50 < 90
    assert found.p99 >= 3600


def _land(outbox: Outbox, name: str, at: datetime) -> str:
    path = f"shop/s/orders/landed_on=2011-12-05/{name}.parquet"
    batch = Batch(name, "shop", "s", "orders", path, 1, 1, name, None, at, at)
    LedgerManifest(outbox.engine, clock=lambda: at).commit([batch], [])
    return name


def _began(outbox: Outbox, at: datetime, *batches: str) -> str:
    run = runs.start(outbox.engine, "triggered", at, runs.Versions(), clock=lambda: at)
    runs.attach_batches(outbox.engine, run, batches)
    return run


def test_news_is_what_landed_since_the_run_that_told_last_also_what_was_withheld(
    outbox: Outbox,
) -> None:
    for name, minutes in {"seen": 0, "withheld": 5, "failed": 10, "new": 20}.items():
        _land(outbox, name, MONDAY + minutes * MINUTE)
    first = _began(outbox, MONDAY, "seen")
    assert facts.news_since(outbox.engine, first) is None  # no plan can be waiting
    runs.finish(outbox.engine, first, "completed")
    failed = _began(outbox, MONDAY + 10 * MINUTE, "seen", "failed")
    # Nobody told any facts yet: the last that completed may have left a plan.
    assert facts.news_since(outbox.engine, failed) == MONDAY + 10 * MINUTE
    learn(outbox.engine, run_id=first, at=MONDAY, age=60)
    assert facts.news_since(outbox.engine, failed) == MONDAY + 10 * MINUTE
    # It died before it told: what it had seen is still news.
    third = _began(outbox, LATER, "seen", "failed", "new")
    assert facts.news_since(outbox.engine, third) == MONDAY + 10 * MINUTE
    learn(outbox.engine, run_id=third)
    released = _began(outbox, LATER_STILL, "seen", "withheld", "failed", "new")
    assert facts.news_since(outbox.engine, released) == MONDAY + 5 * MINUTE
    assert facts.news_since(outbox.engine, third) == MONDAY + 10 * MINUTE  # done again
    nothing = _began(outbox, LATER_STILL, "seen", "failed", "new")
    assert facts.news_since(outbox.engine, nothing) is None


def _suppress(outbox: Outbox, address_hash: str, reason: str) -> None:
    suppress(outbox.engine, [Suppression(address_hash, reason, "t", LATER)])


def _facts(outbox: Outbox) -> list[dict[str, Any]]:
    query = select(*FactRow.__table__.c).order_by(FactRow.fact_key)
    with outbox.engine.connect() as connection:
        return [dict(each) for each in connection.execute(query).mappings()]
