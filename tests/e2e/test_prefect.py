"""A scheduled run in a real Prefect server: it fires, it finishes, it shows, it ends cleanly.

Health says 200 even where the scheduler never creates a run, so a run that the scheduler itself
made is waited for. Only the schedule's interval is changed, to not wait for five minutes.
"""

from __future__ import annotations

import json
import urllib.error
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from home_kit import Home
from prefect_kit import Served
from shop_kit import TinyShop, kettle_in_basket

from flows import crashes
from flows.crashes import HEARTBEAT

# In no holdout, whichever of the two identifiers names the person.
EVE, USER = "eve@example.com", "u1"
INTERVAL_SECONDS = 15
DONE = 240
LIMIT = "parley-writer"
ENDED = {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED"]}}


@dataclass(frozen=True)
class Seen:
    """What could be seen in the server after a scheduled run, and after Ctrl-C."""

    home: Home
    run: dict[str, Any]
    subflows: list[dict[str, Any]]
    tasks: list[dict[str, Any]]
    artifacts: dict[str, dict[str, Any]]
    everything: str
    typed: dict[str, int]
    synced: dict[str, Any]
    automations: list[dict[str, Any]]
    killed: dict[str, Any]
    without_limit: dict[str, Any]
    begun: list[dict[str, Any]]
    running: set[int]
    exit_code: int | None
    left: set[int]
    printed: str


def noon_zone(now):
    """A time zone in which it is noon: no quiet hours, whenever the test runs."""
    offset = 12 - now.hour
    return f"Etc/GMT{'-' if offset >= 0 else '+'}{abs(offset)}"


def shop_of_today(folder):
    """Eve left a kettle in a basket an hour and a bit ago."""
    now = datetime.now(UTC).replace(microsecond=0)
    long_ago = now - timedelta(days=40)
    shop = TinyShop(folder)
    shop.product("kettle", "Kettle", 3000, long_ago)
    shop.customer(USER, long_ago, email=EVE, country="GB", time_zone=noon_zone(now))
    shop.consent(USER, EVE, long_ago)
    shop.order("o1", "kettle", 3000, now - timedelta(days=1), customer_id=USER, country="GB")
    left = now - timedelta(minutes=70)
    shop.events(kettle_in_basket("c1", left, device="d1", user=USER))
    return shop


def hurry(served):
    """Let the scheduler make runs of `triggered` every few seconds; returns the deployment's id."""
    deployment = served.wait(
        "the deployments", lambda: served.api("GET", "/deployments/name/triggered/triggered"), 180
    )
    [schedule] = deployment["schedules"]
    path = f"/deployments/{deployment['id']}/schedules/{schedule['id']}"
    every = {"interval": INTERVAL_SECONDS, "anchor_date": "2024-01-01T00:00:00Z", "timezone": "UTC"}
    served.wait("the worker", lambda: "Ctrl-C ends it" in served.printed, 60)
    served.api("PATCH", path, {"active": True, "schedule": every})
    return deployment["id"]


def every(served, what, page=200, **which):
    """All that a filter finds; the server gives out 200 at a time, a run has more models."""
    everything = []
    while found := served.api(
        "POST", f"/{what}/filter", {**which, "limit": page, "offset": len(everything)}
    ):
        everything += found
    return everything


def deployed(served):
    """The deployments by name."""
    return {each["name"]: each for each in every(served, "deployments")}


def start(served, flow, **parameters):
    """Run a deployed flow, as from its page."""
    path = f"/deployments/{deployed(served)[flow]['id']}/create_flow_run"
    return served.api("POST", path, {"parameters": parameters})


def type_addresses(served):
    """What the server answers to an address in each field that takes text, of every flow."""
    answers = {}
    for flow, deployment in deployed(served).items():
        fields = deployment["parameter_openapi_schema"]["properties"]
        for name in (name for name in fields if '"string"' in json.dumps(fields[name])):
            try:
                start(served, flow, **{name: EVE})
            except urllib.error.HTTPError as error:
                answers[f"{flow} {name}"] = error.code
            else:
                answers[f"{flow} {name}"] = HTTPStatus.OK
    return answers


def sync_lists(served):
    """Sync the audiences from the UI; the run, when it is done."""
    run = start(served, "sync")["id"]
    [done] = served.wait(
        "the sync", lambda: served.flow_runs(id={"any_": [run]}, state=ENDED), DONE
    )
    return done


def look_at(served, run):
    """Everything that the server stores, and of a run what a person would look at."""
    parent = {"parent_flow_run_id": {"any_": [run["id"]]}}
    subflows = served.flow_runs(**parent)
    ids = [run["id"], *(each["id"] for each in subflows)]
    of_them = {"flow_run_id": {"any_": ids}}
    tasks = every(served, "task_runs", task_runs=of_them, sort="EXPECTED_START_TIME_ASC")
    artifacts = every(served, "artifacts")
    own = {each["key"]: each for each in artifacts if each["key"] and each["flow_run_id"] in ids}
    logs = every(served, "logs", sort="TIMESTAMP_ASC")
    return subflows, tasks, own, json.dumps([served.flow_runs(), tasks, artifacts, logs])


def refused(served, deployment):
    """The runs that ended because of the writers' slot."""
    ended = served.runs_of(deployment, "FAILED", "CRASHED")
    return [run for run in ended if LIMIT in json.dumps(run["state"])]


# It sleeps until it is killed; Parley's automation is told, by the copy below, to lose patience.
SLEEPER = """
import time
from prefect import flow

@flow
def sleeper():
    time.sleep(600)

sleeper()
"""
PATIENCE_SECONDS = 12.0


def automations(served):
    """Those that `parley ui` has made."""
    return served.api("POST", "/automations/filter", {})


def kill_a_run(served):
    """Kill -9 the process of a flow that no worker looks after; its run's id.

    What marks it is a copy of Parley's automation that looks at this flow alone, and not for nine
    minutes.
    """
    [made] = automations(served)
    of_the_sleeper = {"prefect.resource.role": "flow", "prefect.resource.name": "sleeper"}
    sooner = {"within": PATIENCE_SECONDS, "match_related": of_the_sleeper}
    trigger = {name: value for name, value in made["trigger"].items() if name != "id"} | sooner
    copy = {"name": "sooner", "trigger": trigger, "actions": made["actions"]}
    served.api("POST", "/automations/", copy)
    process = served.flow(SLEEPER)
    [run, *_] = served.wait("the sleeper", lambda: named(served, "sleeper", "RUNNING"), 120)
    heard = {"event": {"name": [HEARTBEAT]}, "resource": {"id": [f"prefect.flow-run.{run['id']}"]}}
    asked = {"filter": heard}
    served.wait("its heartbeat", lambda: served.api("POST", "/events/filter", asked)["events"], 60)
    process.kill()
    process.wait()
    return run["id"]


def named(served, flow, *states):
    """The runs of a flow in these states."""
    body = {"flows": {"name": {"any_": [flow]}}, "flow_runs": {"state": {"type": {"any_": states}}}}
    return served.api("POST", "/flow_runs/filter", body)


def transforming(served):
    """The `transform` subflows that are running."""
    return served.flow_runs(state={"type": {"any_": ["RUNNING"]}}, name={"like_": "transform"})


@pytest.fixture(scope="module")
def seen(tmp_path_factory, make_home):
    home = make_home("served", shop_of_today(tmp_path_factory.mktemp("shop")).sources)
    served = Served(home)
    try:
        deployment = hurry(served)
        [run, *_] = served.wait(
            "a scheduled run", lambda: served.runs_of(deployment, "COMPLETED"), DONE
        )
        made, typed, synced = automations(served), type_addresses(served), sync_lists(served)
        kill_a_run(served)
        found = look_at(served, run)
        served.api("DELETE", f"/v2/concurrency_limits/{LIMIT}")
        [failed, *_] = served.wait(
            "a run without the limit", lambda: refused(served, deployment), 120
        )
        [killed] = served.wait("a crash", lambda: named(served, "sleeper", "CRASHED"), 60)
        begun = home.runs()
        # Ctrl-C comes while a run is at work, as it does.
        served.api("POST", "/v2/concurrency_limits/", {"name": LIMIT, "limit": 1})
        served.wait("a run at work", lambda: transforming(served), 120)
        running = served.processes()
        code = served.interrupt()
        left, printed = served.processes(), served.printed
        told = (made, killed, failed, begun, running, code, left, printed)
        yield Seen(home, run, *found, typed, synced, *told)
    finally:
        served.kill_all()


def first_run(home):
    """The first triggered run; `mass` may fire at a full hour, and leaves triggers alone."""
    return next(run for run in home.runs() if run["kind"] == "triggered")


def test_a_scheduled_run_fires_and_finishes(seen):
    assert seen.run["auto_scheduled"] is True
    assert seen.run["state_type"] == "COMPLETED"
    first = first_run(seen.home)
    assert (first["kind"], first["status"]) == ("triggered", "completed")


def test_it_shows_its_subflows_and_every_dbt_node_as_a_task(seen):
    names = {each["name"].split()[0]: each["state_type"] for each in seen.subflows}
    assert names == dict.fromkeys(("extract", "transform", "decide"), "COMPLETED")
    tasks = [task["name"] for task in seen.tasks]
    for wanted in (
        "land shop.orders",
        "land web.events",
        "gate_landing",
        "publish",
        "emit triggered",
    ):
        assert any(wanted in name for name in tasks), wanted
    nodes = [name for name in tasks if "int_orders" in name or "candidates" in name]
    assert len(nodes) >= 2, tasks


def test_it_sends_what_was_due_once(seen):
    [message] = seen.home.ledger("select * from messages")
    assert (message["programme"], message["state"]) == ("abandoned_cart", "accepted")
    assert message["run_id"] == first_run(seen.home)["run_id"]


def test_a_person_can_open_summary_audiences_and_data_docs(seen):
    assert set(seen.artifacts) == {"triggered-run", "triggered-audiences", "data-docs"}
    run_id = first_run(seen.home)["run_id"]
    summary = seen.artifacts["triggered-run"]["data"]
    assert summary.startswith("# Triggered run at ")
    assert run_id in summary
    assert "| abandoned_cart | 1 | 1 | 0 | 0 | 0 |" in summary
    assert "- **triggered**: 1 accepted" in summary
    [row] = json.loads(seen.artifacts["triggered-audiences"]["data"])
    assert row == {
        "programme": "abandoned_cart", "verdict": "send", "gate": "",
        "because": "all gates passed", "candidates": 1, "people": 1,
    }  # fmt: skip
    index = seen.home.path / "docs" / "index.html"
    assert index.as_uri() in seen.artifacts["data-docs"]["data"]
    assert index.is_file()


def test_prefect_stores_no_address(seen):
    # Flow runs with their parameters, task runs with their inputs, artifacts and logs.
    assert seen.run["id"] in seen.everything
    assert "@example" not in seen.everything
    assert "eve" not in json.dumps([run["parameters"] for run in [seen.run, *seen.subflows]])
    wanted = {"as_of": None, "shadow": False, "live": False}
    assert wanted | seen.run["parameters"] == wanted


def test_no_field_of_a_flow_takes_an_address(seen):
    """Parameters are stored as they are typed: the server refuses them before."""
    assert {"daily as_of", "erase person", "pause reason"} <= set(seen.typed)
    assert seen.typed == dict.fromkeys(seen.typed, HTTPStatus.CONFLICT)


def test_lists_are_synced_from_the_ui(seen):
    assert seen.synced["state_type"] == "COMPLETED", seen.synced["state"]
    assert seen.synced["id"] in seen.everything
    assert {each["destination"] for each in seen.home.ledger("select * from list_members")} == {
        "file"
    }


def test_a_run_that_was_killed_and_that_no_worker_tells_of_is_marked_crashed(seen):
    [made] = seen.automations
    assert (made["name"], made["enabled"]) == (crashes.NAME, True)
    assert made["trigger"]["within"] == 540
    assert seen.killed["state"]["message"] == made["actions"][0]["message"]
    assert seen.killed["state_type"] == "CRASHED"


def test_without_the_writers_slot_a_run_fails_instead_of_writing(seen):
    assert seen.without_limit["state_type"] == "FAILED"
    assert "must be created" in json.dumps(seen.without_limit["state"])
    # It did not even begin: every run that did had ended.
    triggered = [run for run in seen.begun if run["kind"] == "triggered"]
    assert "running" not in {run["status"] for run in triggered}


def test_ctrl_c_ends_everything_also_a_run_at_work(seen):
    assert len(seen.running) >= 4, "ui, server, worker and a run"
    assert seen.exit_code == 0, seen.printed[-3000:]
    assert seen.left == set()
    assert "Traceback" not in seen.printed.rsplit("ending …", 1)[-1]
