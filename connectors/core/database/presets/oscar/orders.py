"""django-oscar's orders and their lines."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, case, func, literal, select

from connectors.core.database.presets.oscar.tables import (
    DISCOUNT,
    LINE,
    ORDER,
    PAYMENT,
    SHIPPED_TO,
    STATUS_CHANGE,
    TRANSACTION,
)
from connectors.core.database.presets.view import filled, greatest, minor

# A shop names its own statuses; these are the words of oscar's documentation and sandbox.
STATUSES = {
    "": "placed",
    "pending": "placed",
    "being processed": "placed",
    "complete": "fulfilled",
    "completed": "fulfilled",
    "shipped": "fulfilled",
    "canceled": "cancelled",
}


def orders() -> Select[Any]:
    """Orders under the number that customers know, as trackers do."""
    changed, currency = _changed(), ORDER.c.currency
    discount, refund = _sum(DISCOUNT.c.amount), _sum(PAYMENT.c.amount_refunded)
    word = func.lower(ORDER.c.status)
    return select(
        ORDER.c.number.label("order_id"),
        ORDER.c.user_id.label("customer_id"),
        filled(ORDER.c.guest_email).label("email"),
        literal("web").label("channel"),
        case(STATUSES, value=word, else_=word).label("status"),
        currency,
        minor(ORDER.c.total_incl_tax, currency).label("amount_minor"),
        minor(func.coalesce(discount.c.total, 0), currency).label("discount_minor"),
        minor(func.coalesce(refund.c.total, 0), currency).label("refund_minor"),
        ORDER.c.basket_id.label("cart_id"),
        SHIPPED_TO.c.country_id.label("country"),
        ORDER.c.date_placed.label("ordered_at"),
        changed.c.at.label("updated_at"),
    ).select_from(
        ORDER.join(changed, changed.c.id == ORDER.c.id)
        .outerjoin(discount, discount.c.order_id == ORDER.c.id)
        .outerjoin(refund, refund.c.order_id == ORDER.c.id)
        .outerjoin(SHIPPED_TO, SHIPPED_TO.c.id == ORDER.c.shipping_address_id)
    )


def order_lines() -> Select[Any]:
    """Lines, which change when their order does."""
    changed, currency = _changed(), ORDER.c.currency
    return select(
        LINE.c.id.label("line_id"),
        ORDER.c.number.label("order_id"),
        LINE.c.product_id,
        LINE.c.quantity,
        minor(LINE.c.unit_price_incl_tax, currency).label("price_minor"),
        minor(LINE.c.line_price_incl_tax, currency).label("amount_minor"),
        currency,
        changed.c.at.label("updated_at"),
    ).select_from(
        LINE.join(ORDER, ORDER.c.id == LINE.c.order_id).join(changed, changed.c.id == ORDER.c.id)
    )


def _changed() -> FromClause:
    """When each order (`id`) changed last (`at`)."""
    moved = (
        select(STATUS_CHANGE.c.order_id, func.max(STATUS_CHANGE.c.date_created).label("at"))
        .group_by(STATUS_CHANGE.c.order_id)
        .subquery("moved")
    )
    paid = (
        select(PAYMENT.c.order_id, func.max(TRANSACTION.c.date_created).label("at"))
        .select_from(PAYMENT.join(TRANSACTION, TRANSACTION.c.source_id == PAYMENT.c.id))
        .group_by(PAYMENT.c.order_id)
        .subquery("paid")
    )
    latest = greatest(ORDER.c.date_placed, moved.c.at, paid.c.at).label("at")
    return (
        select(ORDER.c.id, latest)
        .outerjoin_from(ORDER, moved, moved.c.order_id == ORDER.c.id)
        .outerjoin(paid, paid.c.order_id == ORDER.c.id)
        .subquery("changed")
    )


def _sum(amount: ColumnElement[Any]) -> FromClause:
    """The sum of a column by order: `order_id`, `total`."""
    of = amount.table
    return (
        select(of.c.order_id, func.sum(amount).label("total"))
        .group_by(of.c.order_id)
        .subquery(f"{of.name}_sum")
    )
