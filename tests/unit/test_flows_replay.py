"""A replay: it builds apart from what it repeats, and says what is no longer the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import duckdb
import pytest

import flows.replay
from connectors.core import snapshot, warehouse
from connectors.core.settings import Settings
from connectors.ledger import runs
from flows import work
from flows.replay import Replayed, replay
from flows.run import Run, begin
from flows.versions import versions

PLAN = "create table {0}.audience_mass as select 'k1' as message_key, {1} as step;"


def build(settings: Settings, step: int) -> None:
    """Stands in for dbt: the tables that a snapshot needs, in the schemas of these settings."""
    marts, seeds = settings.schema_of("marts"), settings.schema_of("seeds")
    settings.home.mkdir(exist_ok=True, parents=True)
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute(f"create schema {marts}; create schema {seeds}")
        connection.execute(PLAN.format(marts, step))
        connection.execute(f"create table {marts}.audience_triggered as from {marts}.audience_mass")
        for seed in snapshot.SEEDS:
            connection.execute(f"create table {seeds}.{seed} as select 1 as id")


@pytest.fixture
def original(own_settings: Settings) -> Run:
    run = begin("daily", "2011-12-06T11:05:00Z")
    build(own_settings, 1)
    snapshot.publish(snapshot.stage(own_settings, run.run_id))
    work.complete(run, {}, {})
    return run


def again(original: Run, monkeypatch: pytest.MonkeyPatch, step: int) -> tuple[Replayed, Settings]:
    """Replay it, where the models now plan that step; the result, and where it was built."""
    built: list[Settings] = []

    def transform(run: Run, _invoke: Any) -> None:
        built.append(run.settings)
        build(run.settings, step)

    monkeypatch.setattr(work, "transform", transform)
    monkeypatch.setattr(work, "decide", lambda *_: None)
    return replay(original.run_id, lambda _: None), built[0]


def test_a_replay_builds_in_a_home_and_schemas_of_its_own(
    original: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, own = again(original, monkeypatch, step=1)
    assert result.is_same
    ours = original.settings
    assert own.home == ours.home / "replay" / original.run_id
    assert own.schema_prefix == f"replay_{original.run_id[-8:]}"
    assert (own.lake_url, own.ledger_url) == (ours.lake_url, ours.ledger_url)
    assert not own.home.exists()
    assert warehouse.exists(ours)


def test_a_replay_of_an_installation_with_a_prefix_keeps_it(
    original: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefixed = replace(original, settings=original.settings.model_copy(
        update={"schema_prefix": "eu"}
    ))  # fmt: skip
    monkeypatch.setattr(flows.replay, "load", lambda _: prefixed)
    _, own = again(original, monkeypatch, step=1)
    assert own.schema_of("marts") == f"eu_replay_{original.run_id[-8:]}_marts"


def test_what_differs_is_kept_until_the_next_replay_and_the_engine_is_told(
    original: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = replace(versions("duckdb"), engine="spark")
    monkeypatch.setattr(flows.replay, "versions", lambda _: now)
    result, own = again(original, monkeypatch, step=2)
    assert not result.is_same
    assert result.changed == ["engine"]
    assert result.difference == snapshot.Difference("audience_mass", "k1", "differs in step")
    assert warehouse.exists(own)
    dropped: list[Settings] = []
    monkeypatch.setattr(warehouse, "drop", dropped.append)
    assert again(original, monkeypatch, step=1)[0].is_same
    assert dropped == [own, own]
    assert {run.engine for run in runs.recent(original.ledger, 9)} == {"duckdb", "spark"}


def test_a_run_between_two_days_is_built_on_what_its_days_run_had_made(
    original: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What to offer is compared once a day: built at the later clock, it would be another."""
    between = begin("triggered", "2011-12-06T18:05:00Z")
    assert not between.full_refresh
    snapshot.publish(snapshot.stage(original.settings, between.run_id))
    work.complete(between, {}, {})
    built: list[tuple[Any, ...]] = []

    def recorded(run: Run, stage: str, _batches: Any, _invoke: Any, asked: Any = None) -> None:
        built.append((stage, f"{run.as_of:%H:%M}", run.full_refresh, run.kind, asked))
        if len(built) == 1:
            build(run.settings, 1)

    monkeypatch.setattr(work.build, "build", recorded)
    assert replay(between.run_id, lambda _: None).is_same
    assert built == [
        ("transform", "11:05", True, "replay", None),
        ("transform", "18:05", False, "replay", {"last_as_of": "2011-12-06T11:05:00Z"}),
        ("decide", "18:05", False, "replay", None),
    ]
