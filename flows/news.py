"""What a run learned, told to the ledger before it plans: plans that wait are compared with it."""

from __future__ import annotations

import logging
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from connectors.core import warehouse
from connectors.core.clock import as_utc, iso_z
from connectors.ledger import facts, runs
from connectors.ledger.facts import Fact
from connectors.ledger.suppressions import Suppression, suppress
from flows import work

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from flows.build import Invoke
    from flows.run import Run

log = logging.getLogger("parley")

LAYER, MODEL = "intermediate", "int_news"
# Whose messages came back for good, or who complained.
STOPS = "int_feedback_stops"


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
            path, stops = opened.write(LAYER, MODEL), opened.write(LAYER, STOPS)
        # Facts are as old as the reading of the sources, which began with the run.
        read_at = as_utc(runs.get(run.ledger, run.run_id).started_at)
        stopped = suppress(run.ledger, _stops(stops))
        told = facts.post(run.ledger, run.run_id, run.as_of, _facts(path), read_at=read_at)
    log.info("told the ledger %s facts that earlier plans do not know", told)
    if stopped:
        log.info("told the ledger of %s addresses that bounced or complained", stopped)
    return told


def _facts(path: Path) -> Iterator[Fact]:
    for row in _rows(path, Fact._fields):
        yield Fact(**{**row, "occurred_at": as_utc(row["occurred_at"])})


def _stops(path: Path) -> Iterator[Suppression]:
    for row in _rows(path, ("address_node", "reason", "source_id", "since")):
        told = row["reason"], row["source_id"], as_utc(row["since"])
        yield Suppression(row["address_node"], *told)


def _rows(path: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        for chunk in file.iter_batches(columns=[*columns]):
            yield from chunk.to_pylist()


@contextmanager
def _folder(run: Run) -> Iterator[Path]:
    """A folder that the engine may write to; what a run that died left there goes first."""
    folder = run.settings.home / ".news"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    yield folder
    shutil.rmtree(folder)
