"""dbt under Prefect: its tables are tasks, what failed is named, what the engine says stays out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.core.errors import StopRun
from flows import transform

CANARY = "c4nary"


def event(name: str, node: str, status: str = "", kind: str = "model") -> SimpleNamespace:
    info = SimpleNamespace(
        unique_id=f"{kind}.{node}", resource_type=kind, node_name=node, node_status=status
    )
    return SimpleNamespace(info=SimpleNamespace(name=name), data=SimpleNamespace(node_info=info))


def failed(name: str) -> SimpleNamespace:
    nodes = [SimpleNamespace(node=SimpleNamespace(name=name), status="error", message=CANARY)]
    return SimpleNamespace(success=False, result=SimpleNamespace(results=nodes))


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """Kind, name and end of each task, in the place of Prefect."""
    seen: list[tuple[str, str, str]] = []

    def dbt_node(kind: str, name: str, node: transform.Node, *, return_state: bool) -> None:
        assert return_state
        assert node.wait(5)
        seen.append((kind, name, node.status))

    monkeypatch.setattr(transform, "dbt_node", dbt_node)
    return seen


@pytest.fixture
def dbt(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Let dbt tell of events and answer; what it was asked."""

    def answering(answer: object, *events: SimpleNamespace) -> dict[str, Any]:
        asked: dict[str, Any] = {}

        class Runner:
            def __init__(self, manifest: object, callbacks: list[Callable[[object], None]]) -> None:
                asked["manifest"], self._callbacks = manifest, callbacks

            def invoke(self, args: list[str]) -> object:
                asked["args"] = args
                for each in events:
                    self._callbacks[0](each)
                if isinstance(answer, Exception):
                    raise answer
                return answer

        monkeypatch.setattr("dbt.cli.main.dbtRunner", Runner)
        return asked

    return answering


WELL = SimpleNamespace(success=True)


def test_tests_are_no_tasks_and_one_that_fails_is_named(shown, dbt) -> None:
    key = [event(name, "key", "fail", "test") for name in ("NodeStart", "NodeFinished")]
    dbt(failed("key"), *key)
    with pytest.raises(StopRun, match="dbt could not build key"):
        transform.as_tasks(["build"], "manifest")
    assert shown == []


def test_every_node_is_a_task_that_ends_as_the_node_does(shown, dbt) -> None:
    begun = [event("NodeStart", name) for name in ("orders", "carts", "people")]
    ended = [
        event("NodeFinished", "carts", "error"),
        event("NodeFinished", "people", "skipped"),
        event("NodeFinished", "orders", "success"),
    ]
    dbt(WELL, event("MainReportVersion", ""), *begun, *ended)
    transform.as_tasks(["build"], "manifest")
    assert sorted(shown) == [
        ("model", "carts", "error"), ("model", "orders", "success"), ("model", "people", "skipped"),
    ]  # fmt: skip


def test_a_node_that_dbt_leaves_unfinished_holds_nobody_up(shown, dbt) -> None:
    dbt(KeyError("gone"), event("NodeStart", "orders"))
    with pytest.raises(KeyError):
        transform.as_tasks(["build"], "manifest")
    assert shown == [("model", "orders", "")]


@pytest.mark.usefixtures("shown")
def test_dbt_is_asked_once_and_need_not_parse(dbt) -> None:
    asked = dbt(WELL)
    transform.as_tasks(["build", "--select", "orders"], "manifest")
    assert asked["manifest"] == "manifest"
    assert asked["args"][:3] == ["build", "--select", "orders"]


@pytest.mark.usefixtures("shown")
@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (failed("orders"), "dbt could not build orders"),
        (SimpleNamespace(success=False, result=None), "the project"),
    ],
)
def test_what_failed_is_named_and_no_value_is_shown(
    dbt, caplog: pytest.LogCaptureFixture, answer: object, what: str
) -> None:
    said = event("NodeFinished", "orders", "error")
    said.data.message = said.info.msg = f"cannot cast '{CANARY}'"
    dbt(answer, event("NodeStart", "orders"), said)
    with caplog.at_level(logging.DEBUG), pytest.raises(StopRun, match=what) as raised:
        transform.as_tasks(["build"], "manifest")
    assert CANARY not in f"{raised.value!r}{raised.value.__cause__!r}{raised.value.__context__!r}"
    assert CANARY not in caplog.text


@pytest.mark.parametrize("status", ["error", "fail"])
def test_a_task_fails_with_its_node(status: str) -> None:
    with pytest.raises(StopRun, match="dbt could not build orders"):
        transform.dbt_node.fn("model", "orders", done(status))


@pytest.mark.parametrize("status", ["success", "pass", "warn"])
def test_a_task_succeeds_with_its_node(status: str) -> None:
    assert transform.dbt_node.fn("model", "orders", done(status)) is None


def test_a_skipped_node_is_shown_as_skipped_and_one_without_an_end_as_failed() -> None:
    state = transform.dbt_node.fn("model", "orders", done("skipped"))
    assert (state.is_completed(), state.name) == (True, "Skipped")
    with pytest.raises(StopRun):
        transform.dbt_node.fn("model", "orders", done(""))


def done(status: str) -> transform.Node:
    node = transform.Node()
    node.status = status
    node.set()
    return node
