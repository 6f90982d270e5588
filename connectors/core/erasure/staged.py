"""Waits until no run is between staging its snapshot and publishing it."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Final

from connectors.core.errors import RetryLater
from connectors.core.snapshot import TEMPORARY, remove_leftovers

POLL_SECONDS: Final = 0.2


def wait_for_staged(runs_dir: Path, seconds: float) -> None:
    """Wait until no snapshot is between staging and publishing; leftovers are removed.

    The caller holds the writer's slot, so that no other is staged meanwhile.

    Raises:
        RetryLater: one still is after so many seconds.
    """
    for _ in range(1 + math.ceil(seconds / POLL_SECONDS)):
        remove_leftovers(runs_dir)
        if not any(runs_dir.glob(f"{TEMPORARY}*")):
            return
        time.sleep(POLL_SECONDS)
    what = "a run's snapshot is still being checked"
    raise RetryLater(what, str(runs_dir), "Wait for that run to end, then start this again.")
