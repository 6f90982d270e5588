"""What the ledger refused although a plan wanted it, in words: for `explain` and the funnel."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# By programme, then by reason, how many messages.
NONE: Final[Mapping[str, Mapping[str, int]]] = MappingProxyType({})

# Those of the contact policy are told by the seed `reasons`, and by their names here.
SENTENCES: Final = {
    "suppressed": "this address is on the list of those who must not be contacted",
    "withdrawn": "the permission was withdrawn after the plan",
    "goal_reached": "the goal was reached after the plan",
    "out_of_stock": "the product sold out after the plan",
    "erased": "this person asked to be forgotten",
    "left_over": "the run that planned it died; a later plan may want it again",
    "not_deliverable": "its destination could not take it",
    "expired": "the occasion was over when it was its turn to leave",
    "attempts_used_up": "it was handed over too often without success",
    "paused": "somebody, or the complaint brake, has paused it",
    "held_by_guard": "the push has an unusual size and waits for `parley confirm`",
    "ceiling": "the programme has sent what it may in a day",
    "not_live": "its destination contacts people, and the run was not live",
    "before_restore": "it may have been sent before the ledger was restored",
}


def because(reason: str) -> str:
    """Say why, with the reason's name; a reason of the contact policy is its name."""
    sentence = SENTENCES.get(reason)
    return f"{reason}: {sentence}" if sentence else reason


def lines(refused: Mapping[str, int]) -> Iterator[str]:
    """Say how many messages were refused for each reason, the most frequent first."""
    for reason, messages in sorted(refused.items(), key=lambda each: (-each[1], each[0])):
        yield f"{messages:,} refused by the ledger, {because(reason)}"
