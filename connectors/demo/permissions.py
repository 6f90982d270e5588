"""Permissions to be contacted, as the shop recorded them. All simulated.

About 65 % of the customers allow marketing email when they register, 15 % calls (those with a
phone); some take it back later. A part of the others bought without objecting (soft opt-in). The
shop asks everybody to confirm by a link; most do within the quarter of an hour.
"""

from dataclasses import dataclass

from connectors.demo.catalogue import DAY
from connectors.demo.dice import Dice, dice
from connectors.demo.orders import Order
from connectors.demo.people import Person

END = 1_323_475_199  # 2011-12-09T23:59:59Z, the end of the demo's world
_PROOFS = (
    "checkout box v2",
    "checkout box v3",
    "account form v1",
    "newsletter form v2",
)


@dataclass(slots=True)
class Consent:
    """A declaration; ``given_at`` and ``confirmed_at`` in epoch seconds."""

    person: Person
    channel: str
    state: str
    legal_basis: str
    proof: str
    given_at: int
    confirmed_at: int | None = None


def declare(
    seed: int, customers: list[Person], guests: list[Person], orders: list[Order]
) -> list[Consent]:
    """Return the shop's declarations ordered by time."""
    rng = dice(seed, "permissions")
    first: dict[str, Order] = {}
    for order in orders:
        if order.buyer:
            first.setdefault(order.buyer.key, order)
    found: list[Consent] = []
    for person in customers:
        found += _of_customer(rng, person, first.get(person.key))
    for guest in guests:
        if rng.chance(0.3):
            found += _granted(rng, guest, "email", guest.created_at + 30)
    found.sort(key=lambda c: (c.given_at, c.person.key, c.channel))
    _confirm(dice(seed, "confirmations"), found)
    return found


def _confirm(rng: Dice, consents: list[Consent]) -> None:
    """Let people follow the link that they were sent; about one in twelve never does."""
    for consent in consents:
        if (consent.state, consent.legal_basis) != ("granted", "consent"):
            continue
        at = consent.given_at + rng.randrange(30, 900)
        if at <= END and not rng.chance(0.08):
            consent.confirmed_at = at


def _of_customer(rng: Dice, person: Person, order: Order | None) -> list[Consent]:
    """Return what one customer declared on registering, and what they took back."""
    found: list[Consent] = []
    registered = person.created_at + rng.randrange(5, 60)
    if person.is_test or rng.chance(0.65):
        found += _granted(rng, person, "email", registered)
    elif order and order.channel == "web" and rng.chance(0.35):
        proof = f"order {order.invoice.order_id}, opt-out offered at checkout v3"
        at = order.invoice.at
        found.append(Consent(person, "email", "granted", "soft_opt_in", proof, at))
    if person.phone and rng.chance(0.25):
        found += _granted(rng, person, "call", registered)
    return found


def _granted(rng: Dice, person: Person, channel: str, at: int) -> list[Consent]:
    """Return a grant, and for about 8 % of them the later withdrawal."""
    found = [Consent(person, channel, "granted", "consent", rng.choice(_PROOFS), at)]
    if rng.chance(0.08) and at + 7 * DAY < END:
        later = rng.randrange(at + 7 * DAY, END)
        proof = rng.choice(("account settings", "customer service"))
        found.append(Consent(person, channel, "withdrawn", "consent", proof, later))
    return found
