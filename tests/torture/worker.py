"""The process that is killed: it emits, or lands, as a plain process without any scheduler.

It is forked from a server that has the modules loaded, so that hundreds of them cost little.
"""

from __future__ import annotations

import logging
import multiprocessing
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.process import BaseProcess
from pathlib import Path

from pydantic import SecretStr

from connectors.core.accounts import SourceSettings
from connectors.core.errors import ParleyError
from connectors.core.lake import Lake
from connectors.core.landing import land
from connectors.core.settings import LEDGER_SOURCE, Settings
from connectors.ledger.db import open_ledger
from connectors.ledger.emission.budgets import Pace
from connectors.ledger.emission.outbox import emit
from connectors.ledger.manifest import LedgerManifest
from connectors.sources import ledger as ledger_source
from connectors.sources import segment
from tests.torture import points
from tests.torture.client import destinations
from tests.torture.points import Trap

PRELOADED = ["tests.torture.worker", "psycopg", "pandas"]
PAGE_SIZE, BATCH_ROWS = 10, 20
HURRIED = Pace(sleep=lambda _: None)  # a busy destination is asked again at once
AN_ERROR = 3  # the worker ended by one of Parley's own errors


@dataclass(frozen=True)
class Task:
    """What a worker is asked to do, and where it dies. `seconds`: how far into a checkpoint."""

    url: str
    home: Path
    run_id: str
    at: datetime
    port: int = 0
    audience: str = "mass"
    point: str = ""
    nth: int = 1
    seconds: float = 0.0


def emission(task: Task) -> None:
    """Emit one slice of a run's plan to the loopback destination."""
    with _errors_told(task):
        engine = open_ledger(task.url)
        trap = Trap(task.point, task.nth)
        if task.point == "checkpoint":
            trap.strike = points.kill_in_checkpoint(engine, task.seconds)
        with points.set_in_emission(engine, trap):
            emit(
                engine, task.home / "runs" / task.run_id, task.run_id, task.audience,
                destinations(task.port, trap.reached), policy=(), clock=lambda: task.at,
                pace=HURRIED,
            )  # fmt: skip


def landing(task: Task) -> None:
    """Land what is new in the home's folder `web`."""
    with _errors_told(task), points.set_in_landing(Trap(task.point, task.nth)):
        engine = open_ledger(task.url)
        land(
            segment.SPEC, segment.EVENTS, "web", settings(task), LedgerManifest(engine),
            Lake(str(task.home / "lake")), task.at, batch_rows=BATCH_ROWS,
        )  # fmt: skip


def feedback(task: Task) -> None:
    """Let the ledger's messages flow back into the lake, as after every emission."""
    trap = Trap(task.point, task.nth)
    with _errors_told(task), points.set_in_landing(trap, committed="feedback stored"):
        engine = open_ledger(task.url)
        spec = ledger_source.SPEC
        land(
            spec, spec.stream("messages"), LEDGER_SOURCE, settings(task), LedgerManifest(engine),
            Lake(str(task.home / "lake")), task.at, batch_rows=BATCH_ROWS,
        )  # fmt: skip


def settings(task: Task) -> Settings:
    """Settings of the home, whatever the environment says."""
    url = SecretStr(str(task.home / "web"))
    web = SourceSettings(vendor="segment", url=url, page_size=PAGE_SIZE)
    return Settings(home=task.home, ledger_url=SecretStr(task.url), sources={"web": web})


@contextmanager
def _errors_told(task: Task) -> Iterator[None]:
    logging.disable(logging.WARNING)  # what it warns of is what it is given
    try:
        yield
    except ParleyError as error:
        _tell(task, f"{type(error).__name__}: {error}\n")
        sys.exit(AN_ERROR)
    except BaseException:
        _tell(task, traceback.format_exc())
        raise


def _tell(task: Task, text: str) -> None:
    with (task.home / "worker.log").open("a", encoding="utf-8") as log:
        log.write(f"{task.run_id} {task.audience} {task.point or '-'}: {text}")


def begin(work: Callable[[Task], None], task: Task) -> BaseProcess:
    """Start a worker; the caller joins it, or kills it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=work, args=(task,))
    process.start()
    return process
