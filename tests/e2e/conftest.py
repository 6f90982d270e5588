"""Homes for the end-to-end tests: nothing mocked, nothing shared with whoever runs them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field

import pytest
from home_kit import Home, Said

# The demo's own moment, seven hours later, and the day after.
EVENING, NEXT_DAY = "2011-12-06T18:05:00Z", "2011-12-07T11:05:00Z"


@pytest.fixture(scope="session")
def make_home(tmp_path_factory):
    """Return a function that makes a home of its own, with the sources given."""

    def make(name, sources=None):
        return Home(tmp_path_factory.mktemp(name), sources or {})

    return make


@dataclass(frozen=True)
class Demo:
    """A newcomer's two days with the demo: what each command said and left behind.

    `keys` are the ledger's message keys after each step, `runs` the id of each step's run.
    """

    home: Home
    said: dict[str, Said] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    keys: dict[str, set[str]] = field(default_factory=dict)

    def step(self, name, *arguments):
        """Run a command that has to succeed, and keep what there is afterwards."""
        self.said[name] = said = self.home.parley(*arguments)
        assert said.code == 0, f"parley {' '.join(arguments)} failed:\n{said.text}"
        self.runs[name] = self.home.last_run()
        self.keys[name] = self.home.message_keys()

    def audience(self, step):
        """Both audiences of a step's run as they were published."""
        tables = ("audience_triggered", "audience_mass")
        return [row for table in tables for row in self.home.snapshot(self.runs[step], table)]


@pytest.fixture(scope="session")
def demo(make_home):
    """One sequence that many small tests look at: two demos, an evening, a day, two replays."""
    told = Demo(make_home("demo"))
    told.step("first", "demo")
    shutil.copy(told.home.path / "bi" / "parley.duckdb", told.home.folder / "first.duckdb")
    told.step("again", "demo")
    told.step("evening", "run", "triggered", "--as-of", EVENING)
    told.step("next_day", "run", "daily", "--as-of", NEXT_DAY)
    for name in ("first", "next_day"):
        told.said[f"replay_{name}"] = told.home.parley("replay", told.runs[name])
        told.runs[f"replay_{name}"] = told.home.last_run()
    return told
