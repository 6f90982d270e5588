"""What a programme is worth: who was sent it, against who would have been and was held back.

Rates of conversion are compared, and nothing of what people did after is looked at to choose whom
to count: intention to treat. The interval is Newcombe's (1998, hybrid score), which holds where
counts are small or zero, as they are in a holdout; the usual one does not.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

SENT, HELD = "sent", "held"


class Outcome(NamedTuple):
    """One person of a comparison: sent or held (assigned at random), and whether they converted.

    A person of both arms, whose ids were merged after the assignment, is two rows of one
    `person_id`.
    """

    person_id: str
    arm: str
    converted: bool


class Lift(NamedTuple):
    """Difference of the conversion rates, sent less held, and its interval (shares, -1 to 1).

    `left_out` are the people of both arms, who belong to neither.
    """

    estimate: float
    low: float
    high: float
    left_out: int = 0


def lift(outcomes: Iterable[Outcome], confidence: float = 0.95) -> Lift | None:
    """Compare the arms; None where one of them is empty.

    Each person counts once: they converted if any of their rows says so.
    """
    arms: dict[str, set[str]] = {}
    converted: set[str] = set()
    for outcome in outcomes:
        arms.setdefault(outcome.person_id, set()).add(outcome.arm)
        if outcome.converted:
            converted.add(outcome.person_id)
    counts = {SENT: [0, 0], HELD: [0, 0]}
    for person, theirs in arms.items():
        if len(theirs) == 1:
            counted = counts[next(iter(theirs))]
            counted[0] += person in converted
            counted[1] += 1
    if not counts[SENT][1] or not counts[HELD][1]:
        return None
    of_both = sum(len(theirs) > 1 for theirs in arms.values())
    told = difference(*counts[SENT], *counts[HELD], confidence=confidence)
    return told._replace(left_out=of_both)


def difference(
    sent_converted: int, sent: int, held_converted: int, held: int, *, confidence: float = 0.95
) -> Lift:
    """Return the difference of two rates of these counts, with Newcombe's interval."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    one, two = sent_converted / sent, held_converted / held
    one_low, one_high = _score_interval(one, sent, z)
    two_low, two_high = _score_interval(two, held, z)
    return Lift(
        one - two,
        one - two - sqrt((one - one_low) ** 2 + (two_high - two) ** 2),
        one - two + sqrt((one_high - one) ** 2 + (two - two_low) ** 2),
    )


def _score_interval(rate: float, count: int, z: float) -> tuple[float, float]:
    """Return Wilson's interval of a rate."""
    middle = rate + z * z / (2 * count)
    reach = z * sqrt(rate * (1 - rate) / count + z * z / (4 * count * count))
    whole = 1 + z * z / count
    return (middle - reach) / whole, (middle + reach) / whole
