"""Vendure's product variants, which are what is sold, as one channel shows them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, case, false, func, or_, select

from connectors.core.database.presets.vendure.tables import (
    CHANNEL,
    COLLECTED,
    COLLECTION,
    COLLECTION_NAME,
    NAME,
    PRICE,
    PRODUCT,
    SETTINGS,
    STOCK,
    VARIANT,
    money,
)
from connectors.core.database.presets.view import greatest, is_so

_variant = VARIANT.c


def products(channel: str) -> Select[Any]:
    """Variants at the channel's price in its own currency, under the name in its language."""
    stock, collected, category = _stock(), _first_collections(), COLLECTION_NAME.c
    language = CHANNEL.c.defaultLanguageCode
    is_shown = and_(_variant.enabled, PRODUCT.c.enabled, PRODUCT.c.deletedAt.is_(None))
    return (
        select(
            _variant.id.label("product_id"),
            NAME.c.name,
            category.name.label("category"),
            money(PRICE.c.price, PRICE.c.currencyCode).label("price_minor"),
            PRICE.c.currencyCode.label("currency"),
            is_so(and_(is_shown, _is_left(stock.c.left))).label("in_stock"),
            _variant.createdAt.label("created_at"),
            greatest(_variant.updatedAt, PRICE.c.updatedAt, stock.c.at).label("updated_at"),
        )
        .join_from(VARIANT, CHANNEL, CHANNEL.c.code == channel)
        .outerjoin(PRODUCT, PRODUCT.c.id == _variant.productId)
        .outerjoin(NAME, and_(NAME.c.baseId == _variant.id, NAME.c.languageCode == language))
        .outerjoin(PRICE, _is_price())
        .outerjoin(stock, stock.c.productVariantId == _variant.id)
        .outerjoin(collected, collected.c.productVariantId == _variant.id)
        .outerjoin(
            COLLECTION_NAME,
            and_(category.baseId == collected.c.first_id, category.languageCode == language),
        )
        .where(_variant.deletedAt.is_(None))
    )


def _is_price() -> ColumnElement[bool]:
    price, channel = PRICE.c, CHANNEL.c
    return and_(
        price.variantId == _variant.id,
        price.channelId == channel.id,
        price.currencyCode == channel.defaultCurrencyCode,
    )


def _is_left(left: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether it can be bought: it is not counted, or more is left than has to stay."""
    settings = SETTINGS.c
    is_counted_at_all = select(settings.trackInventory).limit(1).scalar_subquery()
    least_of_all = select(settings.outOfStockThreshold).limit(1).scalar_subquery()
    least = case(
        (_variant.useGlobalOutOfStockThreshold, least_of_all), else_=_variant.outOfStockThreshold
    )
    is_uncounted = or_(
        _variant.trackInventory == "FALSE",
        and_(_variant.trackInventory == "INHERIT", is_counted_at_all == false()),
    )
    return or_(is_uncounted, left > least)


def _stock() -> FromClause:
    """By `productVariantId`: what is left in all places (`left`), and since when (`at`)."""
    left = func.sum(STOCK.c.stockOnHand - STOCK.c.stockAllocated)
    return (
        select(
            STOCK.c.productVariantId, left.label("left"), func.max(STOCK.c.updatedAt).label("at")
        )
        .group_by(STOCK.c.productVariantId)
        .subquery("stock")
    )


def _first_collections() -> FromClause:
    """By `productVariantId`, the first collection that is shown to customers (`first_id`)."""
    shown = and_(COLLECTION.c.isPrivate == false(), COLLECTION.c.isRoot == false())
    return (
        select(COLLECTED.c.productVariantId, func.min(COLLECTED.c.collectionId).label("first_id"))
        .join_from(COLLECTED, COLLECTION, COLLECTION.c.id == COLLECTED.c.collectionId)
        .where(shown)
        .group_by(COLLECTED.c.productVariantId)
        .subquery("collected")
    )
