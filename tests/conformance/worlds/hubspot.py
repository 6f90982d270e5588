"""A HubSpot account: its contacts, read as they change."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from connectors.core.http import Budget
from connectors.sources.hubspot import asking
from tests.conformance.apis.hubspot import TOKEN, Portal
from tests.conformance.apis.hubspot.people import put
from tests.conformance.worlds.api import ApiWorld


class HubSpotWorld(ApiWorld):
    """Its ids are numbers: k007 is the contact 1007, garbage has numbers of its own."""

    vendor, stream, source_id = "hubspot", "contacts", "crm"
    secrets: ClassVar = {"token": TOKEN}
    app = Portal

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        # Time stands still in these tests: nobody waits for a second to pass.
        pytest.MonkeyPatch().setattr(asking, "SEARCHES", Budget(1_000, 1.0))

    def put(self, records: dict[str, datetime]) -> None:
        for key, at in records.items():
            put(self.shop, "contacts", str(1000 + int(key[1:])), at, email=f"{key}@example.com")

    def put_garbage(self, key: str, text: str, at: datetime) -> None:
        put(self.shop, "contacts", str(2000 + int(key[1:])), at, firstname=text)

    def name_of(self, row: dict[str, Any]) -> str:
        return f"k{int(row['record_key']) - 1000:03d}"


WORLDS = (HubSpotWorld,)
