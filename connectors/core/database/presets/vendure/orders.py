"""Vendure's orders: those that were placed, and all of them as the carts that they are or were."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, func, literal, select

from connectors.core.database.presets.vendure.tables import (
    HISTORY,
    LINE,
    ORDER,
    PAYMENT,
    REFUND,
    money,
)
from connectors.core.database.presets.view import greatest

STATES = {
    "PaymentAuthorized": "placed",
    "PaymentSettled": "paid",
    "PartiallyShipped": "paid",
    "Shipped": "fulfilled",
    "PartiallyDelivered": "fulfilled",
    "Delivered": "fulfilled",
    "Modifying": "placed",
    "ArrangingAdditionalPayment": "placed",
    "Cancelled": "cancelled",
}

_order = ORDER.c
_is_one = func.coalesce(_order.type, "Regular") != "Seller"
_is_placed = _order.orderPlacedAt.is_not(None)


def orders() -> Select[Any]:
    """Orders under the code that customers know."""
    changed, refund, currency = _changed(), _refunds(), _order.currencyCode
    amount = _order.subTotalWithTax + func.coalesce(_order.shippingWithTax, 0)
    return (
        select(
            _order.code.label("order_id"),
            _order.customerId.label("customer_id"),
            literal("web").label("channel"),
            case(STATES, value=_order.state, else_=func.lower(_order.state)).label("status"),
            currency.label("currency"),
            money(amount, currency).label("amount_minor"),
            money(func.coalesce(refund.c.total, 0), currency).label("refund_minor"),
            _order.code.label("cart_id"),
            _order.orderPlacedAt.label("ordered_at"),
            changed.c.at.label("updated_at"),
        )
        .join_from(ORDER, changed, changed.c.id == _order.id)
        .outerjoin(refund, refund.c.orderId == _order.id)
        .where(and_(_is_placed, _is_one))
    )


def order_lines() -> Select[Any]:
    """Lines of placed orders, which change when they or their order do."""
    changed, price = _changed(), money(LINE.c.listPrice, _order.currencyCode)
    return (
        select(
            LINE.c.id.label("line_id"),
            _order.code.label("order_id"),
            LINE.c.productVariantId.label("product_id"),
            LINE.c.quantity,
            price.label("price_minor"),
            (price * LINE.c.quantity).label("amount_minor"),
            _order.currencyCode.label("currency"),
            greatest(changed.c.at, LINE.c.updatedAt).label("updated_at"),
        )
        .join_from(LINE, ORDER, _order.id == LINE.c.orderId)
        .join(changed, changed.c.id == _order.id)
        .where(and_(_is_placed, _is_one))
    )


def carts() -> Select[Any]:
    """Orders as carts: open while active, ordered once placed, else (cancelled, drafts) closed."""
    changed, lines = _changed(), _latest(LINE.c.orderId, LINE.c.updatedAt)
    status = case((_is_placed, "ordered"), (_order.active, "open"), else_="closed")
    return (
        select(
            _order.code.label("cart_id"),
            _order.customerId.label("customer_id"),
            status.label("status"),
            _order.currencyCode.label("currency"),
            _order.createdAt.label("started_at"),
            greatest(changed.c.at, lines.c.at).label("updated_at"),
        )
        .join_from(ORDER, changed, changed.c.id == _order.id)
        .outerjoin(lines, lines.c.order_id == _order.id)
        .where(_is_one)
    )


def cart_lines() -> Select[Any]:
    """Lines of all carts."""
    return (
        select(
            LINE.c.id.label("line_id"),
            _order.code.label("cart_id"),
            LINE.c.productVariantId.label("product_id"),
            LINE.c.quantity,
            money(LINE.c.listPrice, _order.currencyCode).label("price_minor"),
            _order.currencyCode.label("currency"),
            LINE.c.updatedAt.label("updated_at"),
        )
        .join_from(LINE, ORDER, _order.id == LINE.c.orderId)
        .where(_is_one)
    )


def _changed() -> FromClause:
    """When each order (`id`) changed last (`at`)."""
    paid = _latest(PAYMENT.c.orderId, PAYMENT.c.updatedAt)
    told = _latest(HISTORY.c.orderId, HISTORY.c.updatedAt)
    refund = _refunds()
    latest = greatest(
        _order.updatedAt, _order.orderPlacedAt, paid.c.at, refund.c.at, told.c.at
    ).label("at")
    return (
        select(_order.id, latest)
        .outerjoin_from(ORDER, paid, paid.c.order_id == _order.id)
        .outerjoin(refund, refund.c.orderId == _order.id)
        .outerjoin(told, told.c.order_id == _order.id)
        .subquery("changed")
    )


def _latest(order_id: ColumnElement[Any], at: ColumnElement[Any]) -> FromClause:
    """The latest of a column by order: `order_id`, `at`."""
    found = select(order_id.label("order_id"), func.max(at).label("at")).group_by(order_id)
    return found.subquery(f"{order_id.table.name}_latest")


def _refunds() -> FromClause:
    """By `orderId`: when its refunds changed last (`at`), and what was paid back (`total`)."""
    is_settled = REFUND.c.state == "Settled"
    return (
        select(
            PAYMENT.c.orderId,
            func.max(REFUND.c.updatedAt).label("at"),
            func.sum(case((is_settled, REFUND.c.total), else_=0)).label("total"),
        )
        .join_from(PAYMENT, REFUND, REFUND.c.paymentId == PAYMENT.c.id)
        .group_by(PAYMENT.c.orderId)
        .subquery("refunds")
    )
