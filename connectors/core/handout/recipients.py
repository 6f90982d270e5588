"""Whether a message has exactly one recipient: an address is never shown to another person."""

from __future__ import annotations

import re
from typing import Final

from connectors.core.delivery import OutMessage

# More than one recipient in an address, by channel. A postal address may hold commas.
SEVERAL: Final = {
    "email": re.compile(r"[,;\s]|@.*@"),
    "meeting": re.compile(r"[,;\s]|@.*@"),
    "call": re.compile(r"[,;\r\n]"),
}


def refusal(message: OutMessage) -> str:
    """Say why a message has not exactly one recipient; '' if it has."""
    if not message.address.strip():
        return "no address"
    several = SEVERAL.get(message.channel)
    return "more than one recipient" if several and several.search(message.address) else ""
