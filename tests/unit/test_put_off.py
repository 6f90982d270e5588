"""A single message that is put off: it surely did not arrive, so it waits and is tried again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from outbox_kit import Outbox, row
from sqlalchemy import select
from trouble_kit import Sleeps, emit_to

from connectors.core.delivery import Outcome, OutMessage
from connectors.core.errors import RetryLater
from connectors.ledger.db import open_ledger
from connectors.ledger.emission import handover
from connectors.ledger.emission.handover import STRIKES, TRIES
from connectors.ledger.emission.rules import MOST_ATTEMPTS
from connectors.ledger.models import MessageAuditRow
from connectors.ledger.reports import refusals


@pytest.fixture
def outbox(ledger_url: str, tmp_path: Path) -> Iterator[Outbox]:
    engine = open_ledger(ledger_url)
    yield Outbox(engine, tmp_path)
    engine.dispose()


@dataclass
class PuttingOff:
    """Puts a message off as often as its key's entry says; then it accepts it."""

    times: dict[str, int] = field(default_factory=dict)
    state: str = "waiting"
    name: str = "file"
    batch_size: int = 4
    idempotent: bool = False
    found: list[Outcome] | None = None
    batches: list[tuple[str, list[str]]] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    announced: list[str] = field(default_factory=list)

    def announce(self, batch_id: str) -> None:
        self.announced.append(batch_id)

    def deliver(self, batch_id: str, messages: Sequence[OutMessage]) -> list[Outcome]:
        assert self.announced[-1] == batch_id
        self.batches.append((batch_id, [each.message_key for each in messages]))
        return [self._said(each.message_key) for each in messages]

    def lookup(self, batch_id: str) -> list[Outcome] | None:
        del batch_id
        return self.found

    def _said(self, key: str) -> Outcome:
        if self.times.get(key, 0):
            self.times[key] -= 1
            return Outcome(key, self.state, "451 4.7.1")  # type: ignore[arg-type]
        self.accepted.append(key)
        return Outcome(key, "accepted")


def rows(number: int, destination: str = "file") -> list[dict[str, object]]:
    return [row(f"k{n}", destination=destination) for n in range(number)]


def test_it_is_tried_again_at_the_end_in_a_batch_of_its_own(outbox: Outbox) -> None:
    destination, sleeps = PuttingOff({"k1": 1}), Sleeps()
    result = emit_to(outbox, rows(8), destination, sleeps=sleeps)
    assert (result.accepted, result.waiting) == (8, 0)
    assert [keys for _, keys in destination.batches] == [
        ["k0", "k1", "k2", "k3"], ["k4", "k5", "k6", "k7"], ["k1"],
    ]  # fmt: skip
    assert len(sleeps) == 1
    table = outbox.table()
    assert (table["k1"]["attempts"], table["k0"]["attempts"]) == (2, 1)
    assert table["k1"]["batch_id"] == destination.batches[-1][0] != table["k0"]["batch_id"]


def test_what_is_put_off_for_long_waits_for_another_emission(outbox: Outbox) -> None:
    destination = PuttingOff({"k1": TRIES + 1, "k2": TRIES + 1})
    result = emit_to(outbox, rows(8), destination)
    assert (result.accepted, result.waiting) == (6, 2)
    assert {key for key, state in outbox.states().items() if state == "reserved"} == {"k1", "k2"}
    with outbox.engine.connect() as connection:
        audited = connection.execute(
            select(MessageAuditRow.message_key, MessageAuditRow.detail).where(
                MessageAuditRow.from_state == "delivering", MessageAuditRow.to_state == "reserved"
            )
        ).all()
    assert ("k1", "451 4.7.1") in audited
    later = emit_to(outbox, None, destination)
    assert (later.accepted, later.waiting) == (2, 0)
    assert Counter(destination.accepted) == dict.fromkeys(outbox.states(), 1)


def test_what_is_left_of_a_batch_that_arrived_in_part_is_of_no_batch(outbox: Outbox) -> None:
    destination = PuttingOff({"k1": 2, "k2": 1})
    assert emit_to(outbox, rows(4), destination).waiting == 1
    assert [keys for _, keys in destination.batches] == [["k0", "k1", "k2", "k3"], ["k1", "k2"]]
    table = outbox.table()
    assert table["k1"]["batch_id"] is None
    assert table["k2"]["batch_id"] == destination.batches[1][0]


def test_a_batch_of_which_all_is_put_off_is_one_that_never_arrived(outbox: Outbox) -> None:
    destination, sleeps = PuttingOff({"k0": 2, "k1": 2}), Sleeps()
    assert emit_to(outbox, rows(2), destination, sleeps=sleeps).accepted == 2
    assert sleeps == [1, 2]
    assert len({batch_id for batch_id, _ in destination.batches}) == 1
    for_ever = PuttingOff(dict.fromkeys((f"k{n}" for n in range(40)), 1000))
    with pytest.raises(RetryLater, match="451"):
        emit_to(
            outbox, [row(f"k{n}", occasion=f"x{n}") for n in range(2, 40)], for_ever, run_id="r2"
        )
    assert len(for_ever.batches) == TRIES * STRIKES


def test_it_is_given_up_after_as_many_attempts_as_any_other(outbox: Outbox) -> None:
    destination = PuttingOff({"k1": 1000})
    emit_to(outbox, rows(2), destination)
    for _ in range(MOST_ATTEMPTS):
        try:
            emit_to(outbox, None, destination)
        except RetryLater:
            continue
    assert outbox.table()["k1"]["attempts"] == MOST_ATTEMPTS
    assert refusals(outbox.engine, "r1") == {"attempts_used_up": 1}
    assert sum("k1" in keys for _, keys in destination.batches) == MOST_ATTEMPTS


def test_not_more_of_them_are_kept_than_fit(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "MOST_PUT_OFF", 3)
    destination = PuttingOff({f"k{n}": 1 for n in range(40) if n % 4})
    result = emit_to(outbox, rows(40), destination)
    assert (result.accepted, result.waiting) == (10 + 3, 27)
    assert emit_to(outbox, None, destination).accepted == 27


def test_a_destination_that_answers_nothing_any_more_is_left_alone(outbox: Outbox) -> None:
    """Each batch would leave some of which nobody knows."""
    silent = PuttingOff({f"k{n}": 1000 for n in range(40)}, state="unknown")
    with pytest.raises(RetryLater, match="answers nothing"):
        emit_to(outbox, rows(40), silent)
    assert len(silent.batches) == STRIKES
    assert Counter(outbox.states().values()) == {"unknown": 12, "reserved": 28}


def test_what_is_unknown_does_not_wait_because_a_destination_says_so_later(
    outbox: Outbox,
) -> None:
    """It may have arrived since; and there is no way back from unknown to reserved."""
    emit_to(outbox, rows(1), PuttingOff({"k0": 1}, state="unknown"))
    told = PuttingOff(found=[Outcome("k0", "waiting")])
    emit_to(outbox, [], told, run_id="r2")
    assert outbox.states() == {"k0": "unknown"}


def test_nothing_is_announced_of_a_batch_that_does_not_leave(outbox: Outbox) -> None:
    destination = PuttingOff()
    late = [row("k0", expires_at=row("k0")["planned_as_of"])]
    emit_to(outbox, late, destination)
    assert destination.announced == destination.batches == []
