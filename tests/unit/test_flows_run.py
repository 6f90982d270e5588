"""A run: its clock, and when it continues what is there or builds everything anew."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

import flows.run
import flows.versions
from connectors.core.errors import FixConfig, RetryLater
from connectors.core.settings import Settings, get_settings
from connectors.demo import DEMO_AS_OF
from connectors.ledger import runs
from connectors.ledger.runs import Versions
from flows.run import begin, default_as_of, ledger_of, load, rebuild_reason
from flows.versions import versions

NOON = datetime(2011, 12, 6, 12, tzinfo=UTC)
STARTED = datetime(2024, 3, 4, 9, tzinfo=UTC)
NOW = Versions(code="c1", seeds="s1", weights="w1")


@pytest.fixture(autouse=True)
def settings(own_settings: Settings) -> Settings:
    return own_settings


@pytest.fixture
def ledger(settings: Settings) -> Engine:
    return ledger_of(settings)


def ran(
    ledger: Engine,
    status: str,
    *,
    as_of: datetime = NOON,
    kind: runs.Kind = "daily",
    made_of: Versions = NOW,
    full: bool = False,
) -> str:
    """A run that started a minute after the one before, and ended so."""
    at = STARTED + timedelta(minutes=len(runs.recent(ledger, 1000)))
    run_id = runs.start(ledger, kind, as_of, made_of, full_refresh=full, clock=lambda: at)
    if status != "running":
        ending: Any = status
        runs.finish(ledger, run_id, ending, clock=lambda: at + timedelta(seconds=30))
    return run_id


def test_the_first_run_builds_everything(ledger: Engine) -> None:
    assert rebuild_reason(ledger, NOON, NOW) == "there is no complete run yet"


def test_what_is_complete_is_continued_also_at_the_same_moment(ledger: Engine) -> None:
    ran(ledger, "completed", full=True)
    assert rebuild_reason(ledger, NOON, NOW) is None
    assert rebuild_reason(ledger, NOON + timedelta(minutes=5), NOW) is None


def test_without_a_complete_run_everything_is_built(ledger: Engine) -> None:
    ran(ledger, "failed")
    assert rebuild_reason(ledger, NOON, NOW) == "there is no complete run yet"


def test_changed_models_build_everything_changed_seeds_and_weights_do_not(ledger: Engine) -> None:
    ran(ledger, "completed")
    changed = Versions(code="c2", seeds="s1", weights="w1")
    assert rebuild_reason(ledger, NOON, changed) == "the models changed"
    assert rebuild_reason(ledger, NOON, Versions("c1", "s2", "w2")) is None


def test_a_clock_before_that_of_the_last_run_builds_everything(ledger: Engine) -> None:
    ran(ledger, "completed")
    reason = rebuild_reason(ledger, NOON - timedelta(seconds=1), NOW)
    assert reason == "the clock goes back from 2011-12-06T12:00:00Z"


def test_a_failed_run_has_moved_the_clock_too(ledger: Engine) -> None:
    """What it read is in the warehouse, whatever became of it."""
    ran(ledger, "completed")
    ran(ledger, "failed", as_of=NOON + timedelta(days=1))
    reason = rebuild_reason(ledger, NOON + timedelta(hours=1), NOW)
    assert reason == "the clock goes back from 2011-12-07T12:00:00Z"
    assert rebuild_reason(ledger, NOON + timedelta(days=2), NOW) is None


def test_a_failed_run_of_other_models_has_left_their_tables(ledger: Engine) -> None:
    ran(ledger, "completed")
    ran(ledger, "failed", made_of=Versions(code="c2"))
    assert rebuild_reason(ledger, NOON, NOW) == "the models changed"


@pytest.mark.parametrize("status", ["failed", "stopped", "running"])
def test_a_build_from_scratch_that_did_not_finish_is_begun_again(
    ledger: Engine, status: str
) -> None:
    ran(ledger, "completed")
    ran(ledger, status, full=True)
    reason = rebuild_reason(ledger, NOON, NOW)
    assert reason == "the last build from scratch did not finish"


def test_a_failed_run_that_only_added_is_continued(ledger: Engine) -> None:
    ran(ledger, "completed")
    ran(ledger, "failed")
    assert rebuild_reason(ledger, NOON, NOW) is None


def test_a_replay_says_nothing_about_the_warehouse(ledger: Engine) -> None:
    ran(ledger, "completed")
    later = NOON + timedelta(days=9)
    ran(ledger, "failed", kind="replay", full=True, as_of=later, made_of=Versions(code="c9"))
    assert rebuild_reason(ledger, NOON, NOW) is None


@pytest.mark.parametrize(
    ("earlier", "has"),
    [
        ([("completed", NOW)], True),
        ([("completed", NOW), ("failed", NOW)], True),
        ([("completed", NOW), ("failed", Versions("c1", "s2", "w1"))], False),
        ([("completed", Versions("c1", "s2", "w1"))], False),
        ([("failed", NOW)], False),
    ],
)
def test_seeds_are_loaded_again_unless_every_run_since_a_complete_one_had_them(
    ledger: Engine, earlier: list[tuple[str, Versions]], *, has: bool
) -> None:
    for status, made_of in earlier:
        ran(ledger, status, made_of=made_of)
    assert load(ran(ledger, "running")).has_seeds is has
    assert not load(ran(ledger, "running", full=True)).has_seeds


def test_the_demos_clock_starts_where_the_demo_does(settings: Settings) -> None:
    assert default_as_of(settings) == DEMO_AS_OF


def test_the_demos_clock_goes_on_from_its_last_run(
    settings: Settings, ledger: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran(ledger, "completed", as_of=DEMO_AS_OF)
    monkeypatch.setattr(flows.run, "utc_now", lambda: STARTED + timedelta(minutes=7))
    assert default_as_of(settings) == DEMO_AS_OF + timedelta(minutes=7)


def test_in_production_the_clock_is_the_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_SOURCES__SHOP__VENDOR", "database")
    monkeypatch.setenv("PARLEY_SOURCES__SHOP__URL", "sqlite:///shop.db")
    monkeypatch.setattr(flows.run, "utc_now", lambda: STARTED)
    get_settings.cache_clear()
    assert default_as_of(get_settings()) == STARTED


def test_a_begun_run_is_loaded_by_its_id_alone(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "parley"):
        begun = begin("triggered", "2011-12-06T12:00:00+01:00")
    assert begun.as_of == datetime(2011, 12, 6, 11, tzinfo=UTC)
    assert begun.run_id.startswith("20111206T110000Z-triggered-")
    assert begun.full_refresh
    assert "building from scratch: there is no complete run yet" in caplog.text
    assert load(begun.run_id) == begun
    assert begun.snapshot_dir == settings.runs_dir / begun.run_id
    row = runs.get(begun.ledger, begun.run_id)
    assert (row.status, row.code_version) == ("running", versions("duckdb").code)


def test_a_warehouse_of_another_engine_or_prefix_is_built_anew(ledger: Engine) -> None:
    ran(ledger, "completed", made_of=replace(NOW, engine="duckdb"))
    moved = replace(NOW, engine="spark eu")
    assert rebuild_reason(ledger, NOON, moved) == "the warehouse was duckdb, and now is spark eu"
    ran(ledger, "failed", made_of=moved)
    back = replace(NOW, engine="duckdb")
    assert rebuild_reason(ledger, NOON, back) == "the warehouse was spark eu, and now is duckdb"


def test_a_warehouse_that_is_gone_is_built_anew(
    settings: Settings, ledger: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    ran(ledger, "completed", made_of=versions("duckdb"))
    assert not settings.warehouse_path.exists()
    with caplog.at_level(logging.INFO, "parley"):
        assert begin("mass", "2011-12-06T12:05:00Z").full_refresh
    assert "building from scratch: the warehouse is gone" in caplog.text


def test_nothing_is_begun_while_the_server_of_the_warehouse_is_away(
    ledger: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyhive", reason="the extra `spark` is not installed")
    monkeypatch.setenv("PARLEY_WAREHOUSE", "spark")
    monkeypatch.setenv("PARLEY_SPARK_PORT", "1")
    get_settings.cache_clear()
    with pytest.raises(RetryLater, match="the Spark server does not answer"):
        begin("daily", full_refresh=True)
    assert runs.recent(ledger) == []


def test_a_run_continues_unless_a_full_refresh_is_asked_for(
    settings: Settings, ledger: Engine
) -> None:
    ran(ledger, "completed", made_of=versions("duckdb"))
    settings.warehouse_path.touch()
    assert not begin("mass", "2011-12-06T12:05:00Z").full_refresh
    assert begin("mass", "2011-12-06T12:10:00Z", full_refresh=True).full_refresh


def test_a_wrong_clock_or_id_is_refused_and_nothing_is_recorded(ledger: Engine) -> None:
    with pytest.raises(FixConfig, match="as_of is not a date or time"):
        begin("daily", "tomorrow")
    assert runs.recent(ledger) == []
    with pytest.raises(FixConfig, match="no such run"):
        load("nonsense")
