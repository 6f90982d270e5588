"""Flows `transform` and `decide`: dbt, each node a task in the UI."""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from prefect import flow
from prefect_dbt import PrefectDbtRunner, PrefectDbtSettings

from flows import work
from flows.build import dbt_failed, failed_nodes
from flows.run import load
from flows.versions import DBT_PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

# From the first quote to the last: a value may hold quotes and line breaks itself.
VALUES = re.compile(r"""(?<!\w)'.*'|".*"|[^\s@]+@[^\s@]+""", re.DOTALL)
LOGGERS = ("prefect.task_runs", "prefect.flow_runs")


class HideValues(logging.Filter):
    """Takes out of errors what the engine quotes: it may be somebody's, and Prefect keeps logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass; one of an error without quoted text, addresses and traceback."""
        if record.levelno >= logging.ERROR:
            record.msg, record.args = VALUES.sub("…", record.getMessage()), None
            record.exc_info = record.exc_text = None
        return True


@contextmanager
def values_hidden() -> Iterator[None]:
    """Filter what Prefect logs of errors while dbt runs."""
    hide = HideValues()
    for name in LOGGERS:
        logging.getLogger(name).addFilter(hide)
    try:
        yield
    finally:
        for name in LOGGERS:
            logging.getLogger(name).removeFilter(hide)


def as_tasks(args: list[str]) -> None:
    """Run dbt so that Prefect shows every node; `StopRun` names those that failed."""
    settings = PrefectDbtSettings(project_dir=DBT_PROJECT, profiles_dir=DBT_PROJECT)
    runner = PrefectDbtRunner(settings=settings, raise_on_failure=False, disable_assets=True)
    result = None
    # Where dbt itself fails, the runner raises its words, which may quote a value.
    with values_hidden(), suppress(ValueError):
        result = runner.invoke(args)
    if result is None or not result.success:
        raise dbt_failed((result and failed_nodes(result)) or ["the project"])


@flow(flow_run_name="transform {run_id}")
def transform(run_id: str) -> None:
    """Build staging, identity and marts from the run's batches."""
    work.transform(load(run_id), as_tasks)


@flow(flow_run_name="decide {run_id}")
def decide(run_id: str) -> None:
    """Build the one plan: candidates, gates, decisions, audiences."""
    work.decide(load(run_id), as_tasks)
