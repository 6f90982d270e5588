"""Eight processes emit triggered and mass plans at once, walking the same people in step.

`LONG=1` has them walk 3,000 people.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from outbox_kit import MONDAY, Outbox, Recorder, row
from serial_oracle import ONCE, SerialOracle, over_cap
from sqlalchemy import Engine, func, select

from connectors.core.errors import RetryLater
from connectors.ledger.db import open_ledger
from connectors.ledger.emission.audience import CapRule
from connectors.ledger.emission.outbox import emit
from connectors.ledger.models import MessageAuditRow
from tests.torture.databases import ledgers

PROCESSES = 8
LONG = bool(os.environ.get("LONG"))
PEOPLE = 3_000 if LONG else 120
# Every process plans a part of the people at a time, and all begin it together.
PARTS = 4 if LONG else 2
POLICY = (
    CapRule("per_week", "email", "any", 168, 3),
    CapRule("mass_per_week", "email", "mass", 168, 2),
)
# The one before last wants what the first wants, under other keys, as after a merge.
TWIN = PROCESSES - 2
TRIES = 20


@dataclass(frozen=True)
class Walk:
    """One process's way: what it plans of a part, and how often it had to try again."""

    url: str
    home: Path
    number: int

    @property
    def kind(self) -> str:
        return "triggered" if self.number % 2 else "mass"

    def run_id(self, part: int) -> str:
        return f"w{self.number}-{part}"

    def plan(self, part: int) -> list[dict[str, Any]]:
        """A message of its own programme to everyone of a part; some people share addresses."""
        programme = f"programme_{0 if self.number == TWIN else self.number}"
        rows = []
        for person in range(part, PEOPLE, PARTS):
            home = person - person % (2 * PARTS) + part if person % 5 == 0 else person
            address = f"a{home}-{'work' if self.number % 3 == 0 and person % 7 == 0 else 'own'}"
            rows.append(row(
                f"k{person:05}-{self.number}", person_id=f"p{person}", address_node=address,
                programme=programme, occasion=f"o{person}", kind=self.kind,
                planned_as_of=MONDAY + timedelta(hours=self.number),
            ))  # fmt: skip
        return rows

    def go(self, step: Any) -> tuple[int, Counter[str]]:
        """Emit part after part, in step with the others; retries and what was delivered."""
        engine = open_ledger(self.url)
        destination, retries = Recorder(batch_size=500), 0
        for part in range(PARTS):
            step.wait(120)
            for _ in range(TRIES):
                try:
                    self._emit(engine, part, destination)
                    break
                except RetryLater:
                    retries += 1
                    time.sleep(0.05)
        engine.dispose()
        return retries, Counter(destination.sent)

    def _emit(self, engine: Engine, part: int, destination: Recorder) -> None:
        run_id, clock = self.run_id(part), lambda: MONDAY + timedelta(hours=self.number)
        emit(
            engine, self.home / "runs" / run_id, run_id, self.kind, {"file": destination},
            policy=POLICY, clock=clock,
        )  # fmt: skip


@dataclass(frozen=True)
class Walked:
    """The ledger after all have walked, and what they said."""

    outbox: Outbox
    walks: list[Walk]
    retries: int
    delivered: Counter[str]

    def plan_of(self, run_id: str) -> list[dict[str, Any]]:
        number, _, part = run_id.removeprefix("w").partition("-")
        return self.walks[int(number)].plan(int(part))

    def order(self) -> list[str]:
        """The runs in the order in which the ledger took their plans."""
        entered = select(MessageAuditRow.run_id, func.min(MessageAuditRow.audit_id)).where(
            MessageAuditRow.from_state.is_(None)
        )
        with self.outbox.engine.connect() as connection:
            found = connection.execute(entered.group_by(MessageAuditRow.run_id)).all()
        return [run_id for run_id, _ in sorted(found, key=lambda each: each[1])]

    def held(self) -> list[dict[str, Any]]:
        """The messages that hold their slot."""
        rows = self.outbox.table().values()
        return [{**each, "address_node": each["address_hash"]} for each in rows
                if each["refusal"] is None]  # fmt: skip


def _go(walk: Walk, step: Any) -> tuple[int, Counter[str]]:
    return walk.go(step)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def walked(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Walked]:
    """All processes have walked all people."""
    home = tmp_path_factory.mktemp("walk")
    with ledgers(request.param, home / "ledgers") as new:
        url = new("walked")
        engine = open_ledger(url)
        outbox = Outbox(engine, home)
        walks = [Walk(url, home, number) for number in range(PROCESSES)]
        for walk in walks:
            for part in range(PARTS):
                outbox.plan(walk.plan(part), walk.run_id(part), walk.kind)
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.unit.outbox_kit", "psycopg", "pandas"])
        with context.Manager() as manager, context.Pool(PROCESSES) as pool:
            step = manager.Barrier(PROCESSES)
            said = pool.starmap(_go, [(walk, step) for walk in walks], chunksize=1)
        delivered = sum((each for _, each in said), Counter())
        yield Walked(outbox, walks, sum(retries for retries, _ in said), delivered)
        engine.dispose()


def test_nobody_is_over_a_cap_by_person_or_by_address(walked: Walked) -> None:
    held = walked.held()
    assert over_cap(POLICY, held, ("person_id", "address_hash")) == []
    # The walk was worth it: the caps bound, those of addresses too.
    most = Counter(each["person_id"] for each in held).most_common(1)
    assert most[0][1] == POLICY[0].max_messages
    assert over_cap((CapRule("two", "email", "any", 168, 2),), held, ("address_hash",))


def test_nobody_is_written_to_twice_about_one_thing(walked: Walked) -> None:
    held = walked.held()
    assert set(Counter(tuple(each[name] for name in ONCE) for each in held).values()) == {1}
    assert set(walked.delivered.values()) == {1}
    assert set(walked.delivered) == {each["message_key"] for each in held}
    assert {each["state"] for each in held} == {"accepted"}


def test_it_ends_as_if_the_plans_had_come_one_after_the_other(walked: Walked) -> None:
    """In the order in which the ledger took them; so nobody was refused under a cap, either."""
    oracle = SerialOracle(POLICY)
    for run_id in walked.order():
        oracle.take(walked.plan_of(run_id))
    table = walked.outbox.table()
    assert {key for key, each in table.items() if each["refusal"] is None} == oracle.keys
    refused = {key: each["refusal"] for key, each in table.items() if each["refusal"]}
    assert refused == oracle.refused
    # A plan of which everything was there already leaves no trace: one of the twins' each time.
    assert len(walked.order()) >= (PROCESSES - 1) * PARTS


def test_nobody_had_to_try_again(walked: Walked) -> None:
    """The lock is waited for: no serialisation failure, no deadlock, no cancelled leftover."""
    assert walked.retries == 0
