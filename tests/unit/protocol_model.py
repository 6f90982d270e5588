"""A small world for the model of the protocol: people, a destination that lies, what is true."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from outbox_kit import MONDAY, POLICY, Outbox, row
from serial_oracle import over_cap
from sqlalchemy import Engine, select

from connectors.core.delivery import Outcome, OutMessage
from connectors.core.errors import RetryLater
from connectors.ledger.db import open_ledger
from connectors.ledger.emission.budgets import Pace
from connectors.ledger.emission.outbox import emit
from connectors.ledger.emission.transitions import EDGES
from connectors.ledger.models import MessageAuditRow
from connectors.ledger.suppressions import Suppression, suppress
from tests.torture.client import busy, refused
from tests.torture.destination import FLAVOURS, Memory
from tests.torture.oracle import OUT, Once, audit_sums
from tests.torture.points import Trap, set_in_emission

BEGINNINGS = {(None, "reserved"), (None, "held"), (None, "cancelled")}
MAY_STAND_FOR_AN_ACCEPT = OUT | {"delivering"}


class Killed(BaseException):
    """The process ends here."""


class Scripted(Memory):
    """A memory whose answers are told in advance; then it behaves."""

    def __init__(self) -> None:
        super().__init__("model")
        self.script: deque[str] = deque()

    def answer_to(self, name: str, batch_id: str) -> str:
        del name, batch_id
        return self.script.popleft() if self.script else "accepts"


@dataclass
class Lying:
    """The loopback destination without the network: the same memory, the same errors."""

    name: str
    memory: Scripted
    trap: Trap
    silenced: dict[str, str]
    accepted_is_sent: bool = True
    broken: list[str] = field(default_factory=list)

    @property
    def batch_size(self) -> int:
        return 2

    @property
    def idempotent(self) -> bool:
        return FLAVOURS[self.name].keyed

    def deliver(self, batch_id: str, messages: Sequence[OutMessage]) -> list[Outcome]:
        """Answer as the memory says."""
        self.trap.reached("delivering")
        self.broken += [each.address for each in messages if each.address in self.silenced]
        told = [{"message_key": each.message_key, "address": each.address} for each in messages]
        answer, outcomes = self.memory.take(self.name, batch_id, told)
        self.trap.reached("request sent")
        if answer == "busy":
            raise busy(self.name)
        if answer == "refused":
            raise refused(self.name)
        if answer in {"loses", "times_out", "cuts"}:
            raise ConnectionError(answer)
        self.trap.reached("response read")
        said = [Outcome(each["message_key"], each["state"]) for each in outcomes]
        return said[1:] if answer == "silent" else said

    def lookup(self, batch_id: str) -> list[Outcome] | None:
        """Read back where that can be done."""
        if not FLAVOURS[self.name].readable:
            return None
        known = self.memory.outcomes.get((self.name, batch_id), [])
        return [Outcome(each["message_key"], each["state"]) for each in known]


@dataclass
class World:
    """What happened, and what must hold; one emission at a time, each by a process of its own."""

    url: str
    home: Path
    people: int = 6
    hours: int = 0
    runs: int = 0
    memory: Scripted = field(default_factory=Scripted)
    person_of: dict[int, int] = field(default_factory=dict)
    silenced: dict[str, str] = field(default_factory=dict)
    wanted: dict[str, Once] = field(default_factory=dict)
    clocks: dict[str, datetime] = field(default_factory=dict)
    followed: dict[str, str] = field(default_factory=dict)
    last_change: int = -1

    def plan(self, people: Sequence[int], campaign: int) -> str:
        """Plan a message of both kinds to these people; the run's id."""
        self.runs += 1
        run_id, at = f"r{self.runs}", MONDAY + timedelta(hours=self.hours)
        self.clocks[run_id] = at
        box = Outbox(None, self.home)
        for kind in ("triggered", "mass"):
            rows = [self._candidate(kind, who, campaign, at) for who in sorted(set(people))]
            box.plan([each for each in rows if not self._known_silent(each)], run_id, kind)
        return run_id

    def _known_silent(self, candidate: dict[str, Any]) -> bool:
        """A plan leaves out who unsubscribed: it knows, where the guard may not have to."""
        return self.silenced.get(candidate["address"]) == "unsubscribed"

    def _candidate(self, kind: str, who: int, campaign: int, at: datetime) -> dict[str, Any]:
        person, flavours = self.person_of.get(who, who), list(FLAVOURS)
        name = f"{kind[0]}{campaign}-{who}"
        # After a merge or a split the key of what is about a person is another one.
        key = f"{name}-{person}"
        found = row(
            key, address=f"a{who}", address_node=f"n{who}", person_id=f"p{person}",
            occasion=name, kind=kind, destination=flavours[(who + campaign) % len(flavours)],
            programme=kind, planned_as_of=at, campaign_id=str(campaign),
        )  # fmt: skip
        self.wanted[key] = Once(*(found[n] for n in ("address_node", *Once._fields[1:])))
        return found

    def emit(self, run_id: str, kind: str, point: str, nth: int, script: Sequence[str]) -> bool:
        """Emit as a new process would, which may die on the way; whether it ended."""

        def strike() -> None:
            raise Killed

        engine, trap = open_ledger(self.url), Trap(point, nth, strike)
        self.memory.script = deque(script)
        made = {name: Lying(name, self.memory, trap, self.silenced) for name in FLAVOURS}
        at = max(self.clocks[run_id], MONDAY + timedelta(hours=self.hours))
        try:
            with set_in_emission(engine, trap):
                emit(
                    engine, self.home / "runs" / run_id, run_id, kind, made,
                    policy=POLICY, clock=lambda: at, pace=Pace(sleep=lambda _: None),
                )  # fmt: skip
        except Killed:
            return False
        except RetryLater:
            return False
        finally:
            engine.dispose()
            broken = [each for one in made.values() for each in one.broken]
            assert not broken, f"sent to {broken} after it was told not to"
        return True

    def silence(self, who: int, reason: str) -> None:
        """An address must not be written to any more."""
        engine = open_ledger(self.url)
        at = MONDAY + timedelta(hours=self.hours)
        suppress(engine, [Suppression(f"n{who}", reason, "model", at)])
        engine.dispose()
        self.silenced[f"a{who}"] = reason

    def check(self) -> None:
        """Everything that must hold at any moment between two processes."""
        engine = open_ledger(self.url)
        try:
            rows = list(Outbox(engine, self.home).table().values())
            self._check_accepts(rows)
            counting = [each for each in rows if each["state"] not in {"cancelled", "rejected"}]
            assert over_cap(POLICY, counting, ("person_id", "address_hash")) == []
            assert audit_sums(engine) == Counter(each["state"] for each in rows)
            self._check_ways(engine)
            self._follow(rows)
        finally:
            engine.dispose()

    def _check_accepts(self, rows: list[dict[str, Any]]) -> None:
        accepts = Counter(self.wanted[each.message_key] for each in self.memory.accepts)
        assert set(accepts.values()) <= {1}, "accepted twice"
        state_of = {each["message_key"]: each["state"] for each in rows}
        for each in self.memory.accepts:
            assert state_of[each.message_key] in MAY_STAND_FOR_AN_ACCEPT, each
        taken = {each.message_key for each in self.memory.accepts}
        assert {key for key, state in state_of.items() if state == "accepted"} <= taken

    def _check_ways(self, engine: Engine) -> None:
        ways = select(MessageAuditRow.from_state, MessageAuditRow.to_state).distinct()
        with engine.connect() as connection:
            assert {tuple(way) for way in connection.execute(ways)} <= BEGINNINGS | set(EDGES)

    def _follow(self, rows: list[dict[str, Any]]) -> None:
        """Who reads only what changed since it last looked knows the same as who reads all."""
        news = [each for each in rows if each["change_seq"] > self.last_change]
        self.followed |= {each["message_key"]: each["state"] for each in news}
        self.last_change = max((each["change_seq"] for each in news), default=self.last_change)
        assert self.followed == {each["message_key"]: each["state"] for each in rows}

    def open_states(self) -> set[tuple[str, bool]]:
        """The states that are not the last, and whether that message's batch can be read back."""
        engine = open_ledger(self.url)
        rows = Outbox(engine, self.home).table().values()
        engine.dispose()
        return {
            (each["state"], FLAVOURS[each["destination"]].readable)
            for each in rows
            if each["state"] in {"reserved", "delivering", "unknown"}
        }
