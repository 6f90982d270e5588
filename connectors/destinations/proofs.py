"""Proofs: what the emails of a batch look like, and copies of campaigns for people of the company.

They stand outside everything that is counted: a copy is no message, has no key and no row in the
ledger. Their links are signed for no message, so that nobody unsubscribes a reader by trying one.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from operator import attrgetter
from pathlib import Path
from typing import Final

from connectors.core.delivery import OutMessage
from connectors.core.errors import FixConfig
from connectors.core.settings import Settings
from connectors.destinations.render import RENDERED, Rendered, language_of, render, require_sender

PROOF_KEY: Final = "proof"
"""Stands for the message's key in the links of a proof."""

COPIES: Final = "copies.txt"
log = logging.getLogger(__name__)


def proof(message: OutMessage, settings: Settings) -> Rendered:
    """A message as its reader would see it, with links that lead to nobody."""
    return render(replace(message, message_key=PROOF_KEY, address=""), settings)


def of(batch: str, messages: Iterable[OutMessage], settings: Settings) -> dict[str, str]:
    """The proofs of a batch by file name: one per campaign, step, variant and language.

    Each shows the message with the least key. Where campaigns are among them and a seed list is
    set, `copies.txt` says who gets a copy of which.

    Raises:
        FixConfig: a template cannot be read.
    """
    shown: dict[str, OutMessage] = {}
    for message in sorted(messages, key=attrgetter("message_key")):
        if message.channel in RENDERED:
            shown.setdefault(f"{batch}.{_name(message)}.html", message)
    if not _may_be_written(shown.values(), settings):
        return {}
    files = {name: proof(message, settings).html for name, message in shown.items()}
    campaigns = [name for name, message in shown.items() if message.campaign_id]
    if campaigns and settings.seed_addresses:
        pairs = product(settings.seed_addresses, campaigns)
        files[f"{batch}.{COPIES}"] = "".join(f"{who}\t{name}\n" for who, name in pairs)
    return files


def remove(folder: Path, batch: str) -> None:
    """Take away the proofs of a batch."""
    for kind in ("*.html", COPIES):
        for file in folder.glob(f"{batch}.{kind}"):
            file.unlink()


def _may_be_written(messages: Iterable[OutMessage], settings: Settings) -> bool:
    """Whether there is a sender for them; without one the file still holds what to say."""
    if all(message.purpose == "service" for message in messages):
        return True
    try:
        require_sender(settings)
    except FixConfig as error:
        log.warning("no proofs are written: %s", error)
        return False
    return True


def _name(message: OutMessage) -> str:
    parts = (message.campaign_id, message.step, message.variant, language_of(message))
    return ".".join(re.sub(r"[^A-Za-z0-9_-]", "_", str(part)) for part in parts if part)
