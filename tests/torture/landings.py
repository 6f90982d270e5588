"""Landing, killed between a page and its cursor: each record is in one named batch, once."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from connectors.core.lake import Lake
from connectors.ledger.db import open_ledger
from connectors.ledger.manifest import LedgerManifest
from tests.torture.play import Play
from tests.torture.points import RANDOM
from tests.torture.worker import Task, landing
from tests.unit.outbox_kit import MONDAY

FILES, EVENTS = 3, 40
GROWS, AGAIN = 0.5, 0.5  # how often
WITHIN_SECONDS = 0.5  # a random kill


@dataclass
class Landings(Play):
    """A folder of event files that grows, landed by processes that die."""

    events: int = 0
    steps: int = 0

    def __post_init__(self) -> None:
        """Have a folder to land from."""
        super().__post_init__()
        (self.home / "web").mkdir()

    def step(self, point: str) -> None:
        """More files, perhaps; then land, and die on the way."""
        if not self.steps or self.dice.random() < GROWS:
            self._grow()
        self._land(point)

    def finish(self) -> None:
        """Land what is left."""
        self.steps += 1
        self._land()

    def _grow(self) -> None:
        """New files arrive, all of them before the clock of the next landing."""
        for _ in range(FILES):
            lines = [json.dumps(self._event(self.events + number)) for number in range(EVENTS)]
            path = self.home / "web" / f"{self.events:06d}.jsonl"
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
            self.events += EVENTS

    def _event(self, number: int) -> dict[str, object]:
        moment = (MONDAY - timedelta(hours=2)).isoformat()
        person = {"anonymousId": f"d{number % 7}", "userId": f"u{number % 11}"}
        return {
            "messageId": f"e{number}", "type": "track", "event": "Page Viewed", **person,
            "originalTimestamp": moment, "receivedAt": moment,
            "properties": {"email": f"p{number}@example.com"},
        }  # fmt: skip

    def _land(self, point: str = "") -> None:
        # Half of the reruns have the clock of the run that died, half a later one.
        self.steps += self.dice.random() < AGAIN
        named = "" if point == RANDOM else point
        at, nth = MONDAY + timedelta(hours=self.steps), self.dice.randint(1, 4)
        task = Task(self.url, self.home, f"r{self.steps}", at, 0, "web", named, nth)
        moment = self.dice.uniform(0, WITHIN_SECONDS) if point == RANDOM else None
        self.note(point, self.run(landing, task, moment))

    def judge(self) -> None:
        """Look for each record in the batches that the manifest names."""
        engine = open_ledger(self.url)
        lake = Lake(str(self.home / "lake"))
        batches = LedgerManifest(engine).every()
        engine.dispose()
        found: Counter[str] = Counter()
        for batch in batches:
            self.verdict.unaccounted += not lake.is_intact(batch)
            if batch.stream == "events":
                for part in lake.read(batch.path, ["record_key"]):
                    found.update(part["record_key"].to_pylist())
        wanted = {f"e{number}" for number in range(self.events)}
        self.verdict.lost += len(wanted - set(found))
        self.verdict.duplicates += sum(found.values()) - len(found)
        self.verdict.unaccounted += len(set(found) - wanted)
        self.verdict.messages += self.events
