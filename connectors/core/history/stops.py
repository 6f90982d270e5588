"""What in a history file has to stop messages at once, before a run has read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from connectors.core.clock import parse_instant
from connectors.core.history.judge import Reading
from connectors.core.identifiers import normalise_email, normalise_phone

UNSUBSCRIBED = "unsubscribed"
HARD_BOUNCE = "hard_bounce"


class Stop(NamedTuple):
    """An address by its node, why it must not be contacted, and since when (aware)."""

    node_id: str
    reason: str
    since: Any


def stops(kind: str, says: Mapping[str, Any], reading: Reading, key: str) -> list[Stop]:
    """What a landed row stops; `key` is the secret of the keyed hash.

    An unsubscription counts from the import on: older plans did not know of it, newer ones do.
    """
    reason, since = _reason(kind, says)
    if reason is None:  # as of a row that can't be used: it lands without saying anything
        return []
    told = parse_instant(since) if since and reason != UNSUBSCRIBED else None
    nodes = []
    if says.get("email"):
        nodes.append(normalise_email(says["email"], key).node_id)
    if says.get("phone"):
        nodes.append(normalise_phone(says["phone"], reading.country, key).node_id)
    return [Stop(node, reason, told or reading.as_of) for node in nodes if node]


def _reason(kind: str, says: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Why a row stops messages, and the time it tells; no reason where it stops none."""
    if kind == "suppressions":
        return says.get("reason"), says.get("suppressed_at")
    if kind == "bounces" and says.get("kind") == "hard":
        return HARD_BOUNCE, says.get("bounced_at")
    is_withdrawn = says.get("state") == "withdrawn" and says.get("purpose") == "marketing"
    # A letter goes to no address that a message could go to.
    if kind == "consents" and is_withdrawn and says.get("channel") != "post":
        return UNSUBSCRIBED, None
    return None, None
