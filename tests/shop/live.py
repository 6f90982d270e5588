"""The shop goes on: customers and staff do one thing after another, each committed by itself."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.shop.stock import product
from tests.shop.trade import Basket, Line, Order, Product, StockRecord, Trade, User


class NothingToDo(Exception):
    """The shop has nothing just now that an act could be done to."""


class Life:
    """Everything that happens in the shop after it opened; `did` counts it by name."""

    def __init__(self, seed: int) -> None:
        self.trade = Trade(seed)
        self.did: Counter[str] = Counter()
        self._acts: dict[Callable[[], None], int] = {
            self.order: 6, self.move_on: 6, self.put_in: 6, self.start_basket: 4,
            self.change_quantity: 2, self.take_out: 2, self.empty: 2, self.merge: 2,
            self.delete_basket: 1, self.save_for_later: 1, self.register: 1,
            self.change_email: 2, self.leave: 1, self.reprice: 2, self.restock: 2,
            self.sell_out: 1, self.launch: 1, self.rename: 1,
        }  # fmt: skip

    def go_on(self, steps: int, pause: float = 0.0) -> None:
        """Do so many things, `pause` seconds apart; each kind of thing is tried at least once."""
        acts, weights = list(self._acts), list(self._acts.values())
        due = acts[:]
        self.trade.dice.shuffle(due)
        for _ in range(steps):
            act = due.pop() if due else self.trade.dice.choices(acts, weights)[0]
            try:
                act()
            except NothingToDo:
                continue
            self.did[act.__name__] += 1
            time.sleep(pause)

    def order(self) -> None:
        """A basket is bought; a guest leaves an email."""
        basket = self._any(_filled())
        email = "" if basket.owner else f"late{basket.pk}@elsewhere.example"
        self.trade.order(basket, email=email)

    def move_on(self) -> None:
        """An order is processed, completed or cancelled."""
        open_orders = Order.objects.filter(status__in=("Pending", "Being processed"))
        self.trade.move_on(self._any(open_orders))

    def put_in(self) -> None:
        """Something more is put in a basket."""
        self.trade.add(self._any(Basket.open.all()), self.trade.dice.choice(self.trade.buyable()))

    def start_basket(self) -> None:
        """Somebody, known or not, begins a basket."""
        is_known = self.trade.dice.random() < 0.5
        basket = self.trade.basket(self._any(_customers()) if is_known else None)
        self.trade.fill(basket, self.trade.buyable(), most=3)

    def change_quantity(self) -> None:
        """The quantity of a line is changed, to none perhaps."""
        line = self._any(_lines())
        line.quantity = self.trade.dice.randint(0, 5)
        line.save()

    def take_out(self) -> None:
        """A line is taken out of a basket."""
        self._any(_lines()).delete()

    def empty(self) -> None:
        """A basket is emptied."""
        self._any(_filled()).flush()

    def merge(self) -> None:
        """Somebody logs in: what they had as a visitor joins the basket of their account."""
        visitor = self._any(_filled().filter(owner=None))
        self._any(Basket.open.filter(owner__isnull=False)).merge(visitor)

    def delete_basket(self) -> None:
        """A visitor's old basket is cleared away with its lines."""
        self._any(Basket.open.filter(owner=None)).delete()

    def save_for_later(self) -> None:
        """A basket is kept for later."""
        basket = self._any(_filled())
        basket.status = Basket.SAVED
        basket.save()

    def register(self) -> None:
        """A new customer."""
        name = f"newcomer{User.objects.latest('pk').pk + 1}"
        User.objects.create_user(name, f"{name}@people.example", "secret")

    def change_email(self) -> None:
        """A customer has another address from now on, which leaves no trace of when."""
        user = self._any(_customers())
        user.email = f"moved.{user.pk}.{self.trade.dice.randint(0, 999)}@people.example"
        user.save()

    def leave(self) -> None:
        """A customer who never ordered deletes the account, and with it the baskets."""
        self._any(_customers().filter(orders__isnull=True)).delete()

    def reprice(self) -> None:
        """A price changes."""
        record = self._any(StockRecord.objects.all())
        record.price = Decimal(self.trade.dice.randint(101, 19_999)) / 100
        record.save()

    def restock(self) -> None:
        """Goods arrive: written past the model, so that no change time is set."""
        self._write_stock(StockRecord.objects.all(), num_in_stock=900, num_allocated=0)

    def sell_out(self) -> None:
        """The last one is gone."""
        self._write_stock(StockRecord.objects.filter(product__upc__lt="P0010"), num_in_stock=0)

    def launch(self) -> None:
        """A new product."""
        number = Product.objects.latest("pk").pk + 1000
        product(self.trade, number, Product.objects.get(upc="P0000").product_class)

    def rename(self) -> None:
        """A product is called otherwise."""
        named = self._any(Product.objects.exclude(title=""))
        named.title = f"{named.title}, new"
        named.save()

    def _write_stock(self, found: Any, **columns: int) -> None:
        StockRecord.objects.filter(pk=self._any(found).pk).update(**columns)

    def _any(self, found: Any) -> Any:
        keys = sorted(set(found.values_list("pk", flat=True)))
        if not keys:
            raise NothingToDo
        return found.model.objects.get(pk=self.trade.dice.choice(keys))


def _customers() -> Any:
    return User.objects.filter(is_staff=False)


def _filled() -> Any:
    return Basket.open.filter(lines__quantity__gt=0)


def _lines() -> Any:
    return Line.objects.filter(basket__status__in=Basket.editable_statuses)
