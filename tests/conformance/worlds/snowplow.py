"""A folder of Snowplow events."""

from __future__ import annotations

from typing import Any

from tests.conformance.worlds.files import FilesWorld


class SnowplowWorld(FilesWorld):
    vendor = "snowplow"

    def event(self, key: str, at: str) -> dict[str, Any]:
        return {"event_id": key, "event_name": "x", "collector_tstamp": at}


WORLDS = (SnowplowWorld,)
