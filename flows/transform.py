"""Flows `transform` and `decide`: dbt, each table, view and seed a task in the UI."""

from __future__ import annotations

import threading
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed

from flows import news, work
from flows.build import QUIET, dbt_failed, failed_nodes
from flows.run import load

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

# Also a node that dbt left without an end.
FAILED = {"error", "fail", ""}


class Node(threading.Event):
    """A node that dbt works on: set when it is done, with what became of it."""

    status = ""


@task(task_run_name="{kind} {name}", cache_policy=NO_CACHE)
def dbt_node(kind: str, name: str, node: Node) -> State | None:  # noqa: ARG001 - kind names the task
    """Last as long as dbt needs for the node, and end as it did."""
    node.wait()
    if node.status in FAILED:
        raise dbt_failed([name])
    return Completed(name="Skipped") if node.status == "skipped" else None


class Nodes:
    """Shows dbt's nodes as tasks of the flow that it is made in.

    Prefect's own runner does so too, but gives every node an API client and a rebuilt context:
    that took 0.15 s of a core a node, half as long again as the whole daily run.
    """

    def __init__(self) -> None:
        """Remember the flow."""
        self._context = copy_context()
        self._nodes: dict[str, Node] = {}
        self._threads: list[threading.Thread] = []

    def heard(self, event: Any) -> None:  # noqa: ANN401 - dbt's own event type is generated
        """Begin a task where a node begins, end it where it ends; called from dbt's threads."""
        # Tests are twice as many as tables; one that fails is named by the flow's own error.
        if event.info.name == "NodeStart" and event.data.node_info.resource_type != "test":
            self._begin(event.data.node_info)
        elif event.info.name == "NodeFinished" and event.data.node_info.unique_id in self._nodes:
            info = event.data.node_info
            node = self._nodes[info.unique_id]
            node.status = info.node_status
            node.set()

    def wait(self) -> None:
        """Until Prefect knows how all of them ended; also of those that dbt left unfinished."""
        for node in self._nodes.values():
            node.set()
        for thread in self._threads:
            thread.join()

    def _begin(self, info: Any) -> None:  # noqa: ANN401
        node = self._nodes[info.unique_id] = Node()
        show = partial(dbt_node, info.resource_type, info.node_name, node, return_state=True)
        thread = threading.Thread(target=self._context.copy().run, args=[show], daemon=True)
        self._threads.append(thread)
        thread.start()


def as_tasks(args: list[str], manifest: Manifest) -> None:
    """Run dbt so that Prefect shows what it builds; `StopRun` names the nodes that failed.

    Prefect hears of nodes alone: what the engine says of an error may quote somebody's value, and
    Prefect keeps what it is told.
    """
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - takes seconds

    nodes = Nodes()
    try:
        result = dbtRunner(manifest, callbacks=[nodes.heard]).invoke([*args, *QUIET])
    finally:
        nodes.wait()
    if not result.success:
        raise dbt_failed(failed_nodes(result) or ["the project"])


@flow(flow_run_name="transform {run_id}")
def transform(run_id: str) -> None:
    """Build staging, identity and marts from the run's batches; tell what is new in them."""
    news.learn(load(run_id), as_tasks)


@flow(flow_run_name="decide {run_id}")
def decide(run_id: str) -> None:
    """Build the one plan: candidates, gates, decisions, audiences."""
    work.decide(load(run_id), as_tasks)
