"""What the shop's order table says about each real invoice.

Real: number, time, amount, country, and the customer where one is known. Simulated: web or shop
floor, the store, loyalty cards read at the till, guest checkouts and their addresses, cart ids,
the few vouchers and refunds.
"""

from bisect import bisect_right
from dataclasses import dataclass

from connectors.demo.catalogue import DAY, Invoice
from connectors.demo.dice import dice
from connectors.demo.people import CHANGES_END, STORES, People, Person, digest

SHOP_FLOOR_SHARE = 0.36  # of the orders of people with a loyalty card: about 20 % of all
SHOP_FLOOR_LIMIT = 150_000  # pence; nobody carries a wholesale order home
GUEST_SHARE = 0.35  # of the small invoices of unknown buyers: about 15 % of all theirs
GUEST_LINES, GUEST_LIMIT = 60, 60_000  # lines, pence
KNOWN_GUESTS = 1 / 3


@dataclass(slots=True)
class Order:
    """An order as the shop stores it; ``buyer`` is who it was, known to the shop or not."""

    invoice: Invoice
    channel: str
    buyer: Person | None = None
    customer_id: str | None = None
    email: str | None = None
    loyalty_card: str | None = None
    store: str | None = None
    cart_id: str | None = None
    status: str = "completed"
    discount_minor: int = 0
    refund_minor: int = 0
    updated_at: int = 0


class OrderBook:
    """All orders by time, and the guests met on the way."""

    def __init__(self, seed: int, people: People, customers: dict[int, Person]) -> None:
        """Keep what every order is marked from."""
        self._seed = seed
        self._rng = dice(seed, "orders")
        self._people = people
        self._customers = customers
        self._by_time = sorted(customers.values(), key=lambda p: (p.created_at, p.key))
        self._times = [p.created_at for p in self._by_time]
        self.guests: list[Person] = []
        self.orders: list[Order] = []

    def mark(self, invoices: list[Invoice]) -> list[Order]:
        """Return one order per invoice, in the same sequence."""
        self.orders = [self._order(invoice) for invoice in invoices]
        return self.orders

    def _order(self, invoice: Invoice) -> Order:
        order = self._known(invoice) if invoice.customer else self._unknown(invoice)
        order.updated_at = invoice.at
        if order.channel == "web":
            order.cart_id = f"c{digest(self._seed, 'cart', invoice.order_id)}"
        if self._rng.chance(0.01):
            order.discount_minor = invoice.amount_minor // 20
        refunded = self._rng.chance(0.015)
        days = self._rng.randrange(3, 14)
        if refunded and invoice.at + days * DAY < CHANGES_END:
            self._refund(order, invoice.at + days * DAY)
        return order

    def _known(self, invoice: Invoice) -> Order:
        buyer = self._customers[invoice.customer]
        at_till = bool(buyer.loyalty_card) and invoice.amount_minor < SHOP_FLOOR_LIMIT
        if at_till and self._rng.chance(SHOP_FLOOR_SHARE):
            looked_up = self._rng.chance(0.5)
            return Order(
                invoice, "shop", buyer, customer_id=buyer.customer_id if looked_up else None,
                loyalty_card=buyer.loyalty_card, store=buyer.store,
            )  # fmt: skip
        return Order(invoice, "web", buyer, customer_id=buyer.customer_id, email=buyer.email)

    def _unknown(self, invoice: Invoice) -> Order:
        rng = self._rng
        small = invoice.lines <= GUEST_LINES and invoice.amount_minor < GUEST_LIMIT
        if invoice.country == "GB" and not (small and rng.chance(GUEST_SHARE)):
            return Order(invoice, "shop", store=rng.choices(STORES, (8, 4, 3, 3, 2))[0])
        buyer = self._guest(invoice)
        email = buyer.email.capitalize() if rng.chance(0.15) else buyer.email
        return Order(invoice, "web", buyer, email=email)

    def _guest(self, invoice: Invoice) -> Person:
        """Return who checked out as a guest: a customer, an earlier guest or somebody new."""
        rng, size = self._rng, bisect_right(self._times, invoice.at)
        if rng.chance(KNOWN_GUESTS) and size and invoice.country == "GB":
            for _ in range(20):
                person = self._by_time[rng.randrange(size)]
                if person.place.iso == invoice.country and not person.is_staff:
                    return person
        if self.guests and rng.chance(0.1):
            return rng.choice(self.guests)
        iso = "GB" if invoice.country == "ZZ" else invoice.country
        guest = self._people.stranger(f"guest{len(self.guests) + 1}", invoice.at - 120, iso)
        self.guests.append(guest)
        return guest

    def _refund(self, order: Order, at: int) -> None:
        """Pay back the order or a part of it at ``at``; the row changes then."""
        whole = self._rng.chance(0.3)
        amount = order.invoice.amount_minor - order.discount_minor
        order.refund_minor = amount if whole else amount * self._rng.randrange(1, 6) // 10
        order.status = "refunded" if whole else "partially_refunded"
        order.updated_at = at
