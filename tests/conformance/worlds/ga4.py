"""A folder of Ga4 events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from tests.conformance.worlds.files import FilesWorld


class Ga4World(FilesWorld):
    """One table; its events have no id: their key is a hash, their name is the visitor's."""

    vendor = "ga4"
    names = "events_20111206/{:012d}.json.gz"

    def event(self, key: str, at: str) -> dict[str, Any]:
        micros = int(datetime.fromisoformat(at).timestamp()) * 1_000_000
        return {"event_name": "x", "event_timestamp": str(micros), "user_pseudo_id": key}

    def name_of(self, row: dict[str, Any]) -> str:
        return str(orjson.loads(row["payload"])["user_pseudo_id"])


WORLDS = (Ga4World,)
