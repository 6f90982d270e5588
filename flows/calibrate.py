"""Calibrate: fit each goal's weights to this shop, on windows of its past that are closed.

Held-out windows, later than those learned from, judge the new weights beside those in force; worse
ones do not replace them. What is accepted goes to the ledger; the next run counts with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from connectors.core.clock import as_utc, iso_z, parse_as_of
from connectors.ledger import weights
from connectors.ledger.weights import INTERCEPT, Version
from flows import holdings
from flows.calibration import windows
from flows.calibration.extra import installed
from flows.calibration.figures import Figures, figures_of
from flows.calibration.fit import Sample, choose, probabilities
from flows.calibration.goals import goals
from flows.calibration.reading import read
from flows.run import default_as_of, ledger_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal

    from connectors.core.settings import Settings
    from connectors.ledger.weights import Pair
    from flows.build import Invoke
    from flows.calibration.goals import Goal

# Fewer who reached a goal say nothing of it.
FEWEST_REACHED: Final = 50
# To judge by, on rows that the weights in force have not seen; else by all that are held out.
FEWEST_LATE: Final = 20
# Of windows a week apart, from the newest back; people in categories are so many rows that every
# other window will do.
EVERY: Final = {"person": 1, "category": 2}
# What two fits of the same differ by: so much of AUC may be given for better probabilities.
SAME_AUC: Final = 0.002


@dataclass(frozen=True)
class Task:
    """A goal with what it is learned from, and the weights in force."""

    goal: Goal
    sample: Sample
    now: Version


@dataclass(frozen=True)
class Result:
    """What became of a goal. `verdict`: accepted, refused or too little; `why` in words.

    `new` and `now` are figures on the windows held out, of the fit that has not seen them and of
    the weights in force.
    """

    goal: str
    verdict: str
    why: str
    in_force: str
    weights: Mapping[Pair, Decimal]
    new: Figures | None = None
    now: Figures | None = None


def look(
    settings: Settings, goal: str, as_of: str | None, invoke: Invoke
) -> tuple[list[Task], datetime]:
    """What each goal can be learned from, and the clock; the caller holds the writer's slot.

    Nothing after `as_of` is learned from, nor after what the warehouse has seen.

    Raises:
        FixConfig: nothing ever landed, there is no such goal, or the extra is not installed.
        StopRun: a model failed.
    """
    for name in ("sklearn.linear_model", "matplotlib"):
        installed(name)
    asked = goals(goal)
    at = parse_as_of(as_of) if as_of else default_as_of(settings)
    holdings.bring_up_to_date(settings, invoke)
    stands = holdings.newest(settings) or at
    tasks = []
    for each in asked:
        now = _in_force(settings, each, at)
        pairs = sorted({*each.shape.pairs(), *now.weights, *each.shipped} - {INTERCEPT})
        past = windows.moments(min(at, stands), each.horizon_days)[:: -EVERY[each.scope]]
        tasks.append(Task(each, read(settings, each, past, pairs, stands, invoke), now))
    return tasks, at


def settle(settings: Settings, task: Task, at: datetime) -> Result:
    """Fit, judge, and bring into force what is no worse; the slot is not needed."""
    sample, goal = task.sample, task.goal
    there = _moments(sample)
    parts = windows.split(there, goal.horizon_days)
    if parts is None:
        return _too_little(task, _too_few(len(there)))
    train, held_out = (sample.at(each) for each in (parts.train, parts.held_out))
    reached = [int(each.reached.sum()) for each in (train, held_out)]
    if sum(reached) < FEWEST_REACHED or not all(reached):
        why = (
            f"{sum(reached)} reached the goal, and {FEWEST_REACHED} are needed, some of them lately"
        )
        return _too_little(task, why)
    fitted = choose(train, held_out, goal.shape, goal.shipped)
    judged = _unseen(task, held_out)
    new, now = (
        figures_of(judged.reached, probabilities(judged, each))
        for each in (fitted.early, task.now.weights)
    )
    if objection := worse(new, now):
        return Result(goal.name, "refused", objection, task.now.name, fitted.weights, new, now)
    figures = {"new": new.numbers(), "in_force": now.numbers(), "was": task.now.name}
    name = f"{goal.name}-{iso_z(at)[:10]}"
    version = Version(goal.name, name, goal.horizon_days, fitted.weights, at, figures)
    kept = weights.accept(ledger_of(settings), version)
    why = f"log loss {new.log_loss:.4f} after {now.log_loss:.4f}"
    if goal.shape.scaled:
        why += f", half-lives at a scale of {fitted.scale} days"
    return Result(goal.name, "accepted", why, kept.name, kept.weights, new, now)


def _unseen(task: Task, held_out: Sample) -> Sample:
    """The rows whose end the weights in force have not seen either; all where they are too few."""
    if task.now.name == task.goal.shipped_version:
        return held_out
    since, horizon = task.now.accepted_at, timedelta(days=task.goal.horizon_days)
    ends = {each: as_utc(each) + horizon for each in _moments(held_out)}
    later = held_out.at([each for each, end in ends.items() if end > since])
    is_enough = FEWEST_LATE <= later.reached.sum() < later.reached.size
    return later if is_enough else held_out


def _moments(sample: Sample) -> list[datetime]:
    return sorted({each.item() for each in np.unique(sample.moment)})


def _too_little(task: Task, why: str) -> Result:
    return Result(task.goal.name, "too little", why, task.now.name, {})


def _too_few(there: int) -> str:
    if there < windows.FEWEST:
        return f"closed windows: {there}, and {windows.FEWEST} are needed"
    return f"of {there} closed windows too few end before those to judge by begin"


def worse(new: Figures, now: Figures) -> str:
    """Why new weights must not replace those in force; nothing where they may."""
    if new.log_loss >= now.log_loss:
        return f"log loss {new.log_loss:.4f} is no better than {now.log_loss:.4f}"
    if new.auc < now.auc - SAME_AUC:
        return f"AUC {new.auc:.4f} is worse than {now.auc:.4f}"
    return ""


def _in_force(settings: Settings, goal: Goal, at: datetime) -> Version:
    there = weights.in_force(ledger_of(settings), goal.name, at)
    if there is not None:
        return there
    return Version(goal.name, goal.shipped_version, goal.horizon_days, goal.shipped, at)
