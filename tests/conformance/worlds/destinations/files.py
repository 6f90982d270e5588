"""Worlds of the destinations that write files."""

from __future__ import annotations

import csv

from connectors.core.accounts import DestinationSettings
from tests.conformance.worlds.destinations.base import DestinationWorld


class FileWorld(DestinationWorld):
    """Files under the home's `out`."""

    name = "file"

    def account(self, url: str) -> DestinationSettings:
        del url
        return DestinationSettings()

    def arrived(self) -> list[str]:
        found: list[str] = []
        for path in self.settings().out_dir.rglob("*.csv"):
            with path.open(newline="", encoding="utf-8") as file:
                found += [row["message_key"] for row in csv.DictReader(file)]
        return found


class PostListWorld(FileWorld):
    """Letters to print: their addresses are of another kind, and not looked into."""

    name = "post_list"
    bad = " "


DESTINATIONS = (FileWorld, PostListWorld)
