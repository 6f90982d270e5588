"""What is asked beside an object, and put into its record.

Source: developers.hubspot.com, owners v3, associations v3, account information v3.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

from connectors.core.errors import FixConfig
from connectors.core.payload import at_path
from connectors.core.spec import ReadContext
from connectors.core.vendors import hubspot
from connectors.sources.hubspot.asking import Row, connected, pages, rows_of

CURRENCY: Final = "companyCurrency"
OWNER: Final = "properties.hubspot_owner_id"


def contact_key(source_id: str, contact: Row) -> str:
    """A contact's id, such as no other source's users have."""
    return f"{source_id}:{contact.get('id')}"


class Beside:
    """Adds to the objects of a stream: who looks after them, and whose they are."""

    def __init__(self, context: ReadContext) -> None:
        """Ask nothing yet."""
        self._client, self._source_id = connected(context), context.source_id
        self._kind = context.stream.name

    def of(self, rows: Sequence[Row]) -> list[Row]:
        """The records of these objects."""
        told = [{**row, "owner": self._owner(row)} for row in rows]
        if self._kind == "contacts":
            return [{**row, "contactKey": contact_key(self._source_id, row)} for row in told]
        return self._deals(told) if self._kind == "deals" and told else told

    def _owner(self, row: Row) -> str | None:
        """Who looks after it, by name; by id where HubSpot does not tell."""
        id_ = at_path(row, OWNER)
        return self._owners.get(str(id_), str(id_)) if id_ else None

    @cached_property
    def _owners(self) -> dict[str, str]:
        """The owners' names: of a colleague's address the part before the @ says enough."""
        found: dict[str, str] = {}
        try:
            for page in pages(self._client, "/crm/v3/owners/", hubspot.MOST):
                for each in page:
                    name = str(each.get("email") or "").strip().lower().partition("@")[0]
                    found[str(each.get("id"))] = name or str(each.get("id"))
        except FixConfig:  # the scope is missing, as the check says: ids will do
            return {}
        return found

    @cached_property
    def _currency(self) -> object:
        return at_path(self._client.get(hubspot.ACCOUNT).body, CURRENCY)

    def _deals(self, rows: Sequence[Row]) -> list[Row]:
        contacts, companies = (self._linked(rows, kind) for kind in ("contacts", "companies"))
        told = []
        for row in rows:
            id_ = str(row.get("id"))
            first = next(iter(contacts.get(id_, ())), None)
            told.append({
                **row,
                CURRENCY: self._currency,
                "contacts": contacts.get(id_, []),
                "companies": companies.get(id_, []),
                "contactKey": f"{self._source_id}:{first}" if first else None,
            })  # fmt: skip
        return told

    def _linked(self, rows: Sequence[Row], kind: str) -> dict[str, list[str]]:
        """The ids of the objects of a kind that deals belong to, by deal, without doubles."""
        inputs = {"inputs": [{"id": str(row.get("id"))} for row in rows]}
        reply = self._client.post(f"/crm/v3/associations/deals/{kind}/batch/read", inputs)
        links: dict[str, list[str]] = {}
        for each in rows_of(reply):
            told: Any = at_path(each, "to")
            ids = {str(at_path(one, "id")) for one in told or ()}
            links[str(at_path(each, "from.id"))] = sorted(ids)
        return links
