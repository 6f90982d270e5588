"""Destination `post_list`: a list of letters to print, as a CSV that a printer takes.

`<out>/post_list/<programme>/<batch_id>.csv`, one person a row: the postal address as it is known,
the language, the words, who writes, and until when a letter makes sense.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from connectors.core.delivery import OutMessage
from connectors.core.errors import FixConfig
from connectors.core.handout.batches import (
    BatchFiles,
    Cell,
    deadline,
    said,
    send_after,
    write_list,
)
from connectors.core.sender import SenderSettings
from connectors.core.settings import Settings
from connectors.core.spec import Finding

ABOUT: Final = "Letters to print, as a CSV for whoever prints them."
WORDS: Final = ("subject", "fact", "text", "items", "talking_points")
CELLS: Mapping[str, Cell] = {
    "message_key": lambda message: message.message_key,
    "address": lambda message: message.address,
    "person_id": lambda message: message.person_id,
    "programme": lambda message: message.programme,
    "campaign_id": lambda message: message.campaign_id or "",
    "variant": lambda message: message.variant or "",
    "language": lambda message: message.language,
    "print_after": send_after,
    "deadline": deadline,
    "purpose": lambda message: message.purpose,
    **{name: said(name) for name in WORDS},
}


@dataclass(frozen=True)
class PostList(BatchFiles):
    """Writes lists of letters. `sender`: who writes; marketing that does not say is not printed."""

    root: Path
    name: str = "post_list"
    sender: SenderSettings = field(default_factory=SenderSettings)

    def _refusal(self, message: OutMessage) -> str:
        return "it is no letter" if message.channel != "post" else super()._refusal(message)

    def _write(self, path: Path, messages: list[OutMessage]) -> None:
        is_marketing = any(message.purpose != "service" for message in messages)
        sender = self.sender.company.strip(), self.sender.postal_address.strip()
        if is_marketing and not all(sender):
            what = "a marketing letter says who writes, and where from"
            remedy = "Set both; .env.example shows how."
            raise FixConfig(what, "PARLEY_SENDER__COMPANY, __POSTAL_ADDRESS", remedy)
        company, postal_address = sender
        cells: dict[str, Cell] = {
            **CELLS,
            "sender": lambda _message: company,
            "sender_address": lambda _message: postal_address,
        }
        write_list(path, messages, cells)


def create(settings: Settings) -> PostList:
    """Make the destination for these settings."""
    return PostList(settings.out_dir / "post_list", sender=settings.written_by)


def check(settings: Settings) -> list[Finding]:
    """Say where the lists go, and whether marketing may be printed."""
    try:
        made = create(settings)
    except FixConfig as error:
        return [Finding("error", error.what, error.remedy)]
    found = [Finding("ok", f"lists of letters are written to {made.root}")]
    if not (made.sender.company.strip() and made.sender.postal_address.strip()):
        remedy = "Set PARLEY_SENDER__COMPANY and PARLEY_SENDER__POSTAL_ADDRESS."
        found.append(Finding("warning", "marketing letters would lack a sender", remedy))
    return found
