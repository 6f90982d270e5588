"""Worlds of source `marketo`: leads by their changes, and activities."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import orjson

from tests.conformance.apis.marketo.store import PASSWORD, USER, Marketo
from tests.conformance.worlds.api import ApiWorld
from tests.conformance.worlds.base import SECRET


class MarketoWorld(ApiWorld):
    """Leads: k007 is lead 1007, garbage has numbers of its own. Its limits are another test's."""

    vendor, stream, source_id = "marketo", "leads", "marketo"
    secrets: ClassVar = {"user": USER, "password": PASSWORD}
    options: ClassVar = {"calls": "1000000"}
    broken_urls = (
        f"http://user:{SECRET}@account.example/",
        f"ftp://user:{SECRET}@host/",
        f"{SECRET} is no url",
    )
    app = Marketo

    def put(self, records: dict[str, datetime]) -> None:
        for key, at in records.items():
            self.put_lead(1000 + int(key[1:]), at, firstName=key)

    def put_garbage(self, key: str, text: str, at: datetime) -> None:
        self.put_lead(90_000_000 + int(key[1:]), at, firstName=key, lastName=text)

    def put_lead(self, number: int, at: datetime, **more: Any) -> None:
        self.shop.put_lead({"id": number, "email": f"p{number}@shop.example", **more}, at)

    def name_of(self, row: dict[str, Any]) -> str:
        return str(orjson.loads(row["payload"])["firstName"])


class MarketoActivitiesWorld(MarketoWorld):
    """Clicks; a key's activity that is put again has another time from then on."""

    stream = "activities"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.places: dict[str, tuple[datetime, int]] = {}

    def put(self, records: dict[str, datetime]) -> None:
        for key, at in records.items():
            self.put_click(key, at, "https://shop.example/")

    def put_garbage(self, key: str, text: str, at: datetime) -> None:
        self.put_click(key, at, text)

    def put_click(self, key: str, at: datetime, link: str) -> None:
        lead = 1000 + int(key[1:]) % 10
        if lead not in self.shop.leads:
            self.put_lead(lead, at)
        attributes = [{"name": "Link", "value": link}]
        with self.shop.lock:
            if key in self.places:
                self.shop.activities.remove(self.places[key])
            told = {"marketoGUID": key, "attributes": attributes}
            self.places[key] = self.shop.put_activity(11, lead, at, **told)

    def name_of(self, row: dict[str, Any]) -> str:
        return str(row["record_key"])


WORLDS = (MarketoWorld, MarketoActivitiesWorld)
