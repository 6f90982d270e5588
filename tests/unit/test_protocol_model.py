"""The protocol of emission against a model: any order of plans, crashes, lies and changes.

`LONG=1` tries many more orders, and makes one that fails as short as it can.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from protocol_model import World

from connectors.ledger.db import open_ledger
from tests.torture.destination import ANSWERS
from tests.torture.points import EMITTING

LONG = bool(os.environ.get("LONG"))
PEOPLE = 6
KINDS = st.sampled_from(["triggered", "mass"])
WHO = st.integers(0, PEOPLE - 1)
POINTS = st.sampled_from(["", "", *EMITTING])
SCRIPTS = st.lists(st.sampled_from([*ANSWERS, "refused"]), max_size=5)


@cache
def template() -> Path:
    """A migrated ledger to copy."""
    path = Path(tempfile.mkdtemp(prefix="parley-model-")) / "ledger.db"
    open_ledger(f"sqlite:///{path}").dispose()
    connection = sqlite3.connect(path)
    connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()
    return path


class Protocol(RuleBasedStateMachine):
    """Emissions one after the other, each a process that may die anywhere."""

    @initialize()
    def begin(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="parley-model-"))
        shutil.copy(template(), self.home / "ledger.db")
        self.world = World(f"sqlite:///{self.home}/ledger.db", self.home, PEOPLE)
        self.last_run = ""

    @rule(
        people=st.lists(WHO, min_size=1, max_size=PEOPLE), campaign=st.integers(1, 3),
        kind=KINDS, point=POINTS, nth=st.integers(1, 3), script=SCRIPTS,
    )  # fmt: skip
    def plan_and_emit(self, people, campaign, kind, point, nth, script) -> None:
        self.last_run = self.world.plan(people, campaign)
        self.world.emit(self.last_run, kind, point, nth, script)

    @precondition(lambda self: self.last_run)
    @rule(kind=KINDS, point=POINTS, nth=st.integers(1, 3), script=SCRIPTS)
    def emit_again(self, kind, point, nth, script) -> None:
        self.world.emit(self.last_run, kind, point, nth, script)

    @rule(who=WHO, reason=st.sampled_from(["complaint", "hard_bounce", "unsubscribed", "erased"]))
    def suppress(self, who, reason) -> None:
        self.world.silence(who, reason)

    @rule(hours=st.sampled_from([1, 9, 20, 170]))
    def time_passes(self, hours) -> None:
        self.world.hours += hours

    @rule(hours=st.sampled_from([1, 5]))
    def clock_goes_back(self, hours) -> None:
        self.world.hours -= hours

    @rule(one=WHO, other=WHO)
    def two_become_one_person(self, one, other) -> None:
        self.world.person_of[one] = self.world.person_of.get(other, other)

    @rule(who=WHO)
    def a_person_is_split(self, who) -> None:
        self.world.person_of.pop(who, None)

    @invariant()
    def everything_holds(self) -> None:
        if hasattr(self, "world"):
            self.world.check()

    def teardown(self) -> None:
        """A calm run settles what was left; unknown stays only what nobody can tell."""
        if not hasattr(self, "world"):
            return
        run_id = self.world.plan(range(PEOPLE), 1)
        for kind in ("triggered", "mass"):
            assert self.world.emit(run_id, kind, "", 1, ())
        self.world.check()
        assert self.world.open_states() <= {("unknown", False)}
        shutil.rmtree(self.home)


TestProtocol = Protocol.TestCase
TestProtocol.settings = settings(
    max_examples=500 if LONG else 12,
    stateful_step_count=40 if LONG else 15,
    derandomize=not LONG,
    phases=[Phase.generate, *([Phase.shrink] if LONG else [])],
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
