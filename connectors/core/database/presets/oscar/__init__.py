"""Preset `oscar`: a shop on django-oscar, read from its own tables (tried with 4.2).

Orders and users have no change time. An order's is the latest of being placed, of its last status
change (`order_orderstatuschange` alone tells of it) and of its last payment transaction; its lines
follow it. Customers, products and baskets leave no trace of when they changed, so they are read as
a whole and compared. What no table tells stays unseen: an order that is edited past `set_status`,
or deleted.

Guests have no account: their orders carry the email. A basket's line costs what the product cost
when it was put in.
"""

from __future__ import annotations

from collections.abc import Mapping

from connectors.core.database.presets.oscar.baskets import cart_lines, carts
from connectors.core.database.presets.oscar.goods import products
from connectors.core.database.presets.oscar.orders import order_lines, orders
from connectors.core.database.presets.oscar.people import customers
from connectors.core.database.presets.view import Preset, View


def _views(options: Mapping[str, str]) -> Mapping[str, View]:
    return {
        "customers": View(customers(options.get("users", "auth_user")), is_whole=True),
        "products": View(products(), is_whole=True),
        "orders": View(orders()),
        "order_lines": View(order_lines()),
        "carts": View(carts(), is_whole=True),
        "cart_lines": View(cart_lines(), is_whole=True),
    }


OSCAR = Preset(
    "oscar",
    _views,
    options={"users": "preset oscar: the table of users, where it is not auth_user"},
)
