"""Source `shopify`: orders, customers, products and abandoned checkouts of a Shopify store.

They are read by the Admin GraphQL API: all of them once by a bulk operation, then what changed.
Abandoned checkouts are not listed by their time of change: of those, a run reads what changed since
the last one in the order of their ids.

A record is the object as the API gives it, with all entries of its list (`lineItems`, `variants`)
under `nodes`: the same text whether it came by a bulk operation or by pages, and by how many.
"""

from __future__ import annotations

from connectors.core.spec import SourceSpec
from connectors.sources.shopify.admin import API_VERSION
from connectors.sources.shopify.check import check
from connectors.sources.shopify.kinds import KINDS
from connectors.sources.shopify.reading import read

VENDOR = "shopify"
SPEC = SourceSpec(
    VENDOR,
    tuple(kind.stream for kind in KINDS.values()),
    read,
    check,
    "A Shopify store: orders with lines, customers with their consent, products, checkouts left."
    " url: https://….myshopify.com; token: Admin API access token; or user and password: client id"
    " and secret of an app of the store's own.",
    {
        "api_version": f"the Admin API's version, {API_VERSION} unless told otherwise",
        "bulk": "no, to read the first load page by page and not by a bulk operation",
    },
)
