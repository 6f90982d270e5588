"""The writer's slot: whoever writes the warehouse holds it, and everybody else waits.

What a run has built is read under the same slot, so a snapshot never shows tables of two runs.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO

from connectors.core.clock import iso_z, utc_now
from connectors.core.errors import RetryLater

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from connectors.core.settings import Settings

POLL_SECONDS: Final = 0.2


@contextmanager
def writer_slot(settings: Settings, timeout: float) -> Iterator[None]:
    """Hold the only right to write the warehouse; the lock is the operating system's.

    A process that dies lets go of it at once. It is not re-entrant: a second call in the same
    process waits like any other.

    Args:
        settings: says where the lock file is.
        timeout: how many seconds to wait for whoever holds it.

    Raises:
        RetryLater: it was still taken after `timeout`; says by whom and since when.
    """
    path = settings.home / "warehouse.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as lock:
        if not _take(lock, timeout):
            raise _taken(lock, path, timeout)
        _note(lock, {"pid": os.getpid(), "since": iso_z(utc_now())})
        try:
            yield
        finally:
            # Closing the file lets go of the lock; the note goes first so that it is never stale.
            _note(lock, {})


def _take(lock: TextIO, timeout: float) -> bool:
    for attempt in range(1 + math.ceil(max(timeout, 0) / POLL_SECONDS)):
        if attempt:
            time.sleep(POLL_SECONDS)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        return True
    return False


def _note(lock: TextIO, holder: dict[str, Any]) -> None:
    lock.seek(0)
    lock.truncate()
    lock.write(json.dumps(holder) if holder else "")
    lock.flush()


def _taken(lock: TextIO, path: Path, timeout: float) -> RetryLater:
    lock.seek(0)
    try:
        holder = json.loads(lock.read())
        who = f"process {int(holder['pid'])} since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        who = "another process"
    return RetryLater(
        f"the warehouse is being written by {who}; waited {timeout:g} s",
        str(path),
        "Wait for that run to finish and start this one again; if it hangs, end that process.",
    )
