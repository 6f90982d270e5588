"""Visits of people who come back, put in by hand: for a price, for a product, after a letter.

All simulated. Whoever looked at a product of which the price falls, or that was gone for a while,
may hear of it; whoever followed the link of a campaign and bought nothing may be asked again.
"""

from connectors.demo.catalogue import DAY
from connectors.demo.changes import Change, Changes
from connectors.demo.orders import Order
from connectors.demo.people import Person
from connectors.demo.permissions import Consent
from connectors.demo.scenes import allowed_email
from connectors.demo.visits import HOUR, Planner

LOOKED = 3  # people for each product
CAMPAIGN = "winter_2011"  # of campaigns.csv: it begins the day before the demo's moment
ANSWERS = 90  # people who follow its link, of whom it was sent to some
CALM_DAYS = 20  # so long these people have bought nothing


class Returns:
    """Adds the visits of weeks before ``as_of`` (epoch seconds), and of the day before."""

    def __init__(self, planner: Planner, changes: Changes, as_of: int) -> None:
        """Keep where the visits go and what they are about."""
        self._planner = planner
        self._rng = planner.rng
        self._changes = changes
        self._as_of = as_of

    def stage(self, people: list[Person], orders: list[Order], consents: list[Consent]) -> None:
        """Plan who looked at what changes, and who answers the campaign."""
        allowed = allowed_email(consents, self._as_of)
        since = self._as_of - CALM_DAYS * DAY
        bought = {o.buyer.key for o in orders if o.buyer and since <= o.invoice.at <= self._as_of}
        calm = allowed - bought
        ready = [p for p in people if p.key in calm and p.tastes and not p.is_staff]
        changes = [*self._changes.cheaper, *self._changes.back]
        chosen = self._rng.sample(ready, LOOKED * len(changes) + ANSWERS)
        for change in changes:
            for _ in range(LOOKED):
                self._look(chosen.pop(), change)
        for person in chosen:
            self._answer(person)

    def _look(self, person: Person, change: Change) -> None:
        """Plan a visit to a product by somebody who logs in."""
        product = self._planner.catalogue.products[change.product_id]
        at = self._planner.awake(change.looked_since, change.looked_until)
        items = ((product.product_id, 1, product.price_minor),)
        device = self._planner.device_of(person)
        self._planner.browse(person, device, at, items).login = True

    def _answer(self, person: Person) -> None:
        """Plan a visit by the campaign's link, in the afternoon or evening after it was sent."""
        at = self._as_of - DAY + self._rng.randrange(HOUR, 11 * HOUR)
        visit = self._planner.browse(person, self._planner.device_of(person), at)
        visit.login, visit.campaign = True, CAMPAIGN
