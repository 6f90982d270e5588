"""A folder of Segment events."""

from __future__ import annotations

from typing import Any

from tests.conformance.worlds.files import FilesWorld


class SegmentWorld(FilesWorld):
    vendor = "segment"

    def event(self, key: str, at: str) -> dict[str, Any]:
        return {"messageId": key, "receivedAt": at}


WORLDS = (SegmentWorld,)
