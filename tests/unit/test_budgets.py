"""A destination's budget of calls holds over all processes, and is kept by waiting."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from outbox_kit import Outbox, row
from sqlalchemy import Engine
from trouble_kit import Troubled, emit_to, in_turn

from connectors.core.delivery import CallBudget
from connectors.ledger.db import open_ledger
from connectors.ledger.emission.budgets import Pace, call_within

ROOT = Path(__file__).parents[2]
CALLS, SECONDS, EACH = 5, 0.5, 12
# Calls a destination as often as it may, and tells when each call was under way.
CALLER = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
from connectors.core.delivery import CallBudget
from connectors.ledger.emission.budgets import Pace, call_within
from connectors.ledger.db import open_ledger
engine, budget = open_ledger(sys.argv[2]), CallBudget(int(sys.argv[3]), float(sys.argv[4]))
print("ready", flush=True)
sys.stdin.readline()
calls = []
for _ in range(int(sys.argv[5])):
    with call_within(engine, "post", budget, Pace()):
        calls.append(time.time())
print(json.dumps(calls))
"""


@pytest.fixture
def engine(ledger_url: str) -> Iterator[Engine]:
    opened = open_ledger(ledger_url)
    yield opened
    opened.dispose()


class Clock:
    """Moves only when somebody sleeps, or when it is set."""

    def __init__(self) -> None:
        self.time, self.slept = 1_000.0, [0.0]

    @property
    def pace(self) -> Pace:
        return Pace(now=lambda: self.time, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept.append(seconds)
        self.time += seconds


def most_in_a_window(calls: list[float], seconds: float) -> int:
    return max(sum(start <= each < start + seconds for each in calls) for start in calls)


def test_two_processes_together_never_exceed_it(engine: Engine) -> None:
    url = engine.url.render_as_string(hide_password=False)
    call = [sys.executable, "-c", CALLER, str(ROOT), url, str(CALLS), str(SECONDS), str(EACH)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(call, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    for each in processes:
        assert each.stdout.readline() == "ready\n"
    for each in processes:
        each.stdin.write("go\n")
        each.stdin.flush()
    told = [json.loads(each.communicate(timeout=60)[0]) for each in processes]
    assert [len(each) for each in told] == [EACH, EACH]
    assert most_in_a_window(sorted(each for calls in told for each in calls), SECONDS) == CALLS


def test_a_full_window_is_waited_out_to_the_moment(engine: Engine) -> None:
    clock, budget, made = Clock(), CallBudget(3, 10), []
    for _ in range(7):
        with call_within(engine, "post", budget, clock.pace):
            made.append(clock.time - 1_000)
    assert made == [0, 0, 0, 10, 10, 10, 20]
    with call_within(engine, "file", budget, clock.pace):  # each destination has its own
        assert clock.time == 1_020


def test_a_slot_is_free_again_only_after_its_call_has_ended(engine: Engine) -> None:
    """When in a long call the other side counted it, is not known."""
    clock, budget = Clock(), CallBudget(1, 10)
    with call_within(engine, "post", budget, clock.pace):
        clock.time += 7
    with call_within(engine, "post", budget, clock.pace):
        assert clock.time == 1_017


def test_a_clock_that_went_back_costs_one_window(engine: Engine) -> None:
    clock, budget = Clock(), CallBudget(1, 10)
    with call_within(engine, "post", budget, clock.pace):
        pass
    clock.time -= 3_600
    with call_within(engine, "post", budget, clock.pace):
        assert clock.time == 1_000 - 3_600 + 10


def test_a_budget_that_was_lowered_holds_at_once(engine: Engine) -> None:
    clock = Clock()
    for _ in range(5):
        with call_within(engine, "post", CallBudget(5, 10), clock.pace):
            pass
    with call_within(engine, "post", CallBudget(2, 10), clock.pace):
        assert clock.time == 1_010
    for _ in range(2):
        with call_within(engine, "post", CallBudget(2, 10), clock.pace):
            pass
    assert clock.time == 1_020


def test_deliveries_and_questions_are_calls(engine: Engine, tmp_path: Path) -> None:
    """Four batches, and one question about the lost answer."""
    clock, outbox = Clock(), Outbox(engine, tmp_path)
    destination = Troubled(in_turn(TimeoutError()), batch_size=1, budget=CallBudget(1, 10))

    class Slept(list[float]):
        pace = clock.pace

    result = emit_to(outbox, [row(f"k{n}") for n in range(4)], destination, sleeps=Slept())  # type: ignore[arg-type]
    assert (result.accepted, result.unknown) == (3, 1)
    assert sum(clock.slept) == 40
