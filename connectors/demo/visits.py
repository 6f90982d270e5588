"""Plan of the web shop's visits around the real orders. All simulated.

Web tracking began on 2011-09-01. Every web order since then is reached by a visit; many are
preceded by visits that looked at the same things, some by a cart left on another device.
"""

from dataclasses import dataclass
from typing import Literal

from connectors.demo.catalogue import DAY, Catalogue, Item
from connectors.demo.dice import dice
from connectors.demo.orders import Order
from connectors.demo.people import Device, People, Person, digest

WEB_SINCE = 1_314_835_200  # 2011-09-01T00:00:00Z
HOUR = 3_600
MOST_ITEMS = 5

Kind = Literal["order", "browse", "abandon", "download", "newsletter", "optout", "survey", "bot"]


@dataclass(slots=True)
class Visit:
    """A planned visit, times in epoch seconds; ``login`` forces or forbids a login."""

    kind: Kind
    start: int
    end: int
    device: Device
    person: Person | None = None
    cart_id: str = ""
    order: Order | None = None
    items: tuple[Item, ...] = ()
    category: str = ""
    choice: int = 0
    login: bool | None = None
    campaign: str = ""  # whose link was followed; empty for any or none


class Planner:
    """Collects visits; the helpers give each its device, length and cart."""

    def __init__(self, seed: int, catalogue: Catalogue, people: People) -> None:
        """Start with no visits."""
        self.seed = seed
        self.rng = dice(seed, "visits")
        self.catalogue = catalogue
        self.people = people
        self.visits: list[Visit] = []
        self._carts = 0

    def cart_id(self) -> str:
        """Return the id of a cart that no order knows."""
        self._carts += 1
        return f"c{digest(self.seed, 'left', self._carts)}"

    def device_of(self, person: Person, other_than: Device | None = None) -> Device:
        """Return one of a person's devices, mostly the first; a new one when there is no other."""
        usable = [device for device in person.devices if device is not other_than]
        if not usable:
            return self.new_device(person)
        return usable[0] if self.rng.chance(0.7) else self.rng.choice(usable)

    def new_device(self, person: Person) -> Device:
        """Return a device the person was not seen on before."""
        person.devices.append(self.people.device())
        return person.devices[-1]

    def awake(self, earliest: int, latest: int) -> int:
        """Return a moment between the two that was tracked, rarely one in the small hours."""
        moment = earliest = max(earliest, WEB_SINCE)
        for _ in range(4):
            moment = self.rng.randrange(earliest, latest)
            if moment % DAY >= 7 * HOUR:
                break
        return moment

    def browse(
        self,
        person: Person | None,
        device: Device,
        start: int,
        items: tuple[Item, ...] = (),
    ) -> Visit:
        """Plan a visit that ends without a cart."""
        visit = Visit("browse", start, start + self.rng.randrange(60, 900), device, person)
        visit.category = self._taste(person)
        visit.items = items
        self.visits.append(visit)
        return visit

    def abandon(
        self,
        person: Person | None,
        device: Device,
        start: int,
        items: tuple[Item, ...] = (),
        *,
        login: bool | None = None,
    ) -> Visit:
        """Plan a visit that leaves a cart behind."""
        end = start + self.rng.randrange(150, 1_500)
        visit = Visit("abandon", start, end, device, person, self.cart_id(), login=login)
        visit.category = self._taste(person)
        visit.items = items
        self.visits.append(visit)
        return visit

    def orders(self, orders: list[Order]) -> None:
        """Plan what led to each order since web tracking began."""
        for order in orders:
            if order.buyer and order.invoice.at >= WEB_SINCE + 12 * HOUR:
                if order.channel == "web":
                    self._web_order(order, order.buyer)
                else:
                    self._shop_order(order, order.buyer)

    def _web_order(self, order: Order, buyer: Person) -> None:
        rng, at = self.rng, order.invoice.at
        as_guest = buyer.customer_id is not None and order.customer_id is None
        device = self.people.device() if as_guest else self.device_of(buyer)
        if not as_guest:
            self._look_before(order, buyer)
        items = self._some(order)
        start = at - rng.randrange(5 * 60, 40 * 60)
        revived = rng.chance(0.06)
        if revived and items:
            early = self.awake(at - 20 * HOUR, at - 2 * HOUR)
            self.abandon(buyer, device, early, items).cart_id = order.cart_id or ""
        elif rng.chance(0.12) and not as_guest:
            left = self.awake(at - 44 * HOUR, at - HOUR)
            self.abandon(buyer, self.device_of(buyer, device), left, items[:2])
        visit = Visit("order", start, at + rng.randrange(1, 50), device, buyer)
        visit.cart_id, visit.order, visit.items = order.cart_id or "", order, items
        visit.category = self.catalogue.products[items[0][0]].category if items else ""
        self.visits.append(visit)

    def _shop_order(self, order: Order, buyer: Person) -> None:
        """Plan what a buyer of the shop floor had looked at before."""
        at = order.invoice.at
        self._look_before(order, buyer)
        if self.rng.chance(0.16):
            left = self.awake(at - 30 * HOUR, at - HOUR)
            self.abandon(buyer, self.device_of(buyer), left, self._some(order)[:3])

    def _look_before(self, order: Order, buyer: Person) -> None:
        """Plan visits of the days before an order, to some of the things it holds."""
        at = order.invoice.at
        for _ in range(self.rng.choices((0, 1, 2), (62, 26, 12))[0]):
            start = self.awake(at - 9 * DAY, at - HOUR)
            self.browse(buyer, self.device_of(buyer), start, items=self._some(order)[:3])

    def _some(self, order: Order) -> tuple[Item, ...]:
        """Return up to five items of an order that the web shop shows."""
        found = self.catalogue.shown(order.invoice.items, order.invoice.at - HOUR)
        size = min(len(found), self.rng.randrange(1, MOST_ITEMS + 1))
        return tuple(self.rng.sample(found, size))

    def _taste(self, person: Person | None) -> str:
        """Return a category: mostly one the person buys from, in time Christmas for the others."""
        if person and person.tastes and self.rng.chance(0.8):
            return self.rng.choice(person.tastes)
        return self.rng.choice(self._shelves())

    def _shelves(self) -> list[str]:
        return [*self.catalogue.shelves, "christmas", "kitchen", "bags"]
