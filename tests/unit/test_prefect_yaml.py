"""`prefect.yaml` and the flows: what is deployed, when it runs, and that flows stay thin."""

from __future__ import annotations

import ast
import asyncio
import importlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow
from prefect.client.schemas.objects import (
    ConcurrencyLimitConfig,
    ConcurrencyLimitStrategy,
    StateType,
)
from prefect.events.schemas.automations import AutomationCore, EventTrigger
from prefect.exceptions import ParameterTypeError
from prefect.server.schemas.schedules import CronSchedule

from connectors.core.settings import get_settings
from flows import crashes, ui
from flows.pipeline import WRITER_SLOT

ROOT = Path(__file__).parents[2]
DECLARED: dict[str, Any] = yaml.safe_load((ROOT / "prefect.yaml").read_text())
DEPLOYMENTS = {each["name"]: each for each in DECLARED["deployments"]}
SWITCHES = ("pause", "resume")
MOST_FLOW_LINES = 25
MIDNIGHT = datetime(2024, 3, 31, tzinfo=UTC)  # the clocks change in Europe on this day


def the_flow(name: str) -> Flow[..., Any]:
    """What a deployment's entrypoint leads to."""
    path, function = DEPLOYMENTS[name]["entrypoint"].split(":")
    assert (ROOT / path).is_file()
    module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    found = getattr(module, function)
    assert isinstance(found, Flow)
    return found


def fires(name: str, count: int) -> list[datetime]:
    """When a deployment fires next, as Prefect works it out."""
    [schedule] = DEPLOYMENTS[name]["schedules"]
    dates = CronSchedule(**schedule).get_dates(count, MIDNIGHT + timedelta(seconds=1))
    return [moment.astimezone(UTC) for moment in asyncio.run(dates)]


def test_what_is_deployed_and_nothing_else() -> None:
    names = ["triggered", "mass", "daily", "calibrate", "erase", "sync", "retention", *SWITCHES]
    assert list(DEPLOYMENTS) == names
    assert len(DECLARED["deployments"]) == len(names)


def test_people_are_erased_by_hand_and_never_by_an_address() -> None:
    assert "schedules" not in DEPLOYMENTS["erase"]
    erase = the_flow("erase")
    assert erase.validate_parameters({"person": "0123456789abcdef"})
    for address in ("ada@example.com", "+447911123456", "Ada"):
        with pytest.raises(ParameterTypeError):
            erase.validate_parameters({"person": address})


@pytest.mark.parametrize(
    ("name", "first", "between"),
    [
        ("triggered", timedelta(minutes=5), timedelta(minutes=5)),
        ("mass", timedelta(hours=1), timedelta(hours=1)),
        ("daily", timedelta(hours=2), timedelta(days=1)),
        ("calibrate", timedelta(days=1, hours=3, minutes=30), timedelta(days=7)),
        ("retention", timedelta(hours=4, minutes=30), timedelta(days=7)),
    ],
)
def test_schedules_are_those_promised_in_utc_whatever_the_clocks_do(
    name: str, first: timedelta, between: timedelta
) -> None:
    assert fires(name, 4) == [MIDNIGHT + first + number * between for number in range(4)]


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_deployment_runs_the_flow_of_its_name_with_its_parameters(name: str) -> None:
    deployed = the_flow(name)
    assert deployed.name == name
    parameters = DEPLOYMENTS[name]["parameters"]
    assert set(parameters) == set(deployed.parameters.properties)
    assert deployed.validate_parameters(parameters) == parameters
    assert not deployed.parameters.required


def test_a_programme_is_paused_by_hand_by_its_name_and_never_by_an_address() -> None:
    for name in SWITCHES:
        assert "schedules" not in DEPLOYMENTS[name]
        switch = the_flow(name)
        assert switch.validate_parameters({"programme": "newsletter"})
        with pytest.raises(ParameterTypeError):
            switch.validate_parameters({"programme": "ada@example.com"})
    with pytest.raises(ParameterTypeError):
        the_flow("pause").validate_parameters({"reason": "ada@example.com complained"})


@pytest.mark.parametrize("name", SWITCHES)
def test_the_switch_is_never_dropped_because_somebody_else_is_at_it(name: str) -> None:
    assert "concurrency_limit" not in DEPLOYMENTS[name]


@pytest.mark.parametrize("name", ["triggered", "mass", "daily"])
def test_what_is_scheduled_contacts_nobody_until_somebody_says_live(name: str) -> None:
    assert DEPLOYMENTS[name]["parameters"]["live"] is False
    assert the_flow(name).parameters.properties["live"]["default"] is False


@pytest.mark.parametrize("name", [each for each in DEPLOYMENTS if each not in SWITCHES])
def test_one_run_of_a_kind_at_a_time_and_a_newer_one_is_dropped(name: str) -> None:
    limit = ConcurrencyLimitConfig(**DEPLOYMENTS[name]["concurrency_limit"])
    assert limit.limit == 1
    assert limit.collision_strategy is ConcurrencyLimitStrategy.CANCEL_NEW


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_all_are_worked_off_by_the_pool_that_make_ui_creates(name: str) -> None:
    assert DEPLOYMENTS[name]["work_pool"] == {"name": ui.POOL}


def test_the_writers_slot_has_one_name() -> None:
    for file in ("prefect.yaml", "README.md"):
        assert f"`{WRITER_SLOT}`" in (ROOT / file).read_text()


def test_extract_transform_and_decide_are_flows_that_take_a_run_by_its_id() -> None:
    for module, name in (
        ("extract", "extract"),
        ("transform", "transform"),
        ("transform", "decide"),
    ):
        found = getattr(importlib.import_module(f"flows.{module}"), name)
        assert isinstance(found, Flow)
        # Prefect stores parameters in plain text: an id says nothing of anybody.
        assert list(found.parameters.properties) == ["run_id"]


def decorated(node: ast.FunctionDef) -> bool:
    names = (each.func if isinstance(each, ast.Call) else each for each in node.decorator_list)
    return any(isinstance(name, ast.Name) and name.id == "flow" for name in names)


def test_flows_are_thin() -> None:
    lengths = {
        node.name: node.end_lineno - node.lineno + 1
        for path in (ROOT / "flows").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and decorated(node)
    }
    assert set(lengths) == {"extract", "transform", "decide", *DEPLOYMENTS}
    assert max(lengths.values()) <= MOST_FLOW_LINES


def test_the_ui_keeps_prefects_own_state_under_parleys_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path / "elsewhere"))
    get_settings.cache_clear()
    told = ui._environment(4321)
    get_settings.cache_clear()
    assert told["PREFECT_HOME"] == str(tmp_path / "elsewhere" / "prefect")
    assert told["PREFECT_API_URL"] == "http://127.0.0.1:4321/api"
    assert told["PARLEY_HOME"] == str(tmp_path / "elsewhere")
    assert told["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert int(told["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"]) * 3 <= crashes.SILENT_SECONDS


def test_a_silent_run_is_marked_crashed_after_nine_minutes_as_prefect_understands_it() -> None:
    made = AutomationCore.model_validate(crashes.automation())
    assert isinstance(made.trigger, EventTrigger)
    assert made.trigger.within >= timedelta(seconds=540)
    [action] = made.actions
    assert (action.type, action.state) == ("change-flow-run-state", StateType.CRASHED)
