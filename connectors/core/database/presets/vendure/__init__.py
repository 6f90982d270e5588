"""Preset `vendure`: a shop on Vendure 2 or 3, read from its own tables.

Made after the entities and dumps of such databases, and tried on tables made by hand on SQLite and
PostgreSQL; it was never tried against a running Vendure, nor on MySQL. It takes for granted that
the server writes its times in UTC.

A cart and an order are one row of "order", `active` until it is placed, and its `updatedAt` does
not move at checkout. So an order's change time is the latest of `updatedAt`, `orderPlacedAt` and
the times of its payments, refunds and history; and a cart is ordered once it has been placed.
Carts, their lines, customers and products are read as a whole and compared: a visitor's cart is
deleted at the login, a line when it is taken out, and prices and stock are rows of their own.

Orders' amounts include tax and discounts. A line's are its list price (which includes tax if the
channel's prices do) times its quantity: discounts are kept as JSON, and are left out. Sellers'
parts of a marketplace's order are left out too, as they are in the whole.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.core.database.presets.vendure.goods import products
from connectors.core.database.presets.vendure.orders import cart_lines, carts, order_lines, orders
from connectors.core.database.presets.vendure.people import customers
from connectors.core.database.presets.view import Preset, View

DEFAULT_CHANNEL = "__default_channel__"


def _views(options: Mapping[str, str]) -> Mapping[str, View]:
    channel = options.get("channel", DEFAULT_CHANNEL)
    return {
        "customers": View(customers(), is_whole=True),
        "products": View(products(channel), is_whole=True),
        "orders": View(orders()),
        "order_lines": View(order_lines()),
        "carts": View(carts(), is_whole=True),
        "cart_lines": View(cart_lines(), is_whole=True),
    }


VENDURE = Preset(
    "vendure",
    _views,
    options={"channel": "preset vendure: the code of the channel whose prices and names are read"},
)
