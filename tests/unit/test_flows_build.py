"""What a run is made of and how its parts end: versions, the ledger's word, what dbt is told."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast, get_args

import pytest

import flows.run
import flows.versions
from connectors.core import warehouse
from connectors.core.errors import RetryLater, StopRun
from connectors.core.settings import Settings, get_settings
from connectors.core.spec import Batch
from connectors.ledger import runs
from flows import build, dbt_project, work
from flows.run import Run, begin
from flows.versions import versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbt.contracts.graph.manifest import Manifest

NOON = datetime(2011, 12, 6, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def settings(own_settings: Settings) -> Settings:
    return own_settings


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
        ("seeds/consent_fields.csv", {"code", "seeds"}),
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


def test_the_ledgers_tables_are_streams_like_any_other(settings: Settings) -> None:
    listed = work.streams(settings)
    tables = (
        "customers", "products", "orders", "order_lines", "consents", "carts", "cart_lines",
    )  # fmt: skip
    assert set(listed) == {
        *(("shop", table) for table in tables), ("web", "events"),
        ("school", "events"), ("ledger", "messages"),
        ("ledger", "cuts"), ("ledger", "erasures"), ("ledger", "weights"),
    }  # fmt: skip
    told = ("messages", "cuts", "erasures", "weights")
    assert listed[-4:] == [("ledger", name) for name in told]


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
    batches = [batch("shop", "database", "orders"), batch("ledger", "parley", "messages")]
    told = build._vars(run, batches, batches)
    assert json.loads(json.dumps(told)) == told
    assert (told["as_of"], told["run_id"]) == ("2011-12-06T12:00:00Z", run.run_id)
    shop, own = told["batches"]
    assert (shop["batch_id"], shop["vendor"], shop["stream"]) == ("b-shop", "database", "orders")
    assert (shop["id_space"], own["id_space"]) == ("crm", "main")
    assert shop["path"] == str(Path.cwd() / "relative/lake/database/shop/x.parquet")


@pytest.mark.parametrize("full", [False, True])
def test_dbt_is_told_what_is_new_with_the_rest_of_its_day_and_of_all_when_built_anew(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, *, full: bool
) -> None:
    landed = {"old": NOON - timedelta(days=1), "seen": NOON - timedelta(hours=1), "new": NOON}
    orders = batch("shop", "database", "orders")
    batches = [replace(orders, batch_id=name, landed_at=at) for name, at in landed.items()]
    monkeypatch.setattr(warehouse, "applied_batches", lambda _: {"old", "seen"})
    run = a_run(settings, full=full)
    told = build._vars(run, batches, build._fresh(run, batches))["batches"]
    assert [(b["batch_id"], b["landed_at"]) for b in told[-2:]] == [
        ("seen", "2011-12-06T11:00:00Z"), ("new", "2011-12-06T12:00:00Z"),
    ]  # fmt: skip
    assert len(told) == (3 if full else 2)


@pytest.mark.usefixtures("_not_parsed")
def test_seeds_that_the_warehouse_holds_are_not_loaded_again(settings: Settings) -> None:
    run = a_run(settings)
    assert "seed" not in asked(run, "transform")
    assert "seed" in asked(replace(run, has_seeds=True), "transform")


@pytest.mark.usefixtures("_own_environment")
def test_the_project_is_parsed_once_a_process(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[list[str]] = []

    def invoke(arguments: list[str]) -> SimpleNamespace:
        parsed.append(arguments)
        return SimpleNamespace(success=True, result="manifest")

    monkeypatch.setattr("dbt.cli.main.dbtRunner", lambda: SimpleNamespace(invoke=invoke))
    monkeypatch.setattr(dbt_project, "kept", lambda _folder, _key, parse: parse())
    given: list[object] = []
    for stage in get_args(build.Stage):
        build.build(a_run(settings), stage, [], lambda _, manifest: given.append(manifest))
    assert given == ["manifest"] * len(get_args(build.Stage))
    assert len(parsed) == 1
    assert "--vars" not in parsed[0]


@pytest.mark.usefixtures("_not_parsed")
def test_only_the_vendors_with_news_are_staged(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables of the others stay as they are; of vendors without a batch there are none."""
    batches = [
        batch("shop", "database", "orders"),
        batch("web", "segment", "events"),
        batch("dm", "no_such_vendor", "letters"),
    ]

    def staged(applied: set[str], *, full: bool = False) -> list[str]:
        monkeypatch.setattr(warehouse, "applied_batches", lambda _: applied)
        arguments = asked(a_run(settings, full=full), "transform", batches)
        looked_at = (build.STAGING, build.UNIONS, build.REJECTS)
        return [name for name in arguments if name.startswith(looked_at)]

    database, parley, segment = (
        f"path:models/staging/{vendor}" for vendor in ("database", "parley", "segment")
    )
    assert staged({"b-shop", "b-web", "b-dm"}) == [build.UNIONS]
    # The vendor's first batch: the unions have to learn of it.
    assert staged({"b-web", "b-dm"}) == [database, build.REJECTS]
    assert staged(set(), full=True) == [database, parley, segment, build.REJECTS]
    assert build._vars(a_run(settings), batches, [])["vendors"] == ["database", "parley", "segment"]


