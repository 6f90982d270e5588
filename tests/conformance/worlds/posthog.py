"""A folder of Posthog events."""

from __future__ import annotations

from typing import Any

from tests.conformance.worlds.files import FilesWorld


class PosthogWorld(FilesWorld):
    vendor = "posthog"

    def event(self, key: str, at: str) -> dict[str, Any]:
        return {"uuid": key, "event": "x", "distinct_id": "u1", "created_at": at}


WORLDS = (PosthogWorld,)
