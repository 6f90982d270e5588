"""The points at which a worker is killed. The product has no hook for them: it is wrapped here.

A trap counts how often its point is reached and strikes the n-th time. A strike is SIGKILL in a
worker; the model of the protocol raises instead.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import psycopg
from sqlalchemy import Engine, event

LANDING = ("page fetched", "raw written", "cursor saved")
BUILDING = ("mid-dbt", "before publish", "after publish")
EMITTING = ("reserved", "delivering", "request sent", "response read", "recorded")
FEEDBACK = ("feedback stored",)
CHECKPOINT = ("checkpoint",)
NAMED = (*LANDING, *BUILDING, *EMITTING, *FEEDBACK, *CHECKPOINT)
RANDOM = "random"


def kill() -> None:
    """End this process as the kernel would, with no chance to tidy up."""
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Trap:
    """Strikes when `point` is reached the `nth` time; an empty point never strikes."""

    point: str = ""
    nth: int = 1
    strike: Callable[[], None] = kill
    count: int = 0
    _has_answer: bool = field(default=False, repr=False)
    _committed: bool = field(default=False, repr=False)

    def reached(self, point: str) -> None:
        """Say that a point is reached."""
        if point == "response read":
            self._has_answer = True
        if point == self.point:
            self.count += 1
            if self.count == self.nth:
                self.strike()

    def committed(self, *_: object) -> None:
        """A transaction commits; it has when its connection goes back to the pool."""
        self._committed = True

    def returned(self, *_: object) -> None:
        """A connection went back: what it committed is durable."""
        if not self._committed:
            return
        self._committed = False
        self.reached("checkpoint")
        if self._has_answer:
            self._has_answer = False
            self.reached("recorded")


@contextmanager
def watched(engine: Engine, trap: Trap) -> Iterator[None]:
    """Tell the trap of commits."""
    event.listen(engine, "commit", trap.committed)
    event.listen(engine, "checkin", trap.returned)
    try:
        yield
    finally:
        event.remove(engine, "commit", trap.committed)
        event.remove(engine, "checkin", trap.returned)


@contextmanager
def wrapped(
    owner: object, name: str, *, before: Callable[[], None] | None = None,
    after: Callable[[], None] | None = None,
) -> Iterator[None]:  # fmt: skip
    """Have a function of the product tell when it is called, or when it returns."""
    whole = getattr(owner, name)

    @wraps(whole)
    def telling(*given: Any, **named: Any) -> Any:
        if before:
            before()
        result = whole(*given, **named)
        if after:
            after()
        return result

    setattr(owner, name, telling)
    try:
        yield
    finally:
        setattr(owner, name, whole)


@contextmanager
def set_in_emission(engine: Engine, trap: Trap) -> Iterator[None]:
    """Set a trap in the emission; the destination's client tells of its own points."""
    from connectors.ledger.emission import outbox  # noqa: PLC0415 - a worker that lands needs none of it

    with watched(engine, trap), wrapped(
        outbox, "reserve", after=lambda: trap.reached("reserved")
    ):  # fmt: skip
        yield


@contextmanager
def set_in_landing(trap: Trap, committed: str = "cursor saved") -> Iterator[None]:
    """Set a trap between a source, the lake and the manifest."""
    from connectors.core import landing  # noqa: PLC0415
    from connectors.core.lake import Lake  # noqa: PLC0415
    from connectors.ledger.manifest import LedgerManifest  # noqa: PLC0415

    with ExitStack() as stack:
        for owner, name, when, point in (
            (landing._Landing, "add", "before", "page fetched"),
            (Lake, "store", "after", "raw written"),
            (LedgerManifest, "commit", "after", committed),
        ):
            tell = {when: lambda point=point: trap.reached(point)}
            stack.enter_context(wrapped(owner, name, **tell))
        yield


@contextmanager
def set_in_build(trap: Trap) -> Iterator[None]:
    """Set a trap among dbt's models and around the snapshot's publication."""
    from connectors.core import snapshot  # noqa: PLC0415
    from flows import build  # noqa: PLC0415

    plainly = build.plainly

    def telling(*given: Any, tell: Callable[[str], None] | None = None) -> None:
        def heard(node: str) -> None:
            trap.reached("mid-dbt")
            if tell:
                tell(node)

        plainly(*given, tell=heard)

    build.plainly = telling
    try:
        with wrapped(
            snapshot, "publish", before=lambda: trap.reached("before publish"),
            after=lambda: trap.reached("after publish"),
        ):  # fmt: skip
            yield
    finally:
        build.plainly = plainly


def kill_in_checkpoint(engine: Engine, seconds: float) -> Callable[[], None]:
    """A strike that has the ledger's database write its log back, and kills in the middle of it."""

    def strike() -> None:
        thread = threading.Thread(target=_checkpoint, args=(engine,), daemon=True)
        thread.start()
        time.sleep(seconds)
        kill()

    return strike


def _checkpoint(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        sqlite3.connect(str(engine.url.database)).execute("pragma wal_checkpoint(truncate)")
        return
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    psycopg.connect(url, autocommit=True).execute("checkpoint")
