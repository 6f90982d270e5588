"""Messages and files for the destinations that write lists."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.core.accounts import DestinationSettings
from connectors.core.delivery import OutMessage
from connectors.core.settings import Settings

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOURS = "09:00 to 18:00 Europe/London, Monday to Friday, no public holidays"
ADDRESSES = {
    "email": "ada@example.com", "meeting": "ada@example.com", "call": "+447700900123",
    "post": "Ada Canary\n1 High Street\nTown AB1 2CD",
}  # fmt: skip


def message(key: str = "k1", channel: str = "email", **changes: Any) -> OutMessage:
    return OutMessage(
        **{
            "message_key": key, "address": ADDRESSES[channel], "person_id": "p1",
            "programme": "advisor_call", "campaign_id": None, "step": 1, "variant": "a",
            "channel": channel, "send_after": NOW, "evidence": {},
            "content": {
                "subject": "May we help?", "fact": "You looked into tills.",
                "text": "An adviser answers.", "talking_points": "Tills; stock",
            },
            "contact_hours": HOURS if channel == "call" else "",
            "expires_at": datetime(2026, 3, 9, 9, tzinfo=UTC), "language": "de", **changes,
        }
    )  # fmt: skip


def settings(home: Path, name: str = "", **options: str) -> Settings:
    """The demo's settings with options of one destination."""
    accounts = {name: DestinationSettings(options=options)} if name else {}
    return Settings(_env_file=None, home=home, destinations=accounts)  # type: ignore[call-arg]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def the_list(root: Path, batch: str = "b1") -> list[dict[str, str]]:
    """The rows of a batch's one list."""
    [path] = root.glob(f"*/{batch}.csv")
    return rows(path)
