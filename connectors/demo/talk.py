"""What people say beyond the web shop's pages: reviews, preferences, replies and calls. Simulated.

A server sends them, by customer and without a device; they come on time, once, and whole.
"""

from collections.abc import Iterator

from connectors.demo.archive import LAST_MS, Archive
from connectors.demo.catalogue import DAY, Catalogue
from connectors.demo.dice import Dice, dice
from connectors.demo.orders import Order
from connectors.demo.people import Person, uuid_of
from connectors.demo.permissions import END
from connectors.demo.stamps import stamp
from connectors.demo.steps import Properties
from connectors.demo.visits import HOUR, WEB_SINCE

REVIEW_SHARE = 0.05  # of the orders of customers
PREFERENCES, REPLIES, CALLS = 240, 90, 130

# Stars, and what is said with so many of them: often in the same words.
_REVIEWS = (
    (5, ("Lovely, just as shown.", "Perfect gift!", "Love it", "")),
    (4, ("Good value for money.", "Lovely, just as shown.", "")),
    (3, ("Smaller than expected.", "Fine for the price", "")),
    (2, ("Smaller than expected.", "Arrived late.", "The colour is not as shown.")),
    (1, ("Broken on arrival.", "Broken on arrival!", "Arrived late.")),
)
_STARS = (45, 28, 12, 9, 6)
_OUTCOMES = ("order_question", "interested", "not_interested", "complaint", "not_by_phone")
_ASKED = (50, 18, 14, 12, 6)
_GRIEVANCES = ("The parcel is late.", "Two items were missing.", "Invoice address is wrong.")
_WISHES = ("More in green, please.", "Do you ship to Jersey?", "Please send the price list.")
_Said = tuple[int, Person, str, Properties]


class Talk:
    """Adds what people said to the archive."""

    def __init__(self, seed: int, catalogue: Catalogue, people: list[Person]) -> None:
        """Listen to customers: nobody else has an account to speak from."""
        self._seed = seed
        self._rng: Dice = dice(seed, "talk")
        self._catalogue = catalogue
        self._known = [p for p in people if p.customer_id and p.tastes and not p.is_test]

    def tell(self, orders: list[Order], archive: Archive) -> None:
        """Add every statement; the archive must not have written any day yet."""
        said = [*self._reviews(orders), *self._preferences(), *self._replies(), *self._calls()]
        for number, (at, person, event, properties) in enumerate(said):
            sent = at * 1000 + self._rng.randrange(1000)
            received = min(sent + 40 + self._rng.randrange(200), LAST_MS)
            archive.add_whole(
                {
                    "type": "track", "event": event, "properties": properties,
                    "messageId": uuid_of(self._seed, "talk", number),
                    "userId": person.customer_id,
                    "originalTimestamp": stamp(sent), "timestamp": stamp(received),
                    "sentAt": stamp(sent), "receivedAt": stamp(received),
                    "context": {"library": {"name": "analytics-python", "version": "1.0.3"}},
                },
                received,
            )  # fmt: skip

    def _reviews(self, orders: list[Order]) -> Iterator[_Said]:
        """Yield reviews of the dearest thing of an order, days after it."""
        rng = self._rng
        for order in orders:
            at = order.invoice.at + rng.randrange(3 * DAY, 20 * DAY)
            items = self._catalogue.shown(order.invoice.items[:1], order.invoice.at)
            is_told = rng.chance(REVIEW_SHARE) and WEB_SINCE <= at < END
            if is_told and items and order.buyer and order.customer_id:
                rating, words = rng.choices(_REVIEWS, _STARS)[0]
                review: Properties = {"product_id": items[0][0], "rating": rating}
                review |= {"review_body": body} if (body := rng.choice(words)) else {}
                yield at, order.buyer, "Product Reviewed", review

    def _preferences(self) -> Iterator[_Said]:
        """Yield how often the newsletter is wanted, and what it should be about."""
        for at, person in self._moments(PREFERENCES):
            often = self._rng.choices(("weekly", "monthly"), (2, 3))[0]
            yield at, person, "Preference Updated", {"topic": "frequency", "answer": often}
            topic = self._rng.choice(person.tastes)
            liked: Properties = {"topic": topic, "answer": "interested"}
            yield at + 20, person, "Preference Updated", liked

    def _replies(self) -> Iterator[_Said]:
        """Yield replies to campaigns: mostly words, some a clear no to a range."""
        for at, person in self._moments(REPLIES):
            reply: Properties = {"comment": self._rng.choice(_WISHES)}
            if self._rng.chance(0.3):
                topic = self._rng.choice(list(self._catalogue.shelves))
                reply = {"topic": topic, "answer": "not_interested"}
            yield at, person, "Reply Received", reply

    def _calls(self) -> Iterator[_Said]:
        """Yield how calls ended."""
        for at, person in self._moments(CALLS):
            outcome = self._rng.choices(_OUTCOMES, _ASKED)[0]
            call: Properties = {"outcome": outcome}
            if outcome.endswith("interested"):
                call["topic"] = self._rng.choice(person.tastes)
            elif outcome == "complaint":
                call["comment"] = self._rng.choice(_GRIEVANCES)
            yield at, person, "Call Completed", call

    def _moments(self, count: int) -> Iterator[tuple[int, Person]]:
        """Yield moments of the working day, each with somebody who had an account by then."""
        for _ in range(count):
            day = self._rng.randrange(WEB_SINCE, END - DAY, DAY)
            at = day + self._rng.randrange(9 * HOUR, 17 * HOUR)
            person = self._rng.choice(self._known)
            if person.created_at < at:
                yield at, person
