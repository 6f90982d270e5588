"""What is read of a store: one list of its API for each stream."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.core.api.relay import Inner, Listing
from connectors.core.spec import Stream

MONEY = "{ shopMoney { amount currencyCode } }"
PRODUCT = "product { legacyResourceId } variant { legacyResourceId }"


@dataclass(frozen=True, slots=True)
class Kind:
    """A stream and its list. `scope` is what an app needs to read it.

    `most` records a page keep a query below the 1,000 points that one may cost. `by_change`: the
    list can be sorted by the time of change.
    """

    stream: Stream
    listing: Listing
    scope: str
    most: int
    by_change: bool = True


ORDERS = Kind(
    Stream(
        "orders",
        "id",
        "updatedAt",
        {"email": ("email",), "phone": ("phone",)},
        {"user_id": ("customer.legacyResourceId",)},
    ),
    Listing(
        "orders",
        "Order",
        "id legacyResourceId name createdAt processedAt updatedAt cancelledAt test email phone"
        " sourceName displayFinancialStatus displayFulfillmentStatus cartToken"
        " customer { legacyResourceId }"
        " shippingAddress { countryCodeV2 } billingAddress { countryCodeV2 }"
        f" totalPriceSet {MONEY} totalDiscountsSet {MONEY} totalRefundedSet {MONEY}",
        "UPDATED_AT",
        Inner(
            "lineItems",
            f"id title sku quantity originalUnitPriceSet {MONEY} discountedTotalSet {MONEY}"
            f" {PRODUCT}",
        ),
    ),
    "read_orders",
    most=10,
)
CUSTOMERS = Kind(
    Stream(
        "customers",
        "id",
        "updatedAt",
        {
            "email": ("defaultEmailAddress.emailAddress",),
            "phone": ("defaultPhoneNumber.phoneNumber",),
        },
        {"user_id": ("legacyResourceId",)},
    ),
    Listing(
        "customers",
        "Customer",
        "id legacyResourceId createdAt updatedAt locale firstName lastName"
        " defaultEmailAddress"
        " { emailAddress marketingState marketingOptInLevel marketingUpdatedAt }"
        " defaultPhoneNumber { phoneNumber }"
        " defaultAddress { countryCodeV2 address1 zip city company }",
        "UPDATED_AT",
    ),
    "read_customers",
    most=100,
)
PRODUCTS = Kind(
    Stream("products", "id", "updatedAt"),
    Listing(
        "products",
        "Product",
        "id legacyResourceId title productType status createdAt updatedAt"
        " priceRangeV2 { minVariantPrice { amount currencyCode } }",
        "UPDATED_AT",
        Inner(
            "variants",
            "id legacyResourceId title sku price inventoryQuantity availableForSale",
            first=50,
            more=250,
        ),
    ),
    "read_products",
    most=15,
)
CARTS = Kind(
    Stream(
        "carts",
        "id",
        "updatedAt",
        {"email": ("customer.defaultEmailAddress.emailAddress",)},
        {"user_id": ("customer.legacyResourceId",)},
    ),
    Listing(
        "abandonedCheckouts",
        "AbandonedCheckout",
        "id name createdAt updatedAt completedAt abandonedCheckoutUrl"
        " customer { legacyResourceId defaultEmailAddress { emailAddress } }"
        f" totalPriceSet {MONEY}",
        "ID",
        Inner("lineItems", f"id title sku quantity originalUnitPriceSet {MONEY} {PRODUCT}"),
    ),
    "read_orders",
    most=12,
    by_change=False,
)
KINDS = {kind.stream.name: kind for kind in (ORDERS, CUSTOMERS, PRODUCTS, CARTS)}
