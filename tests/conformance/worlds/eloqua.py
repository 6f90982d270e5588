"""Worlds of source `eloqua`: contacts, which change, and what emails met with."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import orjson

from tests.conformance.apis.eloqua.records import Activity
from tests.conformance.apis.eloqua.site import PASSWORD, USER, EloquaSite
from tests.conformance.worlds.api import ApiWorld


class EloquaWorld(ApiWorld):
    """Contacts; their key is their address."""

    vendor, stream, source_id = "eloqua", "contacts", "eloqua"
    secrets: ClassVar = {"user": USER, "password": PASSWORD}
    app = EloquaSite

    def put(self, records: dict[str, datetime]) -> None:
        for key, at in records.items():
            self.shop.contact(f"{key}@example.com", at)

    def put_garbage(self, key: str, text: str, at: datetime) -> None:
        self.shop.contact(f"{key}@example.com", at, C_FirstName=text)

    def name_of(self, row: dict[str, Any]) -> str:
        return str(orjson.loads(row["payload"])["EmailAddress"].partition("@")[0])


class EloquaActivitiesWorld(EloquaWorld):
    """Emails that were sent; the other types are there, and empty."""

    stream = "activities"

    def put(self, records: dict[str, datetime]) -> None:
        for key, at in records.items():
            self.shop.activities[key] = self.made(key, at)

    def put_garbage(self, key: str, text: str, at: datetime) -> None:
        self.shop.activities[key] = self.made(key, at, AssetName=text)

    def made(self, key: str, at: datetime, **more: str) -> Activity:
        fields = {"EmailAddress": f"{key}@example.com", "EmailRecipientId": f"r-{key}", **more}
        return Activity(str(5_000 + int(key[1:])), "EmailSend", at, fields)


WORLDS = (EloquaWorld, EloquaActivitiesWorld)
