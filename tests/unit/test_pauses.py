"""The kill switch: what is paused is not reserved, and what was reserved does not leave."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from guards_kit import again, carts, letters, publish, push
from outbox_kit import MONDAY, Outbox, Recorder
from sqlalchemy import select
from typer.testing import CliRunner

from connectors.core.delivery import Outcome, OutMessage
from connectors.core.errors import FixConfig, RetryLater
from connectors.core.settings import Settings
from connectors.ledger import runs
from connectors.ledger.db import open_ledger
from connectors.ledger.emission.budgets import Pace
from connectors.ledger.emission.outbox import emit
from connectors.ledger.guards.pauses import PauseRow, open_pauses, pause, resume
from connectors.ledger.reports import refusals
from flows import deployments, guards
from flows.cli import app
from flows.run import ledger_of

TUESDAY = MONDAY + timedelta(days=1)
SWITCH: dict[str, Any] = {"reason": "wrong price", "by": "ada", "at": MONDAY}


@pytest.fixture
def outbox(ledger_url: str, tmp_path: Path) -> Iterator[Outbox]:
    engine = open_ledger(ledger_url)
    yield Outbox(engine, tmp_path)
    engine.dispose()


@dataclass
class Tripping(Recorder):
    """A destination during whose first call somebody pulls the switch."""

    outbox: Outbox | None = None
    programme: str = ""

    def deliver(self, batch_id: str, messages: Sequence[OutMessage]) -> list[Outcome]:
        """Pull it, then go on as ever."""
        if self.outbox and not self.sent:
            pause(self.outbox.engine, self.programme, **SWITCH)
        return super().deliver(batch_id, messages)


def test_a_paused_programme_is_not_reserved_and_the_others_go(outbox: Outbox) -> None:
    assert pause(outbox.engine, "newsletter", **SWITCH)
    plan = [*letters(3, "w1"), *carts(2, "c")]
    assert push(outbox, plan, "r1").refused == {"paused": 3}
    assert sorted(outbox.destination.sent) == ["c-0000", "c-0001"]
    assert refusals(outbox.engine, "r1") == {"paused": 3}
    resume(outbox.engine, "newsletter", by="ada", at=MONDAY)
    assert push(outbox, letters(3, "w1"), "r2", TUESDAY).accepted == 3


def test_everything_is_paused_with_service_messages_and_marketing_without(outbox: Outbox) -> None:
    service = {"purpose": "service", "programme": "content_download"}
    pause(outbox.engine, purpose="marketing", **SWITCH)
    first = push(outbox, [*letters(2, "w1"), *carts(1, "s", **service)], "r1")
    assert (first.accepted, first.refused) == (1, {"paused": 2})
    pause(outbox.engine, **SWITCH)
    assert push(outbox, carts(1, "t", **service), "r2").refused == {"paused": 1}
    resume(outbox.engine, by="ada", at=MONDAY)
    assert open_pauses(outbox.engine) == []
    assert push(outbox, [*letters(2, "w1"), *carts(1, "t", **service)], "r3").accepted == 3


@pytest.mark.parametrize("programme", ["", "newsletter"])
def test_a_switch_during_a_push_lets_no_further_batch_out(outbox: Outbox, programme: str) -> None:
    outbox.destination = Tripping(outbox=outbox, programme=programme)
    result = push(outbox, letters(95, "w1"), "r1")
    assert len(outbox.destination.sent) == 10  # the batch that had left when it was pulled
    states = list(outbox.table().values())
    assert sum(each["refusal"] == "paused" for each in states) == 85
    assert {each["state"] for each in states} == {"accepted", "cancelled"}
    resume(outbox.engine, programme, by="ada", at=MONDAY)
    assert push(outbox, letters(95, "w1"), "r2", TUESDAY).accepted == 85
    assert len(outbox.destination.sent) == len({*outbox.destination.sent}) == 95
    assert result.accepted == 10


def test_a_push_stops_within_a_batch_of_the_switch_wherever_it_is(outbox: Outbox) -> None:
    """From another thread, on a connection of its own, at any moment."""
    left: list[float] = []

    def slowly(message: OutMessage) -> Outcome:
        left.append(time.monotonic())
        return Outcome(message.message_key, "accepted")

    outbox.destination = Recorder(batch_size=5, answer=slowly)
    pushing = threading.Thread(target=push, args=(outbox, letters(600, "w1"), "r1"))
    pushing.start()
    while len(left) < 20:
        time.sleep(0.002)
    pause(outbox.engine, "newsletter", **SWITCH)
    pulled = time.monotonic()
    pushing.join(60)
    assert len(left) < 600
    assert sum(moment > pulled for moment in left) <= 5  # the batch that was claimed before
    assert {*outbox.states().values()} == {"accepted", "cancelled"}


def test_a_batch_that_waits_for_its_destination_does_not_leave_either(outbox: Outbox) -> None:
    """Between two attempts, however long the wait."""

    def busy(_: OutMessage) -> None:
        what = "busy"
        raise RetryLater(what, "vendor", "Later.")

    def pulled(_: float) -> None:
        pause(outbox.engine, "newsletter", **SWITCH)
        outbox.destination.answer = lambda each: Outcome(each.message_key, "accepted")

    outbox.destination = Recorder(answer=busy)
    folder = publish(outbox, letters(6, "w1"), "r1", MONDAY)
    made = {"file": outbox.destination}
    emit(outbox.engine, folder, "r1", "mass", made, clock=lambda: MONDAY, pace=Pace(sleep=pulled))
    assert {each["refusal"] for each in outbox.table().values()} == {"paused"}


def test_what_a_dead_run_reserved_does_not_leave_once_it_is_paused(outbox: Outbox) -> None:
    def die(_: OutMessage) -> None:
        raise KeyboardInterrupt

    outbox.destination = Recorder(answer=die, batch_size=2)
    with pytest.raises(KeyboardInterrupt):
        push(outbox, letters(6, "w1"), "r1")
    outbox.destination = Recorder()
    pause(outbox.engine, "newsletter", **SWITCH)
    again(outbox, "r1", MONDAY, "mass")
    assert outbox.destination.sent == []
    assert {each["refusal"] for each in outbox.table().values()} == {"paused"}


def test_who_stopped_what_and_why_stays_to_be_read(outbox: Outbox) -> None:
    engine = outbox.engine
    assert pause(engine, "newsletter", **SWITCH)
    assert not pause(engine, "newsletter", reason="again", by="ben", at=TUESDAY)
    pause(engine, **SWITCH)
    assert [each.what for each in open_pauses(engine)] == ["everything", "newsletter"]
    assert [each.what for each in resume(engine, by="cem", at=TUESDAY)] == ["everything"]
    [named] = open_pauses(engine)
    assert (named.what, named.reason, named.paused_by) == ("newsletter", "wrong price", "ada")
    assert resume(engine, "newsletter", by="cem", at=TUESDAY) == [named]
    assert resume(engine, "newsletter", by="cem", at=TUESDAY) == []
    assert pause(engine, "newsletter", **SWITCH)
    row = PauseRow.__table__.c
    with engine.connect() as connection:
        query = select(row.programme, row.resumed_by, row.resumed_at).order_by(row.pause_id)
        told = connection.execute(query).all()
    assert told == [
        ("newsletter", "cem", TUESDAY),
        ("", "cem", TUESDAY),
        ("newsletter", None, None),
    ]


def test_the_commands_say_what_is_paused_and_refuse_a_name_that_is_none(
    own_settings: Settings,
) -> None:
    def said(*arguments: str) -> str:
        return CliRunner().invoke(app, [*arguments], catch_exceptions=False).output

    with pytest.raises(FixConfig, match="no programme called 'newsleter'"):
        said("pause", "newsleter")
    assert "newsletter is paused since" in said("pause", "newsletter", "--reason", "wrong price")
    told = said("pause")
    assert "everything is paused" in told
    assert "wrong price. `parley resume newsletter` lets it go on." in told
    runs.start(ledger_of(own_settings), "daily", MONDAY, runs.Versions())
    assert "newsletter is paused since" in said("status")
    assert "newsletter is paused since" in said("resume")
    assert "newsletter goes on" in said("resume", "newsletter")
    assert guards.waiting(own_settings) == []
    with pytest.raises(FixConfig, match="was not paused"):
        said("resume")


def test_the_deployments_pull_the_same_switch(own_settings: Settings) -> None:
    [told] = deployments.pause.fn("newsletter", "wrong price")
    assert told.startswith("newsletter is paused since")
    assert "by Prefect: wrong price." in told
    assert len(deployments.pause.fn()) == 2
    assert deployments.resume.fn() == [told]
    assert deployments.resume.fn("newsletter") == guards.waiting(own_settings) == []
