"""A shadow run: it plans and publishes as any other, and nobody hears of it."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import flows.run
from connectors.core import snapshot, warehouse
from connectors.core.settings import Settings
from connectors.demo import DEMO_AS_OF
from connectors.ledger import runs
from connectors.ledger.emission.outbox import EmitResult
from connectors.ledger.runs import Versions
from flows import erase, work
from flows.pipeline import Outcome, execute
from flows.run import SLICES, Run, default_as_of, last_clock, ledger_of, load, rebuild_reason

MADE_OF = Versions("c1", "s1", "w1", "duckdb")
STARTED = datetime(2026, 1, 1, tzinfo=UTC)


class Told:
    """Steps that do nothing, and tell which were taken."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def slot(self) -> Any:
        return nullcontext()

    def __getattr__(self, name: str) -> Any:
        def step(*_: Any) -> Any:
            self.steps.append(name)
            return {"extract": {}, "emit": EmitResult(), "publish_bi": {}}.get(name)

        return step


def executed(monkeypatch: pytest.MonkeyPatch, *, shadow: bool) -> tuple[Told, Outcome]:
    told = Told()
    monkeypatch.setattr(erase, "resume", lambda *_: [])
    monkeypatch.setattr(work, "stage", lambda _: Path("staged"))
    monkeypatch.setattr(work, "publish_bi", told.publish_bi)
    monkeypatch.setattr(snapshot, "audience_sha256", lambda _: "hash")
    monkeypatch.setattr(warehouse, "exists", lambda _: True)
    steps: Any = told  # it answers to every name
    outcome = execute("daily", steps, "2011-12-06T11:05:00Z", shadow=shadow)
    return told, outcome


def test_a_shadow_publishes_and_neither_sends_nor_replaces_the_bi_copy(
    own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, outcome = executed(monkeypatch, shadow=True)
    assert told.steps == ["extract", "transform", "decide", "publish"]
    assert outcome.emitted == {}
    row = runs.get(ledger_of(own_settings), outcome.run.run_id)
    assert (row.status, row.is_shadow, row.kind) == ("completed", True, "daily")
    assert load(row.run_id).is_shadow


def test_any_other_run_goes_on_to_send(
    own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, outcome = executed(monkeypatch, shadow=False)
    rest = ["emit", "emit", "refresh_messages", "publish_bi"]
    assert told.steps == ["extract", "transform", "decide", "publish", *rest]
    assert not runs.get(ledger_of(own_settings), outcome.run.run_id).is_shadow


def ran(settings: Settings, as_of: datetime, *, shadow: bool) -> str:
    ledger = ledger_of(settings)
    at = STARTED + timedelta(minutes=len(runs.recent(ledger)))
    run_id = runs.start(ledger, "daily", as_of, MADE_OF, is_shadow=shadow, clock=lambda: at)
    runs.finish(ledger, run_id, "completed")
    return run_id


def test_its_plan_is_nobodys_newest_and_it_moves_no_clock(
    own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows.run, "utc_now", lambda: STARTED + timedelta(minutes=5))
    real = ran(own_settings, DEMO_AS_OF, shadow=False)
    ran(own_settings, DEMO_AS_OF + timedelta(days=3), shadow=True)
    latest = runs.last_completed(ledger_of(own_settings))
    assert latest
    assert latest.run_id == real
    assert default_as_of(own_settings) == DEMO_AS_OF + timedelta(minutes=5)


def test_the_warehouse_is_what_it_left_so_the_next_run_goes_on_from_it(
    own_settings: Settings,
) -> None:
    later = DEMO_AS_OF + timedelta(hours=1)
    ran(own_settings, DEMO_AS_OF, shadow=False)
    ran(own_settings, later, shadow=True)
    ledger = ledger_of(own_settings)
    assert rebuild_reason(ledger, later, MADE_OF) is None
    assert rebuild_reason(ledger, DEMO_AS_OF, MADE_OF) == (
        "the clock goes back from 2011-12-06T12:05:00Z"
    )
    next_one = Run("next", "daily", later, full_refresh=False, settings=own_settings)
    assert last_clock(next_one) == later


@pytest.mark.parametrize("kind", SLICES)
def test_every_kind_of_run_can_be_a_shadow(kind: str) -> None:
    from flows import deployments  # noqa: PLC0415 - Prefect takes seconds

    assert "shadow" in getattr(deployments, kind).parameters.properties
