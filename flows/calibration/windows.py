"""Windows of the past: a moment, and the days after it in which a goal was reached or not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

STEP_DAYS: Final = 7
HELD_OUT: Final = 3
TRAINED_ON: Final = 9
FEWEST: Final = 4


@dataclass(frozen=True)
class Split:
    """Moments to learn from, whose windows close before those to judge by begin."""

    train: tuple[datetime, ...]
    held_out: tuple[datetime, ...]


def moments(as_of: datetime, horizon_days: int) -> list[datetime]:
    """The moments (midnights, UTC) whose windows are closed at `as_of`, a week apart, oldest first.

    Between those to learn from and those to judge by lies a horizon.
    """
    today = as_of.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    gap = math.ceil(horizon_days / STEP_DAYS) - 1
    steps = [*range(HELD_OUT), *(HELD_OUT + gap + step for step in range(TRAINED_ON))]
    return sorted(today - timedelta(days=horizon_days + STEP_DAYS * step) for step in steps)


def split(there: Sequence[datetime], horizon_days: int) -> Split | None:
    """Hold out the newest quarter; None where there are too few windows to learn anything."""
    ordered = sorted(there)
    held_out = tuple(ordered[-max(1, len(ordered) // 4) :])
    horizon = timedelta(days=horizon_days)
    train = tuple(each for each in ordered if held_out and each + horizon <= held_out[0])
    if len(train) + len(held_out) < FEWEST:
        return None
    return Split(train, held_out)
