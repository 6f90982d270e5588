"""django-oscar's baskets and what is in them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, case, func, select

from connectors.core.database.presets.oscar.tables import BASKET, BASKET_LINE
from connectors.core.database.presets.view import greatest, minor

STATES = {"Submitted": "ordered", "Merged": "closed"}


def carts() -> Select[Any]:
    """Baskets; a saved or a frozen one is still open. Emptying one leaves no trace of when."""
    lines = (
        select(
            BASKET_LINE.c.basket_id,
            func.max(BASKET_LINE.c.date_updated).label("at"),
            func.max(BASKET_LINE.c.price_currency).label("currency"),
        )
        .group_by(BASKET_LINE.c.basket_id)
        .subquery("lines")
    )
    basket = BASKET.c
    changed = greatest(basket.date_created, basket.date_merged, basket.date_submitted, lines.c.at)
    return select(
        basket.id.label("cart_id"),
        basket.owner_id.label("customer_id"),
        case(STATES, value=basket.status, else_="open").label("status"),
        lines.c.currency,
        basket.date_created.label("started_at"),
        changed.label("updated_at"),
    ).outerjoin_from(BASKET, lines, lines.c.basket_id == basket.id)


def cart_lines() -> Select[Any]:
    """Baskets' lines."""
    line = BASKET_LINE.c
    price = func.coalesce(line.price_incl_tax, line.price_excl_tax)
    return select(
        line.id.label("line_id"),
        line.basket_id.label("cart_id"),
        line.product_id,
        line.quantity,
        minor(price, line.price_currency).label("price_minor"),
        line.price_currency.label("currency"),
        line.date_updated.label("updated_at"),
    )
