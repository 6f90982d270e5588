"""One ledger's story: plans, kills, recoveries that are killed too, a calm end, and the judge."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connectors.ledger.db import open_ledger
from tests.torture.destination import FLAVOURS, Memory, serving
from tests.torture.oracle import Once, judge
from tests.torture.play import JOIN_SECONDS, Play
from tests.torture.points import RANDOM
from tests.torture.worker import Task, begin, emission, feedback
from tests.unit.outbox_kit import MONDAY, Outbox, row

FIRST_PEOPLE, MORE_PEOPLE = 10, 5  # of a slice: in the first plan, and new in each later one
CALM_RUNS = 6
NEXT_RUN, TWO_AT_ONCE = 0.6, 0.3  # how often a step is that
NTH = (1, 1, 2, 3, 4)
# Where a random kill falls, in shares of what an undisturbed emission took.
WITHIN = (0.0, 1.1)


@dataclass
class Story(Play):
    """Emissions into one ledger by processes that die, to a destination that misbehaves."""

    wanted: dict[str, Once] = field(default_factory=dict)
    runs: int = 0
    port: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        """Have a destination of its own."""
        super().__post_init__()
        self.memory = Memory(self.seed)

    @contextmanager
    def stage(self) -> Iterator[None]:
        """Serve the destination."""
        with serving(self.memory) as self.port:
            yield

    def judge(self) -> None:
        """Compare what the destination counted with what the ledger says."""
        engine = open_ledger(self.url)
        try:
            judge(engine, self.memory, self.wanted, self.verdict)
        finally:
            engine.dispose()

    def step(self, point: str) -> None:
        """Emit the run that was killed once more, or a later run's plan; die on the way."""
        if point == RANDOM and not self.seconds:
            self._undisturbed()
        if not self.runs or self.dice.random() < NEXT_RUN:
            self._plan()
        audience = self.dice.choice(["triggered", "mass"])
        if point == RANDOM and self.dice.random() < TWO_AT_ONCE:
            self._two_at_once()
        elif point == RANDOM:
            self.note(point, self.run(emission, self._task(audience), self._moment()))
        elif point == "feedback stored":
            self.run(emission, self._task(audience))
            self.note(point, self.run(feedback, self._task(audience, point)))
        else:
            nth = 1 if point == "reserved" else self.dice.choice(NTH)
            self.note(point, self.run(emission, self._task(audience, point, nth)))

    def finish(self) -> None:
        """Emit calmly, as later runs do, until nothing is open."""
        self.memory.calm = True
        for _ in range(CALM_RUNS):
            self._plan()
            if {self.run(emission, self._task(each)) for each in ("triggered", "mass")} == {0}:
                return
        self.verdict.wrong.append("it does not finish")

    def _undisturbed(self) -> None:
        self._plan()
        began = time.monotonic()
        self.run(emission, self._task("mass"))
        self.seconds = time.monotonic() - began

    def _moment(self) -> float:
        return self.seconds * self.dice.uniform(*WITHIN)

    def _two_at_once(self) -> None:
        """A triggered and a mass emission of two runs side by side; one of them is killed."""
        mass = begin(emission, self._task("mass"))
        self._plan()
        task = self._task("triggered")
        self.note(RANDOM, self.run(emission, task, self._moment()))
        mass.join(JOIN_SECONDS)
        self.note(RANDOM, mass.exitcode)

    def _task(self, audience: str, point: str = "", nth: int = 1) -> Task:
        seconds = self.dice.uniform(0, 0.004)
        run_id = f"r{self.runs}"
        named = "" if point == RANDOM else point
        return Task(self.url, self.home, run_id, self.at, self.port, audience, named, nth, seconds)

    @property
    def at(self) -> datetime:
        """The clock of the latest plan."""
        return MONDAY + timedelta(hours=self.runs)

    def _plan(self) -> None:
        """Plan everything that is wanted, some of it by another key (people were merged)."""
        self.runs += 1
        box = Outbox(None, self.home)
        people = range(FIRST_PEOPLE + MORE_PEOPLE * (self.runs - 1))
        for kind in ("triggered", "mass"):
            rows = [self._candidate(kind, person) for person in people]
            box.plan(rows, f"r{self.runs}", kind)

    def _candidate(self, kind: str, person: int) -> dict[str, Any]:
        name = f"{kind[0]}{person:03}"
        key = f"{name}-{self.runs if self.dice.random() < 0.1 else 0}"
        flavours = list(FLAVOURS)
        found = row(
            key, address=f"{name}@example.com", address_node=f"a-{name}", person_id=f"p-{name}",
            occasion=name, kind=kind, destination=flavours[person % len(flavours)],
            planned_as_of=self.at, programme=f"{kind}_programme",
        )  # fmt: skip
        once = Once(*(found[each] for each in ("address_node", *Once._fields[1:])))
        self.wanted[key] = once
        return found
