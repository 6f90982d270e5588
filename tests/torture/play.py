"""What is played on one ledger: kills in the order asked for, a quiet end, and the judge."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from sqlalchemy import Engine

from connectors.ledger.db import open_ledger
from tests.torture.oracle import Verdict
from tests.torture.worker import AN_ERROR, Task, begin

KILLED = -9
JOIN_SECONDS = 120.0
MOST_TRIES = 20  # to reach a point


@dataclass
class Play:
    """A ledger at `url`, its files in `home`; the same seed plays the same."""

    url: str
    home: Path
    seed: str
    verdict: Verdict = field(default_factory=Verdict)

    def __post_init__(self) -> None:
        """Set the stage."""
        self.dice = Random(self.seed)
        self.home.mkdir(parents=True, exist_ok=True)

    def play(self, points: Sequence[str]) -> Verdict:
        """Kill once at each of these points, let it finish, and judge."""
        with self.stage():
            for point in points:
                self._until_killed(point)
            self.finish()
        self.judge()
        self.verdict.stories += 1
        self.verdict.wrong = [f"{self.seed}: {each}" for each in self.verdict.wrong]
        return self.verdict

    @contextmanager
    def stage(self) -> Iterator[None]:
        """Whatever has to be there while it is played."""
        yield

    @abstractmethod
    def step(self, point: str) -> None:
        """Do something that may reach the point."""

    @abstractmethod
    def finish(self) -> None:
        """Do what is left, undisturbed."""

    @abstractmethod
    def judge(self) -> None:
        """Write into the verdict what is wrong."""

    def run(
        self, work: Callable[[Task], None], task: Task, kill_after: float | None = None
    ) -> int:  # fmt: skip
        """Let a worker do a task, kill it after so many seconds; its exit code."""
        process = begin(work, task)
        if kill_after is not None:
            process.join(kill_after)
            process.kill()
        process.join(JOIN_SECONDS)
        if process.exitcode is None:
            process.kill()
            self.verdict.wrong.append("a worker hangs")
            return AN_ERROR
        return process.exitcode

    def note(self, point: str, code: int | None) -> None:
        """Count a kill; after it the ledger has to open."""
        if code == KILLED:
            self.verdict.kills[point] += 1
            self.verdict.unopenable += not opens(self.url)
        elif code not in {0, AN_ERROR}:
            log = (self.home / "worker.log").read_text(encoding="utf-8")
            self.verdict.wrong.append(f"a worker ended with {code}: {log[-2000:]}")

    def _until_killed(self, point: str) -> None:
        before = self.verdict.kills[point]
        for _ in range(MOST_TRIES):
            self.step(point)
            if self.verdict.kills[point] > before:
                return
        self.verdict.wrong.append(f"{point} was not reached")


def opens(url: str) -> bool:
    """Whether a ledger opens and is whole."""
    try:
        engine: Engine = open_ledger(url)
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                return connection.exec_driver_sql("pragma quick_check").scalar() == "ok"
            return connection.exec_driver_sql("select count(*) from messages").scalar() is not None
    except Exception:  # noqa: BLE001 - whatever it is, it does not open
        return False
    finally:
        engine.dispose()
