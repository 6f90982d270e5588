"""A shop's people over a month, drawn at random: what reaches whom, and who buys.

The rules are the plan's, a day a step: what comes first wins the day, caps and
prices are those of `contact_policy`, and what is held back counts like what is sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from lift_measure import HELD, SENT, Outcome
from plan_policy import PRICES, RULE, UNITS

DAYS, WEEK = 28, 7
# A day's chance of an occasion, for somebody of middling activity; in the order of their priority.
PROGRAMMES = {"cart": ("triggered", 0.14), "price": ("triggered", 0.12), "news": ("mass", 0.0)}
# A campaign is mailed on its day, to nearly all; whom a cap stops is dropped.
CAMPAIGN_DAY, CAMPAIGN_SHARE = 20, 0.9
HOLDOUT, GLOBAL_HOLDOUT = 0.10, int(RULE["global_holdout"]["percent"]) / 100
# So many people turn out to be somebody else as well.
MERGED = 0.02
Flags = npt.NDArray[np.bool_]


@dataclass
class Shop:
    """What came of a month: by programme whom the plan chose and who of them was held back."""

    chosen: dict[str, Flags]
    held: dict[str, Flags]
    converted: Flags
    outside: Flags
    names: list[str]
    # What was sent raised a chance by so much on average, of those not held out at all.
    gained: float
    refused: int

    def outcomes(self, programme: str) -> Iterator[Outcome]:
        """Yield whom the programme would speak to, sent or held."""
        for person in np.flatnonzero(self.chosen[programme]):
            arm = HELD if self.held[programme][person] else SENT
            yield Outcome(self.names[person], arm, bool(self.converted[person]))

    def everyone(self) -> Iterator[Outcome]:
        """Yield all people by the arm that they were assigned to, spoken to or not."""
        for person, name in enumerate(self.names):
            yield Outcome(
                name, HELD if self.outside[person] else SENT, bool(self.converted[person])
            )


def shop(seed: int, people: int, effect: float, *, held_out_first: bool = False) -> Shop:
    """Draw a shop; each programme's first message raises a person's chance to buy by `effect`.

    The active have more occasions, buy more anyway, and meet the caps more often. With
    `held_out_first` those held back leave before the caps, as it must not be done.
    """
    draw = np.random.default_rng(seed)
    activity = draw.gamma(1.0, 1.0, people)
    outside = draw.random(people) < GLOBAL_HOLDOUT
    held = {name: draw.random(people) < HOLDOUT for name in PROGRAMMES}
    chosen = {name: np.zeros(people, dtype=np.bool_) for name in PROGRAMMES}
    planned = {kind: np.zeros((DAYS, people)) for kind in ("triggered", "mass")}
    refused = 0
    for day in range(DAYS):
        is_free = ~outside
        for name, (kind, rate) in PROGRAMMES.items():
            share = rate * activity if day != CAMPAIGN_DAY or kind != "mass" else CAMPAIGN_SHARE
            asks = is_free & (draw.random(people) < share)
            if held_out_first:
                chosen[name] |= asks & held[name]
                asks &= ~held[name]
            goes = asks & _has_room(planned, day, kind)
            refused += int((asks & ~goes).sum())
            chosen[name] |= goes
            planned[kind][day] += goes
            is_free = is_free & ~goes
    gained = sum(effect * (chosen[name] & ~held[name]) for name in PROGRAMMES)
    converted = draw.random(people) < np.minimum(0.05 + 0.12 * activity, 0.6) + gained
    own = np.arange(people)
    merged = np.where(draw.random(people) < MERGED, np.roll(own, 1), own)
    left = ~outside
    return Shop(
        chosen, held, converted, outside, [str(number) for number in merged],
        float(np.mean(np.broadcast_to(gained, people)[left])), refused,
    )  # fmt: skip


def _has_room(planned: dict[str, npt.NDArray[np.float64]], day: int, kind: str) -> Flags:
    """Tell who has room under the caps of a week, and patience left for it."""
    week = {each: rows[max(0, day - WEEK + 1) : day].sum(axis=0) for each, rows in planned.items()}
    count = week["triggered"] + week["mass"]
    spent = sum(float(PRICES["email", each]) * week[each] for each in week)
    has_room = (count < int(RULE["per_week"]["max_messages"])) & (
        spent + float(PRICES["email", kind]) <= float(UNITS["budget"])
    )
    if kind == "triggered":
        return np.asarray(has_room)
    yesterday = planned["triggered"][day - 1] if day else np.zeros_like(count)
    return np.asarray(
        has_room & (week["mass"] < int(RULE["mass_per_week"]["max_messages"])) & (yesterday == 0)
    )
