"""A destination in trouble: what is done depends on what it says, and the others go on."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from outbox_kit import MONDAY, Outbox, row
from sqlalchemy import select, update
from trouble_kit import Sleeps, Troubled, emit_to, in_turn

from connectors.core.delivery import Outcome, OutMessage
from connectors.core.errors import FixConfig, RetryLater, SkipRecord, StopRun
from connectors.core.settings import Settings
from connectors.ledger.db import open_ledger, write
from connectors.ledger.emission import handover
from connectors.ledger.emission.budgets import Pace
from connectors.ledger.emission.handover import STRIKES, TRIES
from connectors.ledger.emission.rules import MOST_ATTEMPTS
from connectors.ledger.emission.unsettled import unsettled
from connectors.ledger.models import MessageAuditRow, MessageRow
from connectors.ledger.reports import message_history, refusals
from flows import status
from flows.run import begin

BUSY = RetryLater("the other side is busy", "destination file", "Run again later.")
LOST = ConnectionResetError("a@example.com")


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    engine = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    yield Outbox(engine, tmp_path)
    engine.dispose()


def rows(number: int, destination: str = "file") -> list[dict[str, object]]:
    return [row(f"{destination}-{n:05}", destination=destination) for n in range(number)]


def fails(*keys: str, error: Exception) -> Troubled:
    """Refuses every batch with one of these in it."""

    def trouble(_: str, messages: Sequence[OutMessage]) -> Exception | None:
        return error if {each.message_key for each in messages} & {*keys} else None

    return Troubled(trouble)


def test_a_busy_destination_is_asked_again_with_the_same_batch(outbox: Outbox) -> None:
    destination, sleeps = Troubled(in_turn(BUSY, BUSY)), Sleeps()
    result = emit_to(outbox, rows(3), destination, sleeps=sleeps)
    assert (result.accepted, result.waiting) == (3, 0)
    assert sleeps == [1, 2]
    assert len(destination.calls) == 3
    assert len({batch_id for batch_id, _ in destination.calls}) == 1
    assert {each["attempts"] for each in outbox.table().values()} == {3}


def test_the_wait_is_as_long_as_was_asked_for(outbox: Outbox) -> None:
    sleeps = Sleeps()
    asked = RetryLater("busy", "file", "Later.", after_seconds=17)
    emit_to(outbox, rows(1), Troubled(in_turn(asked)), sleeps=sleeps)
    assert sleeps == [17]


def test_while_it_waits_the_messages_are_reserved_not_under_way(outbox: Outbox) -> None:
    """Killed in the wait, they are known not to have left, whatever the destination can tell."""
    seen: list[set[str]] = []

    class Looking(Sleeps):
        def append(self, seconds: float) -> None:
            super().append(seconds)
            seen.append({*outbox.states().values()})

    emit_to(outbox, rows(2), Troubled(in_turn(BUSY)), sleeps=Looking())
    assert seen == [{"reserved"}]


def test_a_destination_that_stays_busy_keeps_its_messages_waiting_and_others_go_on(
    outbox: Outbox,
) -> None:
    busy, other = Troubled(lambda *_: BUSY, name="post"), Troubled()
    result = emit_to(outbox, [*rows(40, "post"), *rows(9)], busy, other)
    assert (result.accepted, result.waiting) == (9, 40)
    assert len(busy.calls) == TRIES * STRIKES  # then it is left alone
    assert Counter(outbox.states().values()) == {"accepted": 9, "reserved": 40}
    later = emit_to(outbox, None, Troubled(name="post"), other)
    assert (later.accepted, later.waiting, len(other.accepted)) == (40, 0, 9)


def test_a_long_wait_is_not_sat_out(outbox: Outbox) -> None:
    hour = RetryLater("busy", "file", "Later.", after_seconds=3600)
    busy, other, sleeps = Troubled(lambda *_: hour, name="post"), Troubled(), Sleeps()
    result = emit_to(outbox, [*rows(40, "post"), *rows(1)], busy, other, sleeps=sleeps)
    assert (result.accepted, result.waiting, len(busy.calls), sleeps) == (1, 40, 1, [])


def test_only_if_nothing_could_be_delivered_does_the_emission_fail(outbox: Outbox) -> None:
    with pytest.raises(RetryLater, match="busy"):
        emit_to(outbox, rows(9), Troubled(lambda *_: BUSY))
    assert {*outbox.states().values()} == {"reserved"}


def test_what_waits_is_taken_up_by_a_later_plan_or_cancelled(outbox: Outbox) -> None:
    with pytest.raises(RetryLater):
        emit_to(outbox, rows(2), Troubled(lambda *_: BUSY))
    emit_to(outbox, rows(1), destination := Troubled(), run_id="r2")
    assert destination.accepted == ["file-00000"]
    assert refusals(outbox.engine, "r1") == {"left_over": 1}


def test_attempts_are_limited_over_all_runs(outbox: Outbox) -> None:
    """One batch that the destination can never take does not go on for ever."""
    for _ in range(MOST_ATTEMPTS // TRIES):
        assert {*outbox.states().values()} <= {"reserved"}
        busy = Troubled(lambda *_: BUSY)
        try:
            emit_to(outbox, rows(1), busy)
        except RetryLater:
            assert len(busy.calls) == TRIES
    assert outbox.table()["file-00000"]["attempts"] == MOST_ATTEMPTS
    assert refusals(outbox.engine, "r1") == {"attempts_used_up": 1}
    again = emit_to(outbox, rows(1), destination := Troubled(), run_id="r2")
    assert again.refused == {"attempts_used_up": 1}
    assert destination.calls == []


@pytest.mark.parametrize("bad", [1, 3])
def test_bad_rows_of_a_batch_that_is_refused_whole_are_found(outbox: Outbox, bad: int) -> None:
    number = 64
    keys = [f"file-{n:05}" for n in random.Random(7).sample(range(number), bad)]
    destination = fails(*keys, error=SkipRecord("the row has no name", "file", "Mend it."))
    destination.batch_size = number
    result = emit_to(outbox, rows(number), destination)
    assert (result.accepted, result.rejected, result.waiting) == (number - bad, bad, 0)
    assert len(destination.calls) <= 2 * bad * math.log2(number) + 1
    assert {key for key, state in outbox.states().items() if state == "rejected"} == {*keys}
    assert sorted(destination.accepted) == sorted({*outbox.states()} - {*keys})
    assert {each["attempts"] for each in outbox.table().values()} == {1}
    (history,) = message_history(outbox.engine, [f"a-{keys[0]}"])
    assert history.steps[-1].detail == "the row has no name"


def test_each_half_is_committed_as_under_way_before_it_leaves(outbox: Outbox) -> None:
    seen: list[tuple[list[str], list[str]]] = []
    destination = fails("file-00001", error=SkipRecord("no", "file", "-"))
    deliver = destination.deliver

    def looking(batch_id: str, messages: Sequence[OutMessage]) -> list[Outcome]:
        mine = [key for key, each in outbox.table().items() if each["batch_id"] == batch_id]
        leaving = [key for key, state in outbox.states().items() if state == "delivering"]
        seen.append((sorted(mine), sorted(leaving)))
        return deliver(batch_id, messages)

    destination.deliver = looking  # type: ignore[method-assign]
    emit_to(outbox, rows(4), destination)
    assert len(seen) == 5
    assert all(mine == leaving for mine, leaving in seen)
    assert len({batch_id for batch_id, _ in destination.calls}) == 5


def test_a_destination_that_refuses_all_rows_is_not_asked_about_each(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "MOST_HALVES", 10)
    refuses = Troubled(lambda *_: SkipRecord("no", "post", "-"), name="post", batch_size=64)
    result = emit_to(outbox, [*rows(64, "post"), *rows(1)], refuses, Troubled())
    assert len(refuses.calls) < 20
    assert result.accepted == 1
    assert result.waiting + result.rejected == 64


def test_what_somebody_has_to_mend_is_told_after_the_others_were_delivered(
    outbox: Outbox,
) -> None:
    wrong = FixConfig("the password is refused", "post", "Set another.")
    post, other = Troubled(lambda *_: wrong, name="post"), Troubled()
    planned = [*rows(9, "post"), *rows(9)]
    with pytest.raises(FixConfig, match="password"):
        emit_to(outbox, planned, post, other)
    assert (len(post.calls), len(other.accepted)) == (1, 9)
    assert Counter(outbox.states().values()) == {"accepted": 9, "cancelled": 9}
    assert refusals(outbox.engine, "r1") == {"not_deliverable": 9}
    assert outbox.table()["post-00000"]["attempts"] == 0
    with outbox.engine.connect() as connection:
        assert "the password is refused" in {*connection.scalars(select(MessageAuditRow.detail))}
    mended = Troubled(name="post")
    assert emit_to(outbox, planned, mended, other).accepted == 9  # planned again, it goes


@pytest.mark.parametrize("error", [LOST, TimeoutError(), StopRun("no", "file", "-"), KeyError()])
def test_an_answer_that_was_lost_is_unknown_and_never_retried(
    outbox: Outbox, error: Exception
) -> None:
    destination = Troubled(in_turn(error), takes_before_it_fails=True)
    result = emit_to(outbox, rows(9), destination)
    assert (result.accepted, result.unknown, result.waiting) == (5, 4, 0)
    assert Counter(destination.accepted).most_common(1)[0][1] == 1
    assert [each.message_key for each in unsettled(outbox.engine)] == [
        f"file-0000{n}" for n in range(4)
    ]
    emit_to(outbox, None, destination)
    assert Counter(destination.accepted).most_common(1)[0][1] == 1


def test_what_an_error_says_stays_out_of_the_ledger_and_the_log(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    """It may hold an address; its kind is enough."""
    emit_to(outbox, rows(1), Troubled(in_turn(LOST)))
    with outbox.engine.connect() as connection:
        details = {*connection.scalars(select(MessageAuditRow.detail))}
    assert "no answer: ConnectionResetError" in details
    assert "ConnectionResetError" in caplog.text
    assert "@example.com" not in f"{details}{caplog.text}"


def test_what_the_destination_can_tell_is_recorded_at_once(outbox: Outbox) -> None:
    told = [Outcome("file-00000", "accepted"), Outcome("file-00001", "rejected")]
    destination = Troubled(in_turn(LOST), found=lambda _: told)
    result = emit_to(outbox, rows(3), destination)
    assert (result.accepted, result.rejected, result.unknown) == (1, 1, 1)
    assert len(destination.calls) == 1


@pytest.mark.parametrize(("idempotent", "state"), [(True, "accepted"), (False, "unknown")])
def test_not_there_yet_is_believed_only_where_twice_is_once(
    outbox: Outbox, *, idempotent: bool, state: str
) -> None:
    """The request that timed out may still be on its way."""
    destination = Troubled(in_turn(LOST), idempotent=idempotent, found=lambda _: [])
    emit_to(outbox, rows(2), destination)
    assert {*outbox.states().values()} == {state}
    assert len(destination.calls) == (2 if idempotent else 1)
    assert len({batch_id for batch_id, _ in destination.calls}) == 1


def test_after_some_lost_answers_in_a_row_a_destination_is_left_alone(outbox: Outbox) -> None:
    silent, other = Troubled(lambda *_: LOST, name="post"), Troubled()
    result = emit_to(outbox, [*rows(40, "post"), *rows(9)], silent, other)
    assert len(silent.calls) == STRIKES
    assert (result.accepted, result.unknown, result.waiting) == (9, 12, 28)
    in_between = Troubled(in_turn(LOST, LOST, None, LOST, LOST))
    assert emit_to(outbox, rows(40), in_between, run_id="r2").unknown == 16
    assert len(in_between.calls) == 8


def test_what_cannot_be_read_back_now_is_asked_again_later(outbox: Outbox) -> None:
    """It is neither settled nor forgotten, and it holds up nobody."""

    def dead(*_: object) -> BaseException:
        return SystemExit()

    def away(_: str) -> list[Outcome] | None:
        raise ConnectionError

    with pytest.raises(SystemExit):
        emit_to(outbox, rows(2), Troubled(dead))
    other = row("other", person_id="p-other")
    assert emit_to(outbox, [other], Troubled(found=away), run_id="r2").accepted == 1
    assert outbox.states()["file-00000"] == "delivering"
    assert {each.state for each in unsettled(outbox.engine)} == {"delivering"}
    told = [Outcome(f"file-0000{n}", "accepted") for n in range(2)]
    assert emit_to(outbox, [], Troubled(found=lambda _: told), run_id="r3").recovered == 2
    assert unsettled(outbox.engine) == []


def test_an_unknown_word_and_two_answers_are_unknown(outbox: Outbox) -> None:
    class Odd(Troubled):
        def deliver(self, batch_id: str, messages: Sequence[OutMessage]) -> list[Outcome]:
            super().deliver(batch_id, messages)
            return [
                Outcome("file-00000", "sent"),  # type: ignore[arg-type]
                Outcome("file-00001", "accepted"),
                Outcome("file-00001", "rejected"),
                Outcome("file-00002", "accepted"),
                Outcome("file-00002", "accepted"),
                Outcome("never heard of", "accepted"),
            ]

    emit_to(outbox, rows(3), Odd())
    assert [*outbox.states().values()] == ["unknown", "unknown", "accepted"]


def test_an_answer_that_is_none_is_unknown(outbox: Outbox) -> None:
    class Mute(Troubled):
        def deliver(self, batch_id: str, messages: Sequence[OutMessage]) -> list[Outcome]:
            super().deliver(batch_id, messages)
            return None  # type: ignore[return-value]

    assert emit_to(outbox, rows(3), Mute()).unknown == 3


def test_what_has_expired_when_its_batch_would_leave_is_cancelled(outbox: Outbox) -> None:
    """The clock is asked before each batch, also before one that is tried again."""
    hours = iter(range(100))

    def clock() -> object:
        return MONDAY + timedelta(hours=next(hours))

    late = {"expires_at": MONDAY + timedelta(hours=2)}
    planned = [
        row("k1", **late),
        row("k2"),
        row("k3", purpose="service", **late),
        row("k4", **late),
    ]
    destination = Troubled(in_turn(None, BUSY), batch_size=2)
    result = emit_to(outbox, planned, destination, clock=clock)  # type: ignore[arg-type]
    assert destination.accepted == ["k1", "k2"]
    assert outbox.states() == {
        "k1": "accepted", "k2": "accepted", "k3": "cancelled", "k4": "cancelled",
    }  # fmt: skip
    assert refusals(outbox.engine, "r1") == {"expired": 2}
    assert result.waiting == 0


def test_what_was_cancelled_by_somebody_else_meanwhile_is_left_out(outbox: Outbox) -> None:
    def cancel(*_: object) -> None:
        gone = {"state": "cancelled", "refusal": "erased"}
        last = MessageRow.message_key == "file-00003"
        with write(outbox.engine) as connection:
            connection.execute(update(MessageRow).where(last).values(gone))

    destination = Troubled(cancel, batch_size=2)
    assert emit_to(outbox, rows(4), destination).accepted == 3
    assert destination.accepted == [f"file-0000{n}" for n in range(3)]


def test_a_clock_that_stands_still_does_not_keep_alive_what_expired(outbox: Outbox) -> None:
    """A run's clock is set once; its emission may take hours all the same."""
    gone_on = [timedelta(minutes=0)]

    class Slow(Sleeps):
        @property
        def pace(self) -> Pace:
            return Pace(sleep=self.append, late=lambda: gone_on[0])

    def slow(*_: object) -> None:
        gone_on[0] += timedelta(hours=2)

    late = {"expires_at": MONDAY + timedelta(hours=1)}
    destination = Troubled(slow, batch_size=1)
    emit_to(outbox, [row("k1", **late), row("k2", **late), row("k3")], destination, sleeps=Slow())
    assert destination.accepted == ["k1", "k3"]
    assert refusals(outbox.engine, "r1") == {"expired": 1}
    assert outbox.table()["k3"]["accepted_at"] == MONDAY


def test_the_status_tells_of_how_many_nobody_knows(
    own_settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    run = begin("mass", "2011-12-05T11:05:00Z")
    emit_to(Outbox(run.ledger, run.settings.home), rows(3), Troubled(in_turn(LOST)))
    status.show(own_settings)
    assert "unknown 3 messages to file" in capsys.readouterr().out
