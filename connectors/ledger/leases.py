"""Leases: who works on what, held by the process itself.

A lease ends with its process, `kill -9` included, so that what a dead worker left can be taken
over at once: no clock and no heartbeat decides it. On SQLite it is a lock on a file beside the
ledger, on PostgreSQL an advisory lock of a session of its own.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from sqlalchemy import Engine

from connectors.core.errors import RetryLater
from connectors.ledger.locks import is_locked, make_lock

# Long enough for a worker that was killed to be gone, or for a lease that is only looked at.
PATIENCE_SECONDS: Final = 5.0
LONG_SECONDS: Final = 600.0
POLL_SECONDS: Final = 0.05
EMISSIONS: Final = "emissions"


class Lease(Protocol):
    """What the holder of a lease can ask."""

    def check(self) -> None:
        """Raise `StopRun` if the lease was lost: somebody else may be at work by now."""
        ...


def emission_id(run_id: str, audience_slice: str) -> str:
    """Name the emission of one slice of a run; messages say by it who reserved them."""
    return f"{run_id}/{audience_slice}"


def emission_lease(run_id: str, emission: str) -> str:
    """Name the lease of what a message says of its emission; '' is older than leases."""
    return emission or f"{run_id}/?"


@contextmanager
def lease(
    engine: Engine, name: str, *, wait_seconds: float = PATIENCE_SECONDS, shared: bool = False
) -> Iterator[Lease]:
    """Hold a lease; `shared` ones exclude only those that are not.

    Raises `RetryLater` if somebody else still holds it after `wait_seconds`, and `FixConfig` where
    the ledger's folder cannot be written.
    """
    held = make_lock(engine, name)
    try:
        for _ in range(max(1, int(wait_seconds / POLL_SECONDS))):
            if held.take(shared=shared):
                break
            time.sleep(POLL_SECONDS)
        else:
            what = "Another process is still at this work"
            raise RetryLater(what, f"ledger, {name}", "Wait for it to end, then run again.")
        yield held
    finally:
        held.give_back()


def is_held(engine: Engine, name: str) -> bool:
    """Tell whether a live process holds a lease, this one included."""
    return is_locked(engine, name)


@contextmanager
def emitting(engine: Engine) -> Iterator[None]:
    """Emit, at the same time as others do; wait while `no_emission` holds."""
    with lease(engine, EMISSIONS, wait_seconds=LONG_SECONDS, shared=True):
        yield


@contextmanager
def no_emission(engine: Engine, wait_seconds: float = LONG_SECONDS) -> Iterator[None]:
    """Wait until nobody emits, and let nobody begin. Raises `RetryLater` after `wait_seconds`."""
    with lease(engine, EMISSIONS, wait_seconds=wait_seconds):
        yield
