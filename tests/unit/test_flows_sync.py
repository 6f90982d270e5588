"""`parley sync`: which audiences are kept, by which plan, and who may be told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from audiences_kit import Vendor, people, plan
from outbox_kit import MONDAY
from typer.testing import CliRunner

from connectors.core import registry
from connectors.core.errors import FixConfig, RetryLater
from connectors.core.settings import Settings, get_settings
from connectors.ledger import runs
from connectors.ledger.db import open_ledger
from connectors.ledger.guards import pauses
from flows import cli, sync
from flows.run import ledger_of
from flows.versions import versions

ROW = {"segment": "", "destination": "vendor", "purpose": "marketing", "enabled": "true"}


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, str]]:
    """The seed's rows by audience."""
    found = {"vip": {**ROW, "audience": "vip"}}
    monkeypatch.setattr(sync, "seed", lambda _: list(found.values()))
    return found


@pytest.fixture
def vendor(own_settings: Settings, monkeypatch: pytest.MonkeyPatch, rows: dict[str, Any]) -> Vendor:
    """A vendor whose lists can be kept, and a plan of five people."""
    del rows
    made = Vendor(own_settings.home.parent / "vendor.db")
    monkeypatch.setattr(registry, "target", lambda _: lambda _settings: made)
    monkeypatch.setattr(sync, "default_as_of", lambda _: MONDAY + timedelta(hours=1))
    planned(own_settings)
    return made


def planned(settings: Settings, number: int = 5, seeds: str = "") -> str:
    ledger = ledger_of(settings)
    made_of = versions("duckdb")
    known = runs.Versions(made_of.code, seeds or made_of.seeds, made_of.weights, "duckdb")
    later = MONDAY + timedelta(seconds=len(runs.recent(ledger)))
    run_id = runs.start(ledger, "daily", MONDAY, known, clock=lambda: later)
    folder = settings.runs_dir / run_id
    folder.mkdir(parents=True)
    plan(folder / "audience_members.parquet", people(number))
    runs.finish(ledger, run_id, "completed")
    return run_id


def test_the_lists_become_what_the_last_plan_wants(own_settings, vendor) -> None:
    done = sync.sync(own_settings, sync.Asked())
    assert [(each.audience, each.added) for each in done.results] == [("vip", 5)]
    assert len(vendor.addresses()) == 5
    planned(own_settings, 3)
    assert sync.sync(own_settings, sync.Asked()).results[0].removed == 2


def test_a_dry_run_counts_and_asks_nobody(own_settings, vendor) -> None:
    vendor.put = vendor.drop = vendor.list_id = None
    done = sync.sync(own_settings, sync.Asked(dry_run=True))
    assert [(each.added, each.removed) for each in done.results] == [(5, 0)]


def test_who_reaches_people_waits_for_a_live_sync_in_production(
    own_settings, vendor, monkeypatch
) -> None:
    vendor.is_live = True
    done = sync.sync(own_settings, sync.Asked())
    assert done.results == []
    assert "--live" in done.skipped["vip"]
    with pytest.raises(FixConfig, match="may not contact real people"):
        sync.sync(own_settings, sync.Asked(live=True))
    monkeypatch.setenv("PARLEY_ENVIRONMENT", "production")
    get_settings.cache_clear()
    assert sync.sync(get_settings(), sync.Asked(live=True)).results[0].added == 5


def test_a_target_that_does_not_say_whether_it_reaches_people_does(
    own_settings, vendor, monkeypatch
) -> None:
    class Silent:
        def __init__(self) -> None:
            for name in ("put", "drop", "members", "list_id", "put_size", "drop_size", "name"):
                setattr(self, name, getattr(vendor, name))

    monkeypatch.setattr(registry, "target", lambda _: lambda _settings: Silent())
    assert "--live" in sync.sync(own_settings, sync.Asked()).skipped["vip"]


def test_in_test_mode_no_list_is_changed(vendor, monkeypatch) -> None:
    monkeypatch.setenv("PARLEY_TEST_ADDRESS", "me@example.com")
    get_settings.cache_clear()
    with pytest.raises(FixConfig, match="test mode"):
        sync.sync(get_settings(), sync.Asked())
    assert vendor.put_calls == []


def test_a_plan_of_other_seeds_or_of_long_ago_is_not_trusted(
    own_settings, vendor, monkeypatch
) -> None:
    planned(own_settings, seeds="others")
    with pytest.raises(FixConfig, match="seeds changed"):
        sync.sync(own_settings, sync.Asked())
    planned(own_settings)
    monkeypatch.setattr(sync, "default_as_of", lambda _: MONDAY + timedelta(hours=49))
    with pytest.raises(FixConfig, match="too old"):
        sync.sync(own_settings, sync.Asked())
    assert vendor.put_calls == []


def test_one_audience_in_trouble_does_not_hold_up_the_others(own_settings, vendor, rows) -> None:
    rows["another"] = {**ROW, "audience": "another"}
    vendor.faults = [RetryLater("busy", "vendor", "Wait.")]
    done = sync.sync(own_settings, sync.Asked())
    assert [each.audience for each in done.results] == ["vip"]
    with pytest.raises(RetryLater, match="busy"):
        done.raise_first()
    assert [e.audience for e in sync.sync(own_settings, sync.Asked("another")).results] == [
        "another"
    ]
    with pytest.raises(FixConfig, match="There are: "):
        sync.sync(own_settings, sync.Asked("no_such"))


def test_an_audience_that_is_switched_off_keeps_its_people(own_settings, vendor, rows) -> None:
    sync.sync(own_settings, sync.Asked())
    assert len(vendor.addresses()) == 5
    rows["vip"]["enabled"] = "false"
    done = sync.sync(own_settings, sync.Asked())
    assert (done.results[0].removed, done.results[0].same) == (0, 5)
    del rows["vip"]
    assert sync.sync(own_settings, sync.Asked()).results[0].same == 5


def test_the_kill_switch_stops_a_sync_from_telling_anything(own_settings, vendor) -> None:
    pauses.pause(ledger_of(own_settings), reason="stop", by="me", at=MONDAY)
    assert sync.sync(own_settings, sync.Asked()).results[0].added == 0
    assert vendor.put_calls == []


def test_the_command_says_what_it_did_and_what_went_wrong(vendor) -> None:
    runner = CliRunner()
    said = runner.invoke(cli.app, ["sync", "--dry-run"])
    assert (said.exit_code, "Would be done" in said.output) == (0, True)
    vendor.faults = [FixConfig("the token is wrong", "vendor", "Renew it.")]
    said = runner.invoke(cli.app, ["sync", "--audience", "vip"])
    assert said.exit_code == 1
    assert "the token is wrong" in said.output
    assert runner.invoke(cli.app, ["sync"]).exit_code == 0
    assert len(vendor.addresses()) == 5


def test_no_plan_no_sync(own_settings: Settings, rows: dict[str, Any]) -> None:
    del rows
    open_ledger(f"sqlite:///{Path(own_settings.home)}/ledger.db").dispose()
    with pytest.raises(FixConfig, match="no plan yet"):
        sync.sync(own_settings, sync.Asked())


def test_the_flow_returns_people_by_audience_and_fails_where_one_is_in_trouble(vendor) -> None:
    from flows import deployments  # noqa: PLC0415 - Prefect takes a while

    vendor.faults = [RetryLater("busy", "vendor", "Wait.")]
    with pytest.raises(RetryLater, match="busy"):
        deployments.sync.fn()
    assert deployments.sync.fn()["vip"]["added"] == 5
