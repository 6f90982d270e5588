"""django-oscar's products, with their stock records' prices."""

from __future__ import annotations

from typing import Any

from sqlalchemy import FromClause, Select, and_, func, or_, select, union_all

from connectors.core.database.presets.oscar.tables import (
    CATEGORY,
    IN_CATEGORY,
    KIND,
    PRODUCT,
    STOCK,
)
from connectors.core.database.presets.view import filled, greatest, is_so, minor


def products() -> Select[Any]:
    """Products; what is not shown in the shop counts as not in stock.

    A child takes what it lacks from its parent; a parent costs what its first child does.
    """
    parent, stock, placed = PRODUCT.alias("parent"), _stock(), _first_categories()
    kind = func.coalesce(parent.c.product_class_id, PRODUCT.c.product_class_id)
    is_shown = func.coalesce(
        parent.c.is_public, PRODUCT.c.is_public, type_=PRODUCT.c.is_public.type
    )
    is_left = and_(stock.c.owner.is_not(None), or_(~KIND.c.track_stock, stock.c.left > 0))
    return select(
        PRODUCT.c.id.label("product_id"),
        func.coalesce(filled(PRODUCT.c.title), parent.c.title).label("name"),
        CATEGORY.c.name.label("category"),
        minor(STOCK.c.price, STOCK.c.price_currency).label("price_minor"),
        STOCK.c.price_currency.label("currency"),
        is_so(and_(is_shown, is_left)).label("in_stock"),
        PRODUCT.c.date_created.label("created_at"),
        greatest(PRODUCT.c.date_updated, stock.c.at).label("updated_at"),
    ).select_from(
        PRODUCT.outerjoin(parent, parent.c.id == PRODUCT.c.parent_id)
        .outerjoin(KIND, KIND.c.id == kind)
        .outerjoin(stock, stock.c.owner == PRODUCT.c.id)
        .outerjoin(STOCK, STOCK.c.id == stock.c.first_id)
        .outerjoin(placed, placed.c.product_id == func.coalesce(parent.c.id, PRODUCT.c.id))
        .outerjoin(IN_CATEGORY, IN_CATEGORY.c.id == placed.c.first_id)
        .outerjoin(CATEGORY, CATEGORY.c.id == IN_CATEGORY.c.category_id)
    )


def _stock() -> FromClause:
    """By `owner`, a product or a parent of some: the first record, and the most that is left."""
    left = func.coalesce(STOCK.c.num_in_stock, 0) - func.coalesce(STOCK.c.num_allocated, 0)
    shared = (STOCK.c.id, left.label("left"), STOCK.c.date_updated)
    own = select(STOCK.c.product_id.label("owner"), *shared)
    childs = (
        select(PRODUCT.c.parent_id, *shared)
        .join_from(STOCK, PRODUCT, PRODUCT.c.id == STOCK.c.product_id)
        .where(PRODUCT.c.parent_id.is_not(None))
    )
    each = union_all(own, childs).subquery("each_stock")
    return (
        select(
            each.c.owner,
            func.min(each.c.id).label("first_id"),
            func.max(each.c.left).label("left"),
            func.max(each.c.date_updated).label("at"),
        )
        .group_by(each.c.owner)
        .subquery("stock")
    )


def _first_categories() -> FromClause:
    """By product, the first category that it was put in."""
    first = func.min(IN_CATEGORY.c.id).label("first_id")
    return (
        select(IN_CATEGORY.c.product_id, first)
        .group_by(IN_CATEGORY.c.product_id)
        .subquery("placed")
    )
