"""Vendure's tables, with the columns that are read."""

from __future__ import annotations

from sqlalchemy import ColumnElement, DateTime

from connectors.core.database.presets.view import Tables, minor

table = Tables(
    DateTime(),
    times=("createdAt", "updatedAt", "deletedAt", "orderPlacedAt"),
    flags=(
        *("active", "enabled", "defaultShippingAddress", "isPrivate", "isRoot"),
        "useGlobalOutOfStockThreshold",
    ),
)

ORDER = table(
    "order",
    "id code type state active orderPlacedAt customerId currencyCode subTotalWithTax"
    " shippingWithTax createdAt updatedAt",
)
LINE = table("order_line", "id orderId productVariantId quantity listPrice updatedAt")
PAYMENT = table("payment", "id orderId updatedAt")
REFUND = table("refund", "paymentId state total updatedAt")
HISTORY = table("history_entry", "orderId updatedAt")

CUSTOMER = table(
    "customer", "id emailAddress phoneNumber firstName lastName createdAt updatedAt deletedAt"
)
ADDRESS = table(
    "address",
    "id customerId countryId streetLine1 postalCode city company defaultShippingAddress",
)
REGION = table("region", "id code")

CHANNEL = table("channel", "id code defaultLanguageCode defaultCurrencyCode")
SETTINGS = table("global_settings", "id trackInventory outOfStockThreshold")
PRODUCT = table("product", "id enabled deletedAt")
VARIANT = table(
    "product_variant",
    "id productId enabled trackInventory outOfStockThreshold useGlobalOutOfStockThreshold"
    " createdAt updatedAt deletedAt",
)
NAME = table("product_variant_translation", "baseId languageCode name")
PRICE = table("product_variant_price", "variantId channelId currencyCode price updatedAt")
STOCK = table("stock_level", "productVariantId stockOnHand stockAllocated updatedAt")
COLLECTION = table("collection", "id isPrivate isRoot")
COLLECTED = table("collection_product_variants_product_variant", "collectionId productVariantId")
COLLECTION_NAME = table("collection_translation", "baseId languageCode name")


def money(amount: ColumnElement[int], currency: ColumnElement[str]) -> ColumnElement[int]:
    """Vendure keeps hundredths, whatever the currency, unless its `precision` was changed."""
    return minor(amount, currency, decimals=2)
