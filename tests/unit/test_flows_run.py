"""A run: its clock, its versions, what it is made from, and how its end is written down."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine

import flows.run
import flows.versions
from connectors.core.errors import FixConfig, RetryLater, StopRun
from connectors.core.settings import Settings, get_settings
from connectors.core.spec import Batch
from connectors.demo import DEMO_AS_OF
from connectors.ledger import runs
from connectors.ledger.runs import Versions
from flows import build, work
from flows.run import Run, begin, default_as_of, ledger_of, load, rebuild_reason
from flows.versions import versions

NOON = datetime(2011, 12, 6, 12, tzinfo=UTC)
STARTED = datetime(2024, 3, 4, 9, tzinfo=UTC)
NOW = Versions(code="c1", seeds="s1", weights="w1")


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A home of its own with a real ledger, and nobody's settings but these."""
    for name in list(os.environ):
        if name.startswith("PARLEY_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path / "var"))
    get_settings.cache_clear()
    versions.cache_clear()
    yield get_settings()
    get_settings.cache_clear()
    versions.cache_clear()


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


def test_the_demos_clock_starts_where_the_demo_does(settings: Settings) -> None:
    assert default_as_of(settings) == DEMO_AS_OF


def test_the_demos_clock_goes_on_from_its_last_run(
    settings: Settings, ledger: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran(ledger, "completed", as_of=DEMO_AS_OF)
    finished = STARTED + timedelta(seconds=30)
    monkeypatch.setattr(flows.run, "utc_now", lambda: finished + timedelta(minutes=7))
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


def test_a_run_continues_unless_a_full_refresh_is_asked_for(ledger: Engine) -> None:
    ran(ledger, "completed", made_of=versions("duckdb"))
    assert not begin("mass", "2011-12-06T12:05:00Z").full_refresh
    assert begin("mass", "2011-12-06T12:10:00Z", full_refresh=True).full_refresh


def test_a_wrong_clock_or_id_is_refused_and_nothing_is_recorded(ledger: Engine) -> None:
    with pytest.raises(FixConfig, match="as_of is not a date or time"):
        begin("daily", "tomorrow")
    assert runs.recent(ledger) == []
    with pytest.raises(FixConfig, match="no such run"):
        load("nonsense")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the dbt project that a test may change."""
    copy = tmp_path / "dbt_project"
    ignored = shutil.ignore_patterns("target", "logs", "__pycache__")
    shutil.copytree(flows.versions.DBT_PROJECT, copy, ignore=ignored)
    monkeypatch.setattr(flows.versions, "DBT_PROJECT", copy)
    return copy


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        ("models/marts/orders.sql", {"code"}),
        ("macros/keys.sql", {"code"}),
        ("dbt_project.yml", {"code"}),
        ("seeds/programmes.csv", {"seeds"}),
        ("seeds/intent_weights.csv", {"seeds", "weights"}),
        ("seeds/blocked_identifiers.csv", {"code", "seeds"}),
        ("models/marts/_marts.yml", set()),
    ],
)
def test_a_version_changes_with_the_files_that_it_stands_for(
    project: Path, file: str, changed: set[str]
) -> None:
    before = versions("duckdb")
    versions.cache_clear()
    assert versions("duckdb") == before
    with (project / file).open("a") as text:
        text.write("\n")
    versions.cache_clear()
    after = versions("duckdb")
    parts = ("code", "seeds", "weights")
    assert {part for part in parts if getattr(after, part) != getattr(before, part)} == changed


def test_a_renamed_model_is_another_version(project: Path) -> None:
    before = versions("duckdb")
    (project / "models/marts/orders.sql").rename(project / "models/marts/sales.sql")
    versions.cache_clear()
    assert versions("duckdb").code != before.code


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StopRun("gate", "here", "look"), "stopped"),
        (RetryLater("busy", "there", "wait"), "failed"),
        (ValueError("x"), "failed"),
        (KeyboardInterrupt(), "failed"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_run_that_ends_early_says_how(error: BaseException, status: str) -> None:
    run = begin("daily", "2011-12-06")
    with pytest.raises(type(error)), work.recorded(run):
        raise error
    row = runs.get(run.ledger, run.run_id)
    assert row.status == status
    assert row.finished_at is not None


def test_a_part_of_a_run_that_went_well_does_not_end_it() -> None:
    run = begin("daily", "2011-12-06")
    with work.recorded(run):
        pass
    assert runs.get(run.ledger, run.run_id).status == "running"


def test_the_ledgers_messages_are_a_stream_like_any_other(settings: Settings) -> None:
    listed = work.streams(settings)
    tables = ("customers", "products", "orders", "order_lines", "consents")
    assert set(listed) == {
        *(("shop", table) for table in tables), ("web", "events"), ("ledger", "messages"),
    }  # fmt: skip
    assert listed[-1] == ("ledger", "messages")


def batch(source_id: str, vendor: str, stream: str) -> Batch:
    return Batch(
        f"b-{source_id}", vendor, source_id, stream, f"{vendor}/{source_id}/x.parquet",
        1, 1, "", None, None, NOON,
    )  # fmt: skip


def a_run(settings: Settings, kind: str = "daily", *, full: bool = False) -> Run:
    return Run("20111206T120000Z-daily-0", kind, NOON, full, settings)


def test_dbt_is_told_the_clock_the_run_and_each_batch_with_its_id_space_and_absolute_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"VENDOR": "database", "URL": "sqlite:///s.db", "ID_SPACE": "crm"}.items():
        monkeypatch.setenv(f"PARLEY_SOURCES__SHOP__{name}", value)
    monkeypatch.setenv("PARLEY_HOME", "relative")
    get_settings.cache_clear()
    run = a_run(get_settings())
    told = build._vars(
        run, [batch("shop", "database", "orders"), batch("ledger", "parley", "messages")]
    )
    assert json.loads(json.dumps(told)) == told
    assert (told["as_of"], told["run_id"]) == ("2011-12-06T12:00:00Z", run.run_id)
    shop, own = told["batches"]
    assert (shop["batch_id"], shop["vendor"], shop["stream"]) == ("b-shop", "database", "orders")
    assert (shop["id_space"], own["id_space"]) == ("crm", "main")
    assert shop["path"] == str(Path.cwd() / "relative/lake/database/shop/x.parquet")


def asked(run: Run, stage: build.Stage) -> list[str]:
    """The arguments that dbt would get."""
    said: list[list[str]] = []
    build.build(run, stage, [], said.append)
    return said[0]


@pytest.fixture
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `build` tells dbt by the environment is gone after the test."""
    for name in ("WAREHOUSE", "WAREHOUSE_PATH", "THREADS"):
        monkeypatch.setenv(f"PARLEY_{name}", "")


@pytest.mark.usefixtures("_own_environment")
def test_only_the_daily_run_tests_its_tables_and_no_run_the_units(settings: Settings) -> None:
    def excluded(kind: str) -> list[str]:
        arguments = asked(a_run(settings, kind), "decide")
        first = arguments.index("--exclude-resource-type") + 1
        return arguments[first : arguments.index("--vars")]

    assert excluded("daily") == ["unit_test"]
    assert excluded("triggered") == excluded("mass") == ["unit_test", "test"]


@pytest.mark.usefixtures("_own_environment")
def test_a_build_from_scratch_does_not_touch_the_messages_that_flow_back(
    settings: Settings,
) -> None:
    run = a_run(settings, full=True)
    stages: tuple[build.Stage, ...] = ("transform", "decide", "messages")
    refreshed = {stage: "--full-refresh" in asked(run, stage) for stage in stages}
    assert refreshed == {"transform": True, "decide": True, "messages": False}
    assert "--full-refresh" not in asked(a_run(settings), "transform")


@pytest.mark.usefixtures("_own_environment")
def test_dbt_writes_under_the_home_of_the_run(settings: Settings) -> None:
    arguments = asked(a_run(settings), "transform")
    assert os.environ["PARLEY_WAREHOUSE_PATH"] == str(settings.warehouse_path)
    for name in ("--target-path", "--log-path"):
        assert Path(arguments[arguments.index(name) + 1]).is_relative_to(settings.home)


def test_a_failed_model_is_named_and_no_value_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [
        SimpleNamespace(node=SimpleNamespace(name=name), status=status, message="ada@example.com")
        for name, status in (("orders", "error"), ("key", "fail"), ("people", "success"))
    ]
    result = SimpleNamespace(success=False, result=SimpleNamespace(results=nodes), exception=None)
    crashed = SimpleNamespace(success=False, result=None, exception=ValueError("ada@example.com"))
    answers = iter([result, crashed])
    runner = SimpleNamespace(invoke=lambda _: next(answers))
    monkeypatch.setattr("dbt.cli.main.dbtRunner", lambda **_: runner)
    for what in ("dbt could not build orders, key", "dbt could not build ValueError"):
        with pytest.raises(StopRun) as raised:
            build.plainly(["build"])
        assert raised.value.what == what
        assert "dbt/logs/dbt.log" in raised.value.remedy
        assert "ada" not in f"{raised.value!r}{raised.value.__context__!r}"
