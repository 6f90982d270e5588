"""What is done in the shop, by oscar's own classes: fill a basket, order, move an order on."""

from __future__ import annotations

import random
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from oscar.core.loading import get_class, get_model

Address = get_model("order", "ShippingAddress")
Applicator = get_class("offer.applicator", "Applicator")
Basket = get_model("basket", "Basket")
Line = get_model("basket", "Line")
Order = get_model("order", "Order")
OrderCreator = get_class("order.utils", "OrderCreator")
Product = get_model("catalogue", "Product")
Selector = get_class("partner.strategy", "Selector")
StockRecord = get_model("partner", "StockRecord")
Totals = get_class("checkout.calculators", "OrderTotalCalculator")
User = get_user_model()
UserAddress = get_model("address", "UserAddress")

FixedPrice = get_class("shipping.methods", "FixedPrice")
SHIPPING = FixedPrice(Decimal("3.95"), Decimal("3.95"))


class Trade:
    """The shop's business, at dice that are thrown the same way again from the same seed."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def basket(self, owner: Any = None) -> Any:
        """A new open basket, or the open one that its owner has."""
        found = Basket.open.filter(owner=owner).first() if owner else None
        return self._ready(found or Basket.objects.create(owner=owner))

    def add(self, basket: Any, product: Any) -> None:
        """Put a product that is in stock in a basket, one to three times."""
        self._ready(basket).add(product, quantity=self.dice.randint(1, 3))

    def fill(self, basket: Any, products: list[Any], most: int = 4) -> None:
        """Put some different products in a basket."""
        for product in self.dice.sample(products, self.dice.randint(1, most)):
            self.add(basket, product)

    def order(self, basket: Any, *, email: str = "", placed: datetime | None = None) -> Any:
        """Check out, as oscar's own checkout does: the order is placed, then the basket submitted.

        `email` is a guest's; `placed` is when, now where it is not told.
        """
        self._ready(basket)
        charge = SHIPPING.calculate(basket)
        extra = {"guest_email": email} if email else {}
        order = OrderCreator().place_order(
            basket,
            Totals().calculate(basket, charge),
            SHIPPING,
            charge,
            user=basket.owner,
            shipping_address=self._shipped_to(basket.owner),
            **({"date_placed": placed} if placed else {}),
            **extra,
        )
        basket.submit()
        return order

    def move_on(self, order: Any) -> bool:
        """Set the next status that the pipeline allows; False where there is none."""
        allowed = order.available_statuses()
        if allowed:
            order.set_status(self.dice.choice(allowed))
        return bool(allowed)

    def buyable(self) -> list[Any]:
        """Products that have a price and are in stock."""
        records = StockRecord.objects.filter(price__isnull=False, product__is_public=True)
        return [
            record.product
            for record in records.select_related("product").order_by("id")
            if record.net_stock_level > 0 or not record.can_track_allocations
        ]

    def _ready(self, basket: Any) -> Any:
        basket.strategy = Selector().strategy()
        basket.reset_offer_applications()
        if not basket.is_empty:
            Applicator().apply(basket, basket.owner)
        return basket

    def _shipped_to(self, owner: Any) -> Any:
        saved = UserAddress.objects.filter(user=owner).first() if owner else None
        if saved is None:
            return None
        address = Address()
        saved.populate_alternative_model(address)
        address.save()
        return address
