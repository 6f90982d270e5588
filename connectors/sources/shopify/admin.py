"""A connection to a store's Admin GraphQL API: address, credentials, what its errors mean."""

from __future__ import annotations

import re
from collections.abc import Mapping

from connectors.core.accounts import SourceSettings
from connectors.core.api.graphql import Cost, CostBudget, GraphQl, graphql_judge
from connectors.core.errors import FixConfig, RetryLater
from connectors.core.http import (
    Auth,
    ClientCredentials,
    FixedHeaders,
    HttpClient,
    Remedy,
    Reply,
    Statuses,
)
from connectors.core.payload import at_path

# Older ones do not tell which cart an order came from.
API_VERSION = "2026-07"
_VERSION = re.compile(r"20\d\d-(01|04|07|10)|unstable")
# Credentials are for TLS alone; tests speak to loopback.
_SAFE = re.compile(r"https://|http://(127\.0\.0\.1|localhost)(:|/|$)")
_HEADER = "X-Shopify-Access-Token"
_PATH = "graphql.json"
_BUDGET = CostBudget()

_SCOPES = (
    "Give the app the scopes read_orders, read_all_orders, read_customers and read_products,"
    " and access to protected customer data."
)
STATUSES: Statuses = {
    402: (FixConfig, "The store is frozen until its plan is paid for."),
    423: (FixConfig, "The store is locked; ask Shopify why."),
    430: (RetryLater, "Run again later."),
}
CODES: Mapping[str, Remedy] = {
    "THROTTLED": (RetryLater, "Run again later."),
    "INTERNAL_SERVER_ERROR": (RetryLater, "Run again later."),
    "SERVICE_UNAVAILABLE": (RetryLater, "Run again later."),
    "TIMEOUT": (RetryLater, "Run again later."),
    "ACCESS_DENIED": (FixConfig, _SCOPES),
    "SHOP_INACTIVE": (FixConfig, "The store is not active: disconnect it, or open it again."),
    "MAX_COST_EXCEEDED": (FixConfig, "Lower the source's page_size."),
    "undefinedField": (FixConfig, f"Set the source's option api_version to {API_VERSION}."),
}


def connected(settings: SourceSettings, where: str) -> GraphQl:
    """The API of the store that the settings name.

    Raises:
        FixConfig: a credential is missing, the address is none, or there is no such version.
    """
    url, version = settings.url.get_secret_value().rstrip("/"), version_of(settings, where)
    if "://" in url and not _SAFE.match(url):
        what = "the address is not https, so credentials would travel in the open"
        raise FixConfig(what, where, "Set the source's url to https://<shop>.myshopify.com.")
    client = HttpClient(
        f"{url}/admin/api/{version}/" if "://" in url else url,
        auth=_auth(settings, where),
        statuses=STATUSES,
        judge=graphql_judge(CODES, cost_of),
    )
    return GraphQl(client, _PATH, cost_of, _BUDGET, url)


def version_of(settings: SourceSettings, where: str) -> str:
    """The API's version. Raises `FixConfig` where it is none."""
    version = settings.options.get("api_version", API_VERSION)
    if _VERSION.fullmatch(version):
        return version
    what = "the option api_version is no version of Shopify's API"
    raise FixConfig(what, where, f"Write it like {API_VERSION}, or leave it out.")


def cost_of(reply: Reply) -> Cost | None:
    """What an answer says that its query cost; None where it says nothing."""
    found = at_path(reply.body, "extensions.cost")
    names = ("currentlyAvailable", "maximumAvailable", "restoreRate")
    status = [at_path(found, f"throttleStatus.{name}") for name in names]
    numbers = (at_path(found, "requestedQueryCost"), *status)
    known = [float(number) for number in numbers if isinstance(number, int | float)]
    return Cost(*known) if len(known) == len(numbers) else None


def _auth(settings: SourceSettings, where: str) -> Auth:
    if settings.token is not None:
        return FixedHeaders({_HEADER: settings.token})
    if settings.user is not None and settings.password is not None:
        return ClientCredentials(
            "/admin/oauth/access_token",
            settings.user,
            settings.password,
            header=_HEADER,
            prefix="",
        )
    what = "the source has neither a token nor user and password"
    remedy = (
        "Set PARLEY_SOURCES__<NAME>__TOKEN to an Admin API access token, or __USER and __PASSWORD"
        " to client id and secret of an app of the store's own."
    )
    raise FixConfig(what, where, remedy)
