"""What changes in the catalogue around the demo's moment: prices fall, things come back. Simulated.

The shop keeps every version of a product with the moment of the change, so that a reader who stops
at a moment sees what was known by then.
"""

from dataclasses import dataclass

from connectors.demo.catalogue import DAY, Catalogue, Product
from connectors.demo.dice import Dice, dice
from connectors.demo.visits import HOUR

CHEAPER, BACK = 12, 12  # products of which the price falls, and that come back, by the moment
LATER = 4  # of each kind a day after
POPULAR = 400  # the most ordered products, of which those are
LEAST_MINOR = 200  # below that no difference is worth a message


@dataclass(frozen=True, slots=True)
class Version:
    """A product from ``at`` on (epoch seconds)."""

    product_id: str
    at: int
    price_minor: int
    in_stock: bool


@dataclass(frozen=True, slots=True)
class Change:
    """Something about a product that people who looked at it between the two moments may hear."""

    product_id: str
    looked_since: int
    looked_until: int


class Changes:
    """The versions of all products; ``cheaper`` and ``back`` are those that people waited for."""

    def __init__(self, seed: int, catalogue: Catalogue, as_of: int) -> None:
        """Choose the products and their moments; the last ones change a day after ``as_of``."""
        self._rng: Dice = dice(seed, "catalogue changes")
        self._versions: dict[str, list[Version]] = {}
        self.cheaper: list[Change] = []
        self.back: list[Change] = []
        known = [p for p in catalogue.products.values() if _is_usable(p, as_of)]
        known.sort(key=lambda p: (-p.orders, p.product_id))
        chosen = self._rng.sample(known[:POPULAR], CHEAPER + BACK + 2 * LATER)
        for number in range(CHEAPER + LATER):
            self._fall(
                chosen.pop(), self._moment(as_of, is_before=number < CHEAPER), rises=number == 0
            )
        for number in range(BACK + LATER):
            self._return(
                chosen.pop(), self._moment(as_of, is_before=number < BACK), leaves=number == 0
            )

    def of(self, product: Product) -> list[Version]:
        """Return a product's versions by time, the first from the day it was first sold."""
        first = Version(product.product_id, product.since, product.price_minor, product.in_stock)
        return [first, *self._versions.get(product.product_id, [])]

    def price_of(self, product: Product, at: int) -> int:
        """Return what a product costs at a moment, in pence."""
        known = self._versions.get(product.product_id, [])
        return next((v.price_minor for v in reversed(known) if v.at <= at), product.price_minor)

    def _moment(self, as_of: int, *, is_before: bool) -> int:
        day = as_of if is_before else as_of + DAY
        return day - self._rng.randrange(3 * HOUR, 20 * HOUR)

    def _fall(self, product: Product, at: int, *, rises: bool) -> None:
        """Lower a price by 15 to 30 %; let it rise again an hour later, if so asked."""
        price = product.price_minor * self._rng.randrange(70, 86) // 100
        versions = [Version(product.product_id, at, price, in_stock=True)]
        if rises:
            versions.append(
                Version(product.product_id, at + HOUR, product.price_minor, in_stock=True)
            )
        self._versions[product.product_id] = versions
        self.cheaper.append(Change(product.product_id, at - 20 * DAY, at - DAY))

    def _return(self, product: Product, at: int, *, leaves: bool) -> None:
        """Let a product be gone for one to three weeks; and again an hour later, if so asked."""
        gone = at - self._rng.randrange(8 * DAY, 20 * DAY)
        moments = [(gone, False), (at, True), *([(at + HOUR, False)] if leaves else [])]
        self._versions[product.product_id] = [
            Version(product.product_id, moment, product.price_minor, in_stock=is_there)
            for moment, is_there in moments
        ]
        self.back.append(Change(product.product_id, gone, at - DAY))


def _is_usable(product: Product, as_of: int) -> bool:
    """Whether a product is on sale, for long enough, at a price that can fall."""
    is_known = product.since < as_of - 40 * DAY
    return is_known and product.in_stock and product.price_minor >= LEAST_MINOR
