"""Flows `transform` and `decide`: dbt, each node a task in the UI."""

from __future__ import annotations

from prefect import flow
from prefect_dbt import PrefectDbtRunner, PrefectDbtSettings

from flows import work
from flows.build import dbt_failed
from flows.run import load
from flows.versions import DBT_PROJECT


def as_tasks(args: list[str]) -> None:
    """Run dbt so that Prefect shows every node; `StopRun` names those that failed."""
    settings = PrefectDbtSettings(project_dir=DBT_PROJECT, profiles_dir=DBT_PROJECT)
    runner = PrefectDbtRunner(settings=settings, raise_on_failure=False, disable_assets=True)
    result = runner.invoke(args)
    if not result.success:
        nodes = getattr(result.result, "results", None) or []
        raise dbt_failed([n.node.name for n in nodes if str(n.status) in {"error", "fail"}])


@flow(flow_run_name="transform {run_id}")
def transform(run_id: str) -> None:
    """Build staging, identity and marts from the run's batches."""
    work.transform(load(run_id), as_tasks)


@flow(flow_run_name="decide {run_id}")
def decide(run_id: str) -> None:
    """Build the one plan: candidates, gates, decisions, audiences."""
    work.decide(load(run_id), as_tasks)
