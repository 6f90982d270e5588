"""Fills an empty shop: a catalogue, customers, two months of orders, and baskets left open."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.core.management import call_command
from django.db import transaction
from django.utils.timezone import now
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.core.loading import get_model

from tests.shop.trade import Basket, Line, Product, StockRecord, Trade, User, UserAddress

ADMIN = ("admin@shop.example", "admin")
CATEGORIES = ("Home > Kitchen", "Home > Garden", "Clothing", "Toys", "Books")
COUNTRIES = ("GB", "DE", "US")
GOODS = 30
CUSTOMERS = 90
GUEST_SHARE = 0.2
DAYS = 60

Benefit = get_model("offer", "Benefit")
Condition = get_model("offer", "Condition")
Country = get_model("address", "Country")
Offer = get_model("offer", "ConditionalOffer")
Partner = get_model("partner", "Partner")
ProductClass = get_model("catalogue", "ProductClass")
Range = get_model("offer", "Range")


def create_tables() -> None:
    """Create the tables from the models: what the migrations end at, without the way there."""
    call_command("migrate", run_syncdb=True, verbosity=0)


@transaction.atomic
def fill(orders: int, open_baskets: int, seed: int) -> None:
    """Fill the shop; the same arguments give the same shop, its moments aside."""
    trade = Trade(seed)
    User.objects.create_superuser(ADMIN[0], ADMIN[0], ADMIN[1])
    _catalogue(trade)
    customers = [_customer(trade, number) for number in range(CUSTOMERS)]
    products = trade.buyable()
    for number in range(orders):
        _past_order(trade, number, customers, products)
    for number in range(open_baskets):
        _open_basket(trade, number, customers, products)


def product(trade: Trade, number: int, kind: Any, **columns: Any) -> Any:
    """A product with a stock record, in a category or two."""
    made = Product.objects.create(
        title=f"Thing no. {number}", upc=f"P{number:04d}", product_class=kind, **columns
    )
    for category in trade.dice.sample(CATEGORIES, trade.dice.randint(1, 2)):
        made.categories.add(create_from_breadcrumbs(category))
    stocked(trade, made)
    return made


def stocked(trade: Trade, made: Any) -> None:
    """A stock record for a product: prices that binary fractions do not hold."""
    StockRecord.objects.create(
        product=made,
        partner=Partner.objects.get_or_create(code="warehouse", name="Warehouse")[0],
        partner_sku=f"sku-{made.pk}",
        price=Decimal(trade.dice.randint(101, 19_999)) / 100,
        num_in_stock=trade.dice.randint(150, 900),
    )


def _catalogue(trade: Trade) -> None:
    for code in COUNTRIES:
        Country.objects.create(
            iso_3166_1_a2=code, iso_3166_1_a3=f"{code}X", printable_name=code, name=code
        )
    goods = ProductClass.objects.create(name="Goods")
    files = ProductClass.objects.create(name="Files", track_stock=False, requires_shipping=False)
    for number in range(GOODS):
        product(trade, number, goods)
    product(trade, GOODS, files)
    product(trade, GOODS + 1, goods, is_public=False)
    parent = Product.objects.create(
        title="Shirt", structure=Product.PARENT, product_class=goods, upc="SHIRT"
    )
    parent.categories.add(create_from_breadcrumbs("Clothing"))
    for size in ("S", "M", "L"):
        child = Product.objects.create(
            structure=Product.CHILD, parent=parent, upc=f"SHIRT-{size}", title=""
        )
        stocked(trade, child)
    Product.objects.create(title="Not for sale yet", product_class=goods, upc="SOON")
    StockRecord.objects.filter(product__upc="P0003").update(num_in_stock=0)
    _offer()


def _offer() -> None:
    everything = Range.objects.create(name="Everything", includes_all_products=True)
    Offer.objects.create(
        name="Seven per cent off three things",
        offer_type=Offer.SITE,
        condition=Condition.objects.create(range=everything, type=Condition.COUNT, value=3),
        benefit=Benefit.objects.create(range=everything, type=Benefit.PERCENTAGE, value=7),
    )


def _customer(trade: Trade, number: int) -> Any:
    email = f"Customer.{number}@People.example"
    user = User.objects.create_user(
        f"customer{number}", email, "secret", first_name="Cu", last_name=f"Stomer {number}"
    )
    for house in range(trade.dice.randint(0, 2)):
        UserAddress.objects.create(
            user=user,
            last_name=user.last_name,
            line1=f"{house + 1} Long Lane",
            line4="Town",
            postcode="N1 9GU",
            country_id=trade.dice.choice(COUNTRIES),
            phone_number=f"+4420794600{number:02d}",
            is_default_for_shipping=True,
            is_default_for_billing=trade.dice.random() < 0.5,
        )
    return user


def _past_order(trade: Trade, number: int, customers: list[Any], products: list[Any]) -> None:
    is_guest = trade.dice.random() < GUEST_SHARE
    basket = trade.basket(None if is_guest else trade.dice.choice(customers))
    trade.fill(basket, products)
    placed = now() - timedelta(minutes=trade.dice.randint(90, DAYS * 24 * 60))
    email = f"guest{number}@elsewhere.example" if is_guest else ""
    order = trade.order(basket, email=email, placed=placed)
    Basket.objects.filter(pk=basket.pk).update(date_created=placed, date_submitted=placed)
    Line.objects.filter(basket=basket).update(date_created=placed, date_updated=placed)
    for hours in range(trade.dice.randint(0, 2)):
        if trade.move_on(order):
            moved = order.status_changes.filter(new_status=order.status)
            moved.update(date_created=placed + timedelta(hours=hours, minutes=30))


def _open_basket(trade: Trade, number: int, customers: list[Any], products: list[Any]) -> None:
    basket = trade.basket(customers[number] if number % 2 else None)
    trade.fill(basket, products)
    touched = now() - timedelta(minutes=trade.dice.randint(0, 3 * 24 * 60))
    Basket.objects.filter(pk=basket.pk).update(date_created=touched)
    Line.objects.filter(basket=basket).update(date_created=touched, date_updated=touched)
