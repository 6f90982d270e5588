"""The stub answers in the shapes that HubSpot itself did, in exchanges that were recorded in 2022.

They are mostly of the old API; a search for companies, a batch of them and refusals are of today's.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors.core.http import Reply
from connectors.core.payload import record_reader
from connectors.core.vendors.hubspot import code
from connectors.sources.hubspot.objects import COMPANIES, rows_of
from tests.conformance.apis.hubspot import TOKEN, Portal
from tests.conformance.apis.hubspot.people import put
from tests.conformance.http_kit import Asked, Told
from tests.conformance.worlds.base import AS_OF

PLACE = Path(__file__).parents[2] / "../shared/data/recorded/hubspot-export-contacts.jsonl"
pytestmark = pytest.mark.skipif(not PLACE.exists(), reason="the recorded exchanges are not here")
Exchange = dict[str, Any]


@cache
def exchanges() -> list[Exchange]:
    return [orjson.loads(line) for line in PLACE.read_bytes().splitlines()]


def of(path: str) -> Iterator[Exchange]:
    return (each for each in exchanges() if path in each["path"])


def asked(method: str, path: str, body: Any) -> Told:
    """The stub's answer, of an account with one company."""
    portal = Portal()
    put(portal, "companies", "7", AS_OF, domain="acme.example")
    headers = {"authorization": f"Bearer {TOKEN}"}
    return portal(Asked(method, path, {}, headers, body))


def test_a_search_answers_in_the_recorded_shape() -> None:
    theirs = next(e["response"] for e in of("COMPANY/search") if e["response"]["results"])
    ours = asked("POST", "/crm/v3/objects/companies/search", {"properties": ["domain"]}).body
    assert set(ours) == set(theirs)
    mine, real = ours["results"][0], theirs["results"][0]
    assert set(mine) == set(real)
    assert set(mine["properties"]) == set(real["properties"])
    for name in ("createdAt", "updatedAt"):
        assert len(mine[name]) == len(real[name])


def test_recorded_companies_are_read_with_their_key_and_time() -> None:
    read, seen = record_reader(COMPANIES.stream), 0
    for each in of("COMPANY/search"):
        for row in rows_of(Reply(each["response"], "")):
            record, seen = read(row), seen + 1
            assert record.key == row["id"]
            assert record.at is not None
    assert seen > 10


def test_a_batch_answers_in_the_recorded_shape() -> None:
    theirs = next(of("COMPANY/batch/create"))["response"]
    row = {"id": "a@example.com", "idProperty": "email", "properties": {"email": "a@example.com"}}
    path = "/crm/v3/objects/contacts/batch/upsert"
    ours = asked("POST", path, {"inputs": [row]}).body
    assert set(ours) == set(theirs)
    assert set(theirs["results"][0]) < {*ours["results"][0], "new"}


def test_a_refusal_has_the_recorded_shape_and_its_code_is_read() -> None:
    theirs = next(e["response"] for e in exchanges() if e["status"] == 404)
    ours = asked("GET", "/crm/v3/lists/object-type-id/0-1/name/x", None).body
    assert set(ours) == set(theirs) - {"errors"}
    assert code(theirs) == code(ours) == "OBJECT_NOT_FOUND"
