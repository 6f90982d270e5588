"""The lift of a programme: by hand, and in shops of which the truth is known.

`LONG=1`: shops of more people; `PARLEY_SEED` draws others.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from lift_kit import PROGRAMMES, shop
from lift_measure import HELD, SENT, Lift, Outcome, difference, lift

SEED = int(os.environ.get("PARLEY_SEED", "7"))
SHOPS, PEOPLE = 200, 4000 if os.environ.get("LONG") else 1000
ALL = "all of them"


def test_the_interval_is_newcombes() -> None:
    """Table II of his paper (1998), method 10: 56/70 and 48/80, 10/10 and 0/10."""
    told = difference(56, 70, 48, 80)
    assert (round(told.estimate, 4), round(told.low, 4), round(told.high, 4)) == (
        0.2,
        0.0524,
        0.3339,
    )
    least = difference(10, 10, 0, 10)
    assert (round(least.estimate, 4), round(least.low, 4), round(least.high, 4)) == (
        1.0,
        0.6075,
        1.0,
    )


def test_rates_are_compared_by_person() -> None:
    """Who was sent three messages and bought after one of them is one person who bought."""
    rows = [
        Outcome("a", SENT, converted=False),
        Outcome("a", SENT, converted=True),
        Outcome("b", SENT, converted=False),
    ]
    told = lift([*rows, Outcome("c", HELD, converted=False)])
    assert told
    assert told.estimate == pytest.approx(0.5)
    assert told.low < told.estimate < told.high


def test_people_merged_across_arms_are_left_out_and_counted() -> None:
    rows = [Outcome("a", SENT, converted=True), Outcome("b", HELD, converted=False)]
    both = [Outcome("ab", SENT, converted=True), Outcome("ab", HELD, converted=True)]
    alone, told = lift(rows), lift([*rows, *both])
    assert alone
    assert told == alone._replace(left_out=1)


def test_without_anybody_in_an_arm_nothing_is_told() -> None:
    assert lift([]) is None
    assert lift([Outcome("a", SENT, converted=True)]) is None
    assert lift([Outcome("a", HELD, converted=True)]) is None


@pytest.mark.parametrize("effect", [0.0, 0.08])
def test_the_interval_covers_the_truth_in_nine_shops_of_ten(effect: float) -> None:
    covered = dict.fromkeys((*PROGRAMMES, ALL), 0)
    for number in range(SHOPS):
        drawn = shop(SEED * 1000 + number, PEOPLE, effect)
        assert drawn.refused > PEOPLE / 4, "the caps don't bind"
        for name in PROGRAMMES:
            covered[name] += _covers(lift(drawn.outcomes(name)), effect)
        covered[ALL] += _covers(lift(drawn.everyone()), drawn.gained)
    assert min(covered.values()) >= 0.9 * SHOPS, covered


def _covers(told: Lift | None, truth: float) -> bool:
    assert told
    return told.low <= truth <= told.high


def test_a_holdout_before_the_caps_would_bias_the_lift() -> None:
    """They would count though a cap had stopped them: the most active, who buy anyway."""
    found = {
        first: [
            told.estimate / (drawn.converted[drawn.chosen["news"]].mean())
            for number in range(60)
            if (drawn := shop(SEED * 1000 + number, 4 * PEOPLE, 0, held_out_first=first))
            and (told := lift(drawn.outcomes("news")))
        ]
        for first in (False, True)
    }
    last, early = (float(np.mean(found[first])) for first in (False, True))
    print(f"relative lift where the truth is 0: held out last {last:+.3f}, first {early:+.3f}")
    assert abs(last) < 0.03
    assert early < -0.05
