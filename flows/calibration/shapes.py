"""What each goal is fitted from: pairs of a signal and a half-life, some scaled to the shop.

A shop's people come back every few days or every few months. Its half-lives are therefore picked as
a whole, by one scale in days, and not one by one: fewer choices, less luck.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.ledger.weights import Pair

# The half-life of what does not fade, in days.
NEVER: Final = 36_500


@dataclass(frozen=True)
class Shape:
    """The terms of a goal. `scaled`: multiples of the scale by signal; `strength`: sklearn's C.

    The smaller the strength, the closer the weights stay to none.
    """

    fixed: tuple[Pair, ...]
    scaled: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    scales: tuple[int, ...] = (1,)
    strength: float = 0.01

    def at(self, scale: int) -> tuple[Pair, ...]:
        """The pairs at a scale in days, sorted."""
        moved = ((name, scale * times) for name, each in self.scaled.items() for times in each)
        return tuple(sorted({*self.fixed, *moved}))

    def pairs(self) -> tuple[Pair, ...]:
        """The pairs at all scales, sorted."""
        return tuple(sorted({*chain.from_iterable(map(self.at, self.scales))}))


def _pairs(**half_lives: tuple[int, ...]) -> tuple[Pair, ...]:
    """Pairs of signals and their half-lives in days."""
    named: Iterator[Pair] = ((name, days) for name, each in half_lives.items() for days in each)
    return tuple(named)


WEB: Final = _pairs(
    product_view=(7,),
    cart_addition=(3,),
    checkout=(2,),
    search=(7,),
    download=(14,),
    email_click=(14,),
)
# What says of people in a category that they buy, beside what they bought in it.
OF_PEOPLE: Final = _pairs(
    purchase_day=(7, 28),
    items=(28, 112),
    category_viewed=(7, 28),
    stated_interest=(112,),
)
# By goal, as the seed `goals` names them; what is not listed is not fitted.
SHAPES: Final[Mapping[str, Shape]] = {
    "buy": Shape(
        fixed=WEB
        + _pairs(purchase_day=(NEVER,), first_purchase=(60,), store_visit=(28,), returned=(56,)),
        scaled={"purchase_day": (1, 4, 16), "items": (1, 16), "spend": (1, 16)},
        scales=(3, 7, 14),
        strength=0.1,
    ),
    "enrol": Shape(
        fixed=_pairs(
            product_view=(28,),
            search=(28,),
            download=(56,),
            email_click=(56,),
            campaign_visit=(28,),
            stated_interest=(112,),
            purchase_day=(112,),
        ),
    ),
    "redeem": Shape(
        fixed=_pairs(
            coupon_redeemed=(120,),
            open_offers=(NEVER,),
            campaign_sent=(60,),
            coupon_day=(28, 112),
            purchase_day=(28,),
            spend=(112,),
        ),
    ),
    "category_again": Shape(
        fixed=OF_PEOPLE
        + _pairs(
            category_bought=(14, 60, NEVER),
            category_items=(60,),
            popular=(14,),
        ),
        strength=0.1,
    ),
    "category_new": Shape(
        fixed=OF_PEOPLE + _pairs(purchase_day=(112, NEVER), popular=(14,), near=(60,)),
        strength=0.1,
    ),
}
