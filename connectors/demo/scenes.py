"""Visits put in by hand around the demo's moment, so that each kind of case can be seen then.

All simulated. The shop's orders stay as they are: people are chosen to fit them.
"""

from connectors.demo.catalogue import DAY
from connectors.demo.orders import Order
from connectors.demo.people import Person
from connectors.demo.permissions import Consent
from connectors.demo.traffic import Traffic
from connectors.demo.visits import HOUR, Planner, Visit

HOURS_AGO = (1.5, 2, 2.1, 2.6, 3, 3.4, 14, 14.5, 15.2, 17, 19, 21.5)  # carts left, nothing bought
THEN_BOUGHT = 5  # carts left by people who then bought online, and as many in a shop
DOWNLOADS = 8
MINDS_CHANGED = 3


class Scenes:
    """Adds the visits of the day before ``as_of`` (epoch seconds)."""

    def __init__(self, planner: Planner, traffic: Traffic, as_of: int) -> None:
        """Keep where the visits go."""
        self._planner = planner
        self._rng = planner.rng
        self._traffic = traffic
        self._as_of = as_of

    def stage(self, people: list[Person], orders: list[Order], consents: list[Consent]) -> None:
        """Plan carts left and what became of them, and downloads of the last hours."""
        as_of, allowed = self._as_of, allowed_email(consents, self._as_of)
        since = as_of - 3 * DAY
        bought = {o.buyer.key for o in orders if o.buyer and since <= o.invoice.at <= as_of}
        calm = allowed - bought
        ready = [p for p in people if p.key in calm and p.tastes and not p.is_staff]
        chosen = self._rng.sample(ready, len(HOURS_AGO) + MINDS_CHANGED + 1)
        for hours in HOURS_AGO:
            self._leave(chosen.pop(), as_of - int(hours * HOUR) + self._rng.randrange(300))
        self._leave(chosen.pop(), as_of - HOUR // 2)
        for number, person in enumerate(chosen):
            self._change_of_mind(person, number)
        for person in people:
            if person.is_test or (person.is_staff and person.key in allowed):
                self._leave(person, self._planner.awake(as_of - 18 * HOUR, as_of - 2 * HOUR))
        self._then_bought([o for o in orders if o.buyer and o.buyer.key in allowed])
        for number in range(DOWNLOADS):
            at = as_of - self._rng.randrange(HOUR // 3, 5 * HOUR)
            self._traffic.download(at, stranger=number % 2 == 0)

    def _leave(self, person: Person, start: int) -> Visit:
        """Plan a cart left by somebody who logs in."""
        device = self._planner.device_of(person)
        return self._planner.abandon(person, device, start, login=True)

    def _change_of_mind(self, person: Person, number: int) -> None:
        """Plan a cart left yesterday evening, and a word an hour later.

        The first unsubscribes, the second withdraws the permission, the third is not interested
        in the cart's category.
        """
        cart = self._leave(person, self._as_of - (16 + number) * HOUR + self._rng.randrange(900))
        said = Visit("optout", cart.start + HOUR, cart.start + HOUR + 90, cart.device, person)
        said.choice, said.login = number, True
        if number == MINDS_CHANGED - 1:
            said.kind, said.category = "survey", cart.category
        self._planner.visits.append(said)

    def _then_bought(self, orders: list[Order]) -> None:
        """Plan carts left by people who then bought: online from another device, or in a shop."""
        wanted = {"web": THEN_BOUGHT, "shop": THEN_BOUGHT}
        for order in orders:
            at, buyer = order.invoice.at, order.buyer
            recent = self._as_of - 12 * HOUR < at <= self._as_of
            if recent and buyer and order.customer_id and wanted[order.channel]:
                wanted[order.channel] -= 1
                earliest = self._as_of - 23 * HOUR
                left = self._planner.awake(max(at - 20 * HOUR, earliest), at - 90 * 60)
                device = self._planner.new_device(buyer)
                self._planner.abandon(buyer, device, left, login=True)


def allowed_email(consents: list[Consent], at: int) -> set[str]:
    """Return the keys of the people whose marketing email the shop's records allow at ``at``."""
    allowed: set[str] = set()
    for consent in consents:
        if consent.channel == "email" and consent.given_at <= at:
            change = allowed.add if consent.state == "granted" else allowed.discard
            change(consent.person.key)
    return allowed