@pytest.mark.usefixtures("_not_parsed")
def test_a_vendor_that_is_known_is_staged_without_making_the_unions_anew(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = batch("shop", "database", "orders")
    monkeypatch.setattr(warehouse, "applied_batches", lambda _: {old.batch_id})
    news = replace(old, batch_id="b-2")
    arguments = asked(a_run(settings), "transform", [old, news])
    assert "path:models/staging/database" in arguments
    assert arguments[arguments.index("--exclude") + 1] == build.UNIONS


@pytest.mark.usefixtures("_not_parsed")
def test_what_to_offer_is_made_by_daily_runs_and_by_builds_from_scratch(settings: Settings) -> None:
    run = a_run(settings)
    offers = set(build.BY_DAILY_RUNS)
    assert offers <= set(asked(replace(run, kind="triggered"), "transform"))
    assert not offers & set(asked(replace(run, kind="daily"), "transform"))
    anew = replace(run, kind="triggered", full_refresh=True)
    assert not offers & set(asked(anew, "transform"))


def asked(run: Run, stage: build.Stage, batches: Sequence[Batch] = ()) -> list[str]:
    """The arguments that dbt would get."""
    said: list[list[str]] = []
    build.build(run, stage, batches, lambda arguments, _: said.append(arguments))
    return said[0]


@pytest.fixture
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `build` tells dbt by the environment is gone after the test."""
    for name in ("WAREHOUSE", "WAREHOUSE_PATH", "THREADS", "DBT_SCHEMA_PREFIX"):
        monkeypatch.setenv(f"PARLEY_{name}", "")


@pytest.fixture
def _not_parsed(_own_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """dbt is asked for, never run."""
    monkeypatch.setattr(build, "_parsed", lambda *_: None)


@pytest.mark.usefixtures("_not_parsed")
def test_only_the_daily_run_tests_its_tables_and_no_run_the_units(settings: Settings) -> None:
    def excluded(kind: str) -> list[str]:
        arguments = asked(a_run(settings, kind), "decide")
        first = arguments.index("--exclude-resource-type") + 1
        return arguments[first : arguments.index("--vars")]

    assert excluded("daily") == ["unit_test"]
    assert excluded("triggered") == excluded("mass") == ["unit_test", "test"]


@pytest.mark.usefixtures("_not_parsed")
def test_a_build_from_scratch_does_not_touch_the_messages_that_flow_back(
    settings: Settings,
) -> None:
    run = a_run(settings, full=True)
    stages: tuple[build.Stage, ...] = ("transform", "decide", "messages")
    refreshed = {stage: "--full-refresh" in asked(run, stage) for stage in stages}
    assert refreshed == {"transform": True, "decide": True, "messages": False}
    assert "--full-refresh" not in asked(a_run(settings), "transform")


@pytest.mark.usefixtures("_not_parsed")
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
    monkeypatch.setattr("dbt.cli.main.dbtRunner", lambda *_, **__: runner)
    for what in ("dbt could not build orders, key", "dbt could not build ValueError"):
        with pytest.raises(StopRun) as raised:
            build.plainly(["build"], cast("Manifest", None))
        assert raised.value.what == what
        assert "dbt/logs/dbt.log" in raised.value.remedy
        assert "ada" not in f"{raised.value!r}{raised.value.__context__!r}"
