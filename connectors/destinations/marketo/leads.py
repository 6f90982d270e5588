"""Making people known to Marketo: leads, by their address."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from connectors.core.errors import FixConfig, RetryLater
from connectors.core.http import HttpClient
from connectors.core.vendors.marketo import LEADS, MOST, Json, reason_of, rows_of

WHERE: Final = "destination marketo"

NO_ADDRESS: Final = "it is no single address"
# Two in one would be one lead, and each shown to the other.
_ADDRESS: Final = re.compile(r"[^\s,;<>\"@]+@[^\s,;<>\"@]+")

Lead = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Known:
    """What Marketo calls a person; '' with the reason where it does not take them."""

    lead_id: str
    why: str = ""


def pairs_of(options: Mapping[str, str], name: str) -> dict[str, str]:
    """Lead fields by the names that Parley has, as an option lists them.

    Raises:
        FixConfig: it is no such list.
    """
    pairs = [each.partition(":")[::2] for each in options.get(name, "").split(",") if each.strip()]
    found = {ours.strip(): theirs.strip() for ours, theirs in pairs}
    if all(found) and all(re.fullmatch(r"\w+", theirs) for theirs in found.values()):
        return found
    what = f"the option {name} is no list of names with their lead fields"
    raise FixConfig(what, WHERE, "Write it like country:country,stage:parleyStage.")


def known_leads(client: HttpClient, leads: Sequence[Lead], partition: str = "") -> list[Known]:
    """Make leads, or update them by `email`; what each of them is called, in this order.

    `partition`: where new ones go, in an account that has several. An address that comes twice (in
    any case of letters) is asked for once, by its last row.

    Raises:
        RetryLater, FixConfig: as `HttpClient`; asking again does no harm.
    """
    by_address = {_address(lead): lead for lead in leads}
    found = {each: Known("", NO_ADDRESS) for each in by_address if not is_one(each)}
    addresses = [each for each in by_address if each not in found]
    for first in range(0, len(addresses), MOST):
        part = addresses[first : first + MOST]
        rows = _upserted(client, [by_address[each] for each in part], partition)
        found.update(zip(part, map(_known, rows), strict=True))
    return [found[_address(lead)] for lead in leads]


def is_one(address: str) -> bool:
    """Whether it is one address, and not several or none."""
    return _ADDRESS.fullmatch(address) is not None


def _upserted(client: HttpClient, leads: Sequence[Lead], partition: str) -> list[Json]:
    """Marketo's word on each of up to 300, in their order."""
    body: Json = {"action": "createOrUpdate", "lookupField": "email", "input": leads}
    body |= {"partitionName": partition} if partition else {}
    rows = rows_of(client.post(LEADS, body))
    if len(rows) == len(leads):
        return rows
    what = f"the answer tells of {len(rows)} of {len(leads)} leads"
    raise RetryLater(what, LEADS, "Run again later.")


def _known(row: Json) -> Known:
    if row.get("status") in {"created", "updated"} and row.get("id"):
        return Known(str(row["id"]))
    return Known("", reason_of(row))


def _address(lead: Lead) -> str:
    return str(lead["email"]).strip().lower()
