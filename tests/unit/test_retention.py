"""What the ledger forgets once it is old, and what it never forgets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from ledger_kit import dump, fill
from outbox_kit import MONDAY, Outbox, row
from sqlalchemy import Engine

from connectors.core.errors import FixConfig
from connectors.core.settings import Settings
from connectors.ledger import runs
from connectors.ledger.db import open_ledger
from connectors.ledger.keeping import retention
from connectors.ledger.keeping.retention import forget, forgettable_runs
from flows import operate, replay
from flows.run import ledger_of

LATER = MONDAY + timedelta(days=800)
NEVER = {
    *("suppressions", "erasures", "identity_cuts", "weights", "batches", "runs", "known_rows"),
    *("cursors", "shapes", "counters", "pauses"),
}


@pytest.fixture
def engine(ledger_url: str) -> Iterator[Engine]:
    opened = open_ledger(ledger_url)
    yield opened
    opened.dispose()


def next_run(engine: Engine) -> str:
    """A later run completes, so that the first is no longer the newest."""
    run = runs.start(engine, "daily", LATER, runs.Versions(), clock=lambda: LATER)
    runs.finish(engine, run, "completed", clock=lambda: LATER)
    return run


@pytest.mark.parametrize("piece", [1, 5_000])
def test_old_audits_and_refusals_go_and_what_sending_once_needs_stays(
    engine: Engine, tmp_path: Path, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "CHUNK_ROWS", piece)
    outbox = fill(engine, tmp_path)
    outbox.destination.found = lambda _: None
    open_one = {"k3": "unknown"}  # its run's audit and list of batches stay with it
    assert {key: state for key, state in outbox.states().items() if state == "unknown"} == open_one
    next_run(engine)
    before = dump(engine)
    assert set(forget(engine, MONDAY).values()) == {0}
    assert dump(engine) == before
    gone = forget(engine, LATER)
    assert (gone["messages"], gone["message_audit"], gone["run_batches"]) == (1, 0, 0)
    after = dump(engine)
    assert {name: after[name] for name in NEVER} == {name: before[name] for name in NEVER}
    assert sorted(each["message_key"] for each in after["messages"]) == ["k1", "k2", "k3", "k4"]
    settle(outbox)
    gone = forget(engine, LATER)
    assert gone["message_audit"] == len(before["message_audit"]) > 3
    assert gone["run_batches"] == 1
    # Nothing is sent twice, and what was refused is judged anew.
    result = outbox.emit([row("k1"), row("k4", verdict="hold"), row("k5")], "late", LATER)
    assert (result.absorbed, result.accepted) == (2, 1)


def settle(outbox: Outbox) -> None:
    """Let the destination tell what became of k3."""
    from connectors.core.delivery import Outcome  # noqa: PLC0415

    outbox.destination.found = lambda _: [Outcome("k3", "accepted")]
    outbox.emit([], "asks", LATER)
    assert outbox.states()["k3"] == "accepted"


def test_caps_are_the_same_after_forgetting(engine: Engine, tmp_path: Path) -> None:
    outbox = Outbox(engine, tmp_path)
    outbox.emit([row("k1"), row("k2", person_id="p-k1")])
    forget(engine, MONDAY + timedelta(hours=1))
    soon = MONDAY + timedelta(hours=2)
    assert outbox.emit([row("k2", person_id="p-k1")], "r2", soon).refused == {"contact_window": 1}


def test_the_last_complete_run_is_never_too_old(engine: Engine) -> None:
    old = [runs.start(engine, "daily", MONDAY, runs.Versions(), clock=lambda: MONDAY)]
    assert forgettable_runs(engine, LATER) == []  # it is at work
    runs.finish(engine, old[0], "completed")
    assert forgettable_runs(engine, LATER) == []
    next_run(engine)
    assert forgettable_runs(engine, LATER) == old
    assert forgettable_runs(engine, MONDAY) == []


def test_snapshots_of_forgotten_runs_go_and_those_runs_cannot_be_replayed(
    own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They hold addresses: nobody needs those of two years ago."""
    ledger = ledger_of(own_settings)
    outbox = fill(ledger, own_settings.home)
    settle(outbox)
    [run] = [each["run_id"] for each in dump(ledger)["runs"]]
    last = next_run(ledger)
    for name in (run, last):
        (own_settings.runs_dir / name).mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(operate, "default_as_of", lambda _: LATER)
    gone = operate.forget(own_settings)
    assert (gone["snapshots"], gone["run_batches"]) == (1, 1)
    assert not (own_settings.runs_dir / run).exists()
    assert (own_settings.runs_dir / last).exists()
    with pytest.raises(FixConfig, match="no longer known"):
        replay.replay(run, lambda *_: None)
    assert runs.running(ledger) == []
