"""Whether a store can be read: the app's scopes, the API's version, one record of each list."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.core.accounts import SourceSettings
from connectors.core.api.graphql import GraphQl
from connectors.core.errors import ParleyError
from connectors.core.payload import at_path
from connectors.core.spec import Finding
from connectors.sources.shopify.admin import connected, version_of
from connectors.sources.shopify.kinds import KINDS, Kind

_SCOPES = "{ currentAppInstallation { accessScopes { handle } } }"
ALL_ORDERS = "read_all_orders"
VERSION_HEADER = "x-shopify-api-version"


def check(source_id: str, settings: SourceSettings) -> list[Finding]:
    """Say of each stream whether it can be read, and what is not seen."""
    where = f"source {source_id}"
    try:
        api, asked = connected(settings, where), version_of(settings, where)
        reply = api.reply(_SCOPES)
    except ParleyError as error:
        return [_error(error)]
    found = at_path(reply.body, "data.currentAppInstallation.accessScopes")
    scopes = {str(at_path(each, "handle")) for each in found} if isinstance(found, list) else set()
    findings = [_checked(api, kind, scopes) for kind in KINDS.values()]
    return [*findings, *_unseen(scopes), *_moved_on(asked, reply.headers.get(VERSION_HEADER))]


def _checked(api: GraphQl, kind: Kind, scopes: set[str]) -> Finding:
    name = kind.stream.name
    if not {kind.scope, kind.scope.replace("read_", "write_")} & scopes:
        what = f"{name}: the app has not the scope {kind.scope}"
        return Finding("error", what, f"Give the app the scope {kind.scope}, and install it anew.")
    try:
        nodes = next(kind.listing.pages(api, {"first": 1, "query": None}), [])
    except ParleyError as error:
        return _error(error, f"{name}: ")
    if not nodes:
        return Finding("warning", f"{name} can be read, and is empty")
    return Finding("ok", f"{name} can be read")


def _unseen(scopes: set[str]) -> Iterator[Finding]:
    if ALL_ORDERS not in scopes:
        what = "orders of more than 60 days ago are not seen"
        yield Finding("warning", what, f"Give the app the scope {ALL_ORDERS}.")


def _moved_on(asked: str, told: str | None) -> Iterator[Finding]:
    """Shopify answers by the oldest version that it still serves, without a word in the body."""
    if told and told != asked:
        what = f"Shopify does not serve its API's version {asked} any more"
        yield Finding("warning", what, "Bring Parley up to date, or set the option api_version.")


def _error(error: ParleyError, about: str = "") -> Finding:
    return Finding("error", f"{about}{error.what} ({error.where})", error.remedy)
