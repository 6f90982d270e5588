"""What a run learned, told to the ledger before it plans: plans that wait are compared with it."""

from __future__ import annotations

import logging
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from connectors.core import warehouse
from connectors.core.clock import as_utc, iso_z
from connectors.ledger import facts, runs
from connectors.ledger.facts import Fact
from flows import work

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flows.build import Invoke
    from flows.run import Run

log = logging.getLogger("parley")

LAYER, MODEL = "intermediate", "int_news"


def learn(run: Run, invoke: Invoke) -> int:
    """Build staging to marts and tell the ledger what is new; how many facts it did not know.

    The caller holds the writer's slot. What is new is what landed since the run before.

    Raises:
        StopRun: a model failed.
        FixConfig, RetryLater, StopRun: the warehouse can't be read; nothing was told.
    """
    since = facts.news_since(run.ledger, run.run_id)
    work.transform(run, invoke, {"news_since": iso_z(since) if since else ""})
    with _folder(run) as folder:
        with warehouse.opened(run.settings, folder) as opened:
            path = opened.write(LAYER, MODEL)
        # Facts are as old as the reading of the sources, which began with the run.
        read_at = as_utc(runs.get(run.ledger, run.run_id).started_at)
        told = facts.post(run.ledger, run.run_id, run.as_of, _facts(path), read_at=read_at)
    log.info("told the ledger %s facts that earlier plans do not know", told)
    return told


def _facts(path: Path) -> Iterator[Fact]:
    with pq.ParquetFile(path) as file:
        for chunk in file.iter_batches(columns=[*Fact._fields]):
            for row in chunk.to_pylist():
                yield Fact(**{**row, "occurred_at": as_utc(row["occurred_at"])})


@contextmanager
def _folder(run: Run) -> Iterator[Path]:
    """A folder that the engine may write to; what a run that died left there goes first."""
    folder = run.settings.home / ".news"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    yield folder
    shutil.rmtree(folder)
