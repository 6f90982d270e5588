"""A run whose process died without a word: the next run, or a look at the status, says so."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from outbox_kit import MONDAY

from connectors.core.settings import Settings
from connectors.ledger import runs
from connectors.ledger.db import open_ledger
from flows import status
from flows.run import begin, ledger_of

ROOT = Path(__file__).parents[2]
# Begins a run and says so; what becomes of it then is up to the test.
BEGUN = """
import sys
sys.path.insert(0, sys.argv[1])
from datetime import UTC, datetime
from connectors.ledger import runs
from connectors.ledger.db import open_ledger
as_of = datetime(2011, 12, 5, 11, 5, tzinfo=UTC)
print(runs.start(open_ledger(sys.argv[2]), "daily", as_of, runs.Versions()), flush=True)
sys.stdin.read()
"""


class Process:
    """Another process that has begun a run."""

    def __init__(self, url: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", BEGUN, str(ROOT), url],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout
        self.run_id = self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        assert self.process.wait() == -signal.SIGKILL


def test_only_a_run_whose_process_is_gone_has_failed(ledger_url: str) -> None:
    """One that is at work is left alone, however long it takes."""
    engine = open_ledger(ledger_url)
    other, own = Process(ledger_url), runs.start(engine, "mass", MONDAY, runs.Versions())
    assert runs.fail_dead(engine) == []
    other.kill()
    assert runs.fail_dead(engine, clock=lambda: MONDAY) == [other.run_id]
    dead = runs.get(engine, other.run_id)
    assert (dead.status, dead.finished_at, dead.rows) == ("failed", MONDAY, runs.DIED)
    assert runs.get(engine, own).status == "running"
    assert runs.fail_dead(engine) == []
    runs.finish(engine, own, "completed")
    assert runs.fail_dead(engine) == []
    assert runs.get(engine, own).status == "completed"
    engine.dispose()


def test_the_next_run_marks_it(own_settings: Settings) -> None:
    dead = Process(own_settings.ledger_url.get_secret_value())
    dead.kill()
    run = begin("triggered", "2011-12-06T12:00:00Z")
    assert runs.get(run.ledger, dead.run_id).status == "failed"
    assert runs.get(run.ledger, run.run_id).status == "running"
    runs.finish(run.ledger, run.run_id, "completed")


def test_a_look_at_the_status_marks_it_and_says_why(
    own_settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status.console, "width", 200)
    dead = Process(own_settings.ledger_url.get_secret_value())
    ledger = ledger_of(own_settings)
    status.show(own_settings)
    assert runs.get(ledger, dead.run_id).status == "running"
    dead.kill()
    status.show(own_settings)
    assert runs.get(ledger, dead.run_id).status == "failed"
    assert "failed, its process died" in capsys.readouterr().out
