"""A Vendure database made by hand: the tables that its preset reads, as TypeORM creates them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    insert,
    update,
)

_TYPES = {
    "boolean": (
        *("active", "enabled", "defaultShippingAddress", "isPrivate", "isRoot"),
        "useGlobalOutOfStockThreshold",
    ),
    "text": (
        *("code", "type", "state", "currencyCode", "emailAddress", "phoneNumber", "firstName"),
        *("lastName", "defaultLanguageCode", "defaultCurrencyCode", "languageCode", "name"),
        *("trackInventory", "token", "sku", "streetLine1", "postalCode", "city", "company"),
    ),
    "time": ("createdAt", "updatedAt", "deletedAt", "orderPlacedAt"),
}
_TABLES = {
    "order": "code type state active orderPlacedAt customerId currencyCode subTotal"
    " subTotalWithTax shipping shippingWithTax",
    "order_line": "orderId productVariantId quantity listPrice",
    "payment": "orderId state amount",
    "refund": "paymentId state total",
    "history_entry": "orderId type",
    "customer": "emailAddress phoneNumber firstName lastName deletedAt",
    "address": "customerId countryId streetLine1 postalCode city company defaultShippingAddress",
    "region": "code",
    "channel": "code token defaultLanguageCode defaultCurrencyCode",
    "global_settings": "outOfStockThreshold",
    "product": "enabled deletedAt",
    "product_variant": "productId enabled sku trackInventory outOfStockThreshold"
    " useGlobalOutOfStockThreshold deletedAt",
    "product_variant_translation": "baseId languageCode name",
    "product_variant_price": "variantId channelId currencyCode price",
    "stock_level": "productVariantId stockOnHand stockAllocated",
    "collection": "isPrivate isRoot",
    "collection_product_variants_product_variant": "collectionId productVariantId",
    "collection_translation": "baseId languageCode name",
}


class Vendure:
    """The tables, on any engine; `now` is when rows are written."""

    def __init__(self, url: str, now: datetime) -> None:
        self.now = now
        self._engine: Engine = create_engine(url)
        self._metadata = MetaData()
        for name, columns in _TABLES.items():
            own = [Column(each, _type(each)) for each in columns.split()]
            stamps = [Column(each, DateTime()) for each in ("createdAt", "updatedAt")]
            extra = [Column("trackInventory", Boolean())] if name == "global_settings" else []
            key = Column("id", Integer(), primary_key=True)
            Table(name, self._metadata, key, *own, *extra, *stamps)
        self._metadata.create_all(self._engine)
        self.put("channel", id=1, code="__default_channel__", defaultLanguageCode="en",
                 defaultCurrencyCode="EUR")  # fmt: skip
        self.put("channel", id=2, code="elsewhere", defaultLanguageCode="de",
                 defaultCurrencyCode="JPY")  # fmt: skip
        self.put("global_settings", id=1, trackInventory=True, outOfStockThreshold=0)

    def put(self, table: str, **row: Any) -> None:
        """Insert a row."""
        stamps = {"createdAt": self.now, "updatedAt": self.now}
        with self._engine.begin() as connection:
            connection.execute(insert(self._metadata.tables[table]), [{**stamps, **row}])

    def change(self, table: str, row_id: int, **row: Any) -> None:
        """Change a row, and its time only if that is among what changes."""
        found = self._metadata.tables[table]
        with self._engine.begin() as connection:
            connection.execute(update(found).where(found.c.id == row_id).values(**row))

    def order(self, row_id: int, **row: Any) -> None:
        """An order that is a cart, if not told otherwise."""
        usual = {
            "code": f"O{row_id}", "type": "Regular", "state": "AddingItems", "active": True,
            "currencyCode": "EUR", "subTotalWithTax": 1000, "shippingWithTax": 500,
        }  # fmt: skip
        self.put("order", id=row_id, **{**usual, **row})

    def variant(self, row_id: int, **row: Any) -> None:
        """A variant of a product of the same id, counted as the settings say."""
        self.put("product", id=row_id, enabled=True)
        usual = {
            "productId": row_id, "enabled": True, "trackInventory": "INHERIT",
            "outOfStockThreshold": 0, "useGlobalOutOfStockThreshold": True,
        }  # fmt: skip
        self.put("product_variant", id=row_id, **{**usual, **row})


def _type(column: str) -> Any:
    if column in _TYPES["boolean"]:
        return Boolean()
    if column in _TYPES["time"]:
        return DateTime()
    return String() if column in _TYPES["text"] else Integer()
