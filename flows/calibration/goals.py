"""The goals that can be fitted, as the seeds tell them, with the weights that are shipped."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from connectors.core.errors import FixConfig
from connectors.ledger.weights import INTERCEPT
from flows.calibration.shapes import SHAPES
from flows.versions import seed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.ledger.weights import Pair
    from flows.calibration.shapes import Shape


@dataclass(frozen=True)
class Goal:
    """A goal: whom it is about (person, category, campaign), its horizon, and what is fitted.

    `shipped` are the seed's weights, `shipped_version` their name; none where it has none.
    """

    name: str
    scope: str
    horizon_days: int
    shape: Shape
    shipped: Mapping[Pair, Decimal]
    shipped_version: str


def goals(name: str = "") -> list[Goal]:
    """The goals to fit: all of them, or the one of that name.

    Raises:
        FixConfig: there is no such goal, or it is not fitted.
    """
    found = [_goal(row) for row in seed("goals") if row["goal"] in SHAPES]
    chosen = [each for each in found if name in ("", each.name)]
    if not chosen:
        what = f"there is no goal '{name}' to calibrate"
        known = ", ".join(each.name for each in found)
        raise FixConfig(what, "--goal", f"Use one of: {known}.")
    return chosen


def _goal(row: dict[str, str]) -> Goal:
    rows = [each for each in seed("intent_weights") if each["goal"] == row["goal"]]
    shipped = {_pair(each): Decimal(each["weight"]) for each in rows}
    version = rows[0]["weights_version"] if rows else ""
    horizon = int(row["horizon_days"])
    return Goal(row["goal"], row["scope"], horizon, SHAPES[row["goal"]], shipped, version)


def _pair(row: dict[str, str]) -> Pair:
    is_constant = row["signal"] == INTERCEPT[0]
    return INTERCEPT if is_constant else (row["signal"], int(row["half_life_days"]))
