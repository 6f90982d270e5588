"""Records of a Shopify store, as its API gives them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.conformance.apis.shopify.lists import Row


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def money(amount: str, currency: str = "GBP") -> Row:
    found = {"amount": amount, "currencyCode": currency}
    return {"shopMoney": found, "presentmentMoney": found}


def line(number: int, kind: str = "LineItem", **more: Any) -> Row:
    """A line of an order or a checkout: a kettle."""
    return {
        "id": f"gid://shopify/{kind}/{number}",
        "title": "Kettle",
        "sku": "kettle",
        "quantity": 1,
        "currentQuantity": 1,
        "originalUnitPriceSet": money("30.0"),
        "discountedTotalSet": money("27.0"),
        "product": {"legacyResourceId": "7"},
        "variant": {"legacyResourceId": "70"},
        **more,
    }


def order(number: int, at: datetime, lines: int = 1, **more: Any) -> Row:
    """An order of kettles, paid by card in the web shop."""
    return {
        "id": f"gid://shopify/Order/{number}",
        "legacyResourceId": str(number),
        "name": f"#{number}",
        "createdAt": stamp(at),
        "processedAt": stamp(at),
        "updatedAt": stamp(at),
        "cancelledAt": None,
        "test": False,
        "email": f"ada{number}@example.com",
        "phone": None,
        "sourceName": "web",
        "displayFinancialStatus": "PAID",
        "displayFulfillmentStatus": "UNFULFILLED",
        "cartToken": f"cart{number}",
        "customer": {"legacyResourceId": "5"},
        "shippingAddress": {"countryCodeV2": "GB"},
        "billingAddress": {"countryCodeV2": "DE"},
        "totalPriceSet": money("27.0"),
        "totalDiscountsSet": money("3.0"),
        "totalRefundedSet": money("0.0"),
        "lineItems": [line(number * 1_000 + n) for n in range(lines)],
        **more,
    }


def customer(number: int, at: datetime, state: str = "SUBSCRIBED", **more: Any) -> Row:
    """A customer who may be mailed, or not."""
    return {
        "id": f"gid://shopify/Customer/{number}",
        "legacyResourceId": str(number),
        "createdAt": stamp(at),
        "updatedAt": stamp(at),
        "locale": "en-GB",
        "defaultEmailAddress": {
            "emailAddress": f"ada{number}@example.com",
            "marketingState": state,
            "marketingOptInLevel": "SINGLE_OPT_IN",
            "marketingUpdatedAt": stamp(at),
        },
        "defaultPhoneNumber": {"phoneNumber": "+442079460018"},
        "defaultAddress": {"countryCodeV2": "GB"},
        **more,
    }


def product(number: int, at: datetime, variants: int = 1, **more: Any) -> Row:
    """A kettle in some colours."""
    return {
        "id": f"gid://shopify/Product/{number}",
        "legacyResourceId": str(number),
        "title": "Kettle",
        "productType": "Kitchen",
        "status": "ACTIVE",
        "createdAt": stamp(at),
        "updatedAt": stamp(at),
        "priceRangeV2": {"minVariantPrice": {"amount": "30.0", "currencyCode": "GBP"}},
        "variants": [
            {
                "id": f"gid://shopify/ProductVariant/{number * 1_000 + n}",
                "legacyResourceId": str(number * 1_000 + n),
                "title": f"colour {n}",
                "sku": f"kettle-{n}",
                "price": "30.00",
                "inventoryQuantity": n,
                "availableForSale": n > 0,
            }
            for n in range(variants)
        ],
        **more,
    }


def checkout(number: int, at: datetime, lines: int = 1, **more: Any) -> Row:
    """A checkout that was left with kettles in it."""
    kind = "AbandonedCheckoutLineItem"
    return {
        "id": f"gid://shopify/AbandonedCheckout/{number}",
        "name": f"#{number}",
        "createdAt": stamp(at),
        "updatedAt": stamp(at),
        "completedAt": None,
        "abandonedCheckoutUrl": f"https://shop.test/1/checkouts/ac/cart{number}/recover?key=k3y",
        "customer": {
            "legacyResourceId": "5",
            "defaultEmailAddress": {"emailAddress": f"ada{number}@example.com"},
        },
        "totalPriceSet": money("30.0"),
        "lineItems": [line(number * 1_000 + n, kind) for n in range(lines)],
        **more,
    }
