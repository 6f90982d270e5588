"""Source `woocommerce`: a WooCommerce shop, by its REST API v3.

Orders and products are asked for by what changed, customers (no such parameter) are read as a whole
and compared, and the shop's currency, which no product tells, is one call more. Needs WooCommerce
5.8: before, `modified_after` is passed over without a word. Keys: WooCommerce, Settings, Advanced,
REST API; read only, of an administrator or shop manager.

What "any" status leaves out is asked for beside it: orders and products in the trash. Not seen:
what is deleted for good between two runs without having been in the trash (an order stays what it
was), a refund that is taken back until its order changes, variations (a line names its product),
baskets.

Sources: woocommerce/woocommerce, includes/rest-api/Controllers/Version3; WordPress, WP_Date_Query.
"""

from __future__ import annotations

from datetime import datetime

from connectors.core.api.rest import (
    Counted,
    Endpoint,
    RestApi,
    RestStream,
    Single,
    basic_auth,
    rest_source,
)
from connectors.core.clock import iso_z
from connectors.core.errors import FixConfig
from connectors.core.http import Statuses
from connectors.core.spec import Stream

VERSION = "WooCommerce 5.8 or newer"
KEYS = (
    "Correct the source's credentials: consumer key (user) and secret (password). WooCommerce takes"
    " them over https alone, and the web server must pass the Authorization header on to PHP."
)
PLACE = (
    "Correct the source's url: the address of WordPress, where WooCommerce is active and permalinks"
    " are not plain."
)
STATUSES: Statuses = {
    400: (FixConfig, f"The source needs {VERSION}."),
    401: (FixConfig, KEYS),
    403: (FixConfig, "Make the key for an administrator or shop manager, with the right to read."),
    404: (FixConfig, PLACE),
}


def without_zone(moment: datetime) -> str:
    """A time as WordPress compares it with its UTC columns.

    With a zone, a Z too, it would be moved to the shop's clock first, and hours of changes missed.
    """
    return iso_z(moment).removesuffix("Z")


API = RestApi(
    "woocommerce",
    "/wp-json/wc/v3/",
    basic_auth,
    STATUSES,
    moment=without_zone,
    needs=VERSION,
)
PAGES = Counted("page", "per_page", total="x-wp-total")
CHANGES = {"orderby": "modified", "order": "asc", "dates_are_gmt": "true"}
TRASH = {"trash": {"status": "trash"}}

SHOPS = Stream("shops", "code")
CUSTOMERS = Stream(
    "customers",
    "id",
    "date_modified_gmt",
    {"email": ("email", "billing.email"), "phone": ("billing.phone",)},
    {"user_id": ("id",)},
)
PRODUCTS = Stream("products", "id", "date_modified_gmt")
ORDERS = Stream(
    "orders",
    "id",
    "date_modified_gmt",
    {"email": ("billing.email",), "phone": ("billing.phone",)},
    {"user_id": ("customer_id",)},
)

SPEC = rest_source(
    API,
    (
        RestStream(SHOPS, Endpoint("data/currencies/current"), Single()),
        RestStream(
            CUSTOMERS,
            Endpoint("customers", {"role": "all", "orderby": "id", "order": "asc"}),
            PAGES,
        ),
        RestStream(PRODUCTS, Endpoint("products", CHANGES), PAGES, "modified_after", also=TRASH),
        RestStream(ORDERS, Endpoint("orders", CHANGES), PAGES, "modified_after", also=TRASH),
    ),
    about=(
        "A WooCommerce shop (5.8 or newer): orders with lines and refunds, customers, products,"
        " newsletter boxes; its API has no baskets. url: the shop's address; user and password:"
        " consumer key and secret."
    ),
)
