"""What a row of a history file says, and whether it can be used: each reason once, in words.

A row that would let us write to somebody has to be whole; one that forbids it counts as far as it
can be understood.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from connectors.core.clock import iso_z
from connectors.core.history import words
from connectors.core.history.times import Dates, read_time
from connectors.core.identifiers import normalise_email, normalise_phone

Cells = Mapping[str, str]
FROM_NOW = "no time that can be read: it holds from the import on"
AS_MANUAL = "a reason that is not known: kept as manual"


@dataclass(frozen=True, slots=True)
class Reading:
    """How rows are read: up to which moment, numbers of which country, dates in which order."""

    as_of: datetime
    country: str
    dates: Dates | None = None


@dataclass(slots=True)
class Said:
    """What a row says by column; `problem` is why it can't be used, `notes` what was made of it."""

    fields: dict[str, str | int | None] = field(default_factory=dict)
    at: datetime | None = None
    problem: str = ""
    notes: list[str] = field(default_factory=list)


Judge = Callable[[Cells, Reading], Said]


def consent(cells: Cells, reading: Reading) -> Said:
    """A declaration. A withdrawal without a time holds from the import on; a grant needs one."""
    channel, purpose = _channel(cells), _purpose(cells)
    state = words.meaning(words.STATES, cells.get("state", ""))
    said = Said({"channel": channel, "purpose": purpose, "state": state})
    said.problem = (
        ("" if channel else "channel is not email, call or post")
        or ("" if purpose else "purpose is not marketing or service")
        or ("" if cells.get("state") else "state is missing")
        or ("" if state else "state is no word that is known")
        or _take_address(said, cells, reading, "phone" if channel == "call" else "email")
    )
    if not said.problem and state == "granted":
        told = "given_at" if cells.get("given_at") else "granted_at"
        said.problem = _take_past(said, "given_at", cells.get(told, ""), reading)
        said.fields["legal_basis"] = (cells.get("legal_basis") or "consent").lower()
    elif not said.problem and state == "withdrawn":
        told = "given_at" if cells.get("given_at") else "withdrawn_at"
        _take_stop(said, "given_at", cells.get(told, ""), reading)
    said.fields["proof"] = _proof(cells)
    return said


def suppression(cells: Cells, reading: Reading) -> Said:
    """An address that must not be contacted, whatever the reason is called."""
    reason = words.meaning(words.REASONS, cells.get("reason", ""))
    said = Said({"reason": reason or "manual"})
    if not reason:
        said.notes.append(AS_MANUAL)
    email = _take_address(said, cells, reading, "email")
    phone = _take_address(said, cells, reading, "phone")
    if email and phone:
        said.problem = email if cells.get("email") or not cells.get("phone") else phone
    _take_stop(said, "suppressed_at", cells.get("since", ""), reading)
    return said


def bounce(cells: Cells, reading: Reading) -> Said:
    """Mail that came back."""
    kind = words.bounce_kind(cells.get("kind", ""))
    said = Said({"kind": kind, "diagnostic": cells.get("diagnostic") or None})
    said.problem = _take_address(said, cells, reading, "email") or (
        "" if kind else "kind is neither hard nor soft"
    )
    _take_stop(said, "bounced_at", cells.get("at", ""), reading)
    return said


def send(cells: Cells, reading: Reading) -> Said:
    """A message of the previous tool; a day without a time counts to its end."""
    channel, purpose = _channel(cells), _purpose(cells)
    said = Said({"channel": channel, "purpose": purpose})
    step = cells.get("step", "")
    said.problem = (
        ("" if channel else "channel is not email, call or post")
        or ("" if purpose else "purpose is not marketing or service")
        or ("" if step.isdecimal() or not step else "step is no number")
        or _take_address(said, cells, reading, "phone" if channel == "call" else "email")
        or _take_past(said, "sent_at", cells.get("sent_at", ""), reading, end_of_day=True)
    )
    said.fields["step"] = int(step[:9]) if step.isdecimal() else None
    for name in ("programme", "campaign_id", "occasion", "subject"):
        said.fields[name] = cells.get(name) or None
    return said


def outcome(cells: Cells, reading: Reading) -> Said:
    """How a call or a meeting ended; a word that is not known is kept as it is."""
    channel = words.meaning(words.TALKS, cells.get("channel") or "call")
    told = cells.get("outcome", "")
    said = Said({"channel": channel, "outcome": words.meaning(words.OUTCOMES, told) or told})
    email, phone = (
        _take_address(said, cells, reading, "email"),
        _take_address(said, cells, reading, "phone"),
    )
    said.problem = (
        ("" if channel else "channel is not call or meeting")
        or ("" if told else "outcome is missing")
        or (email and phone and (email if cells.get("email") else phone))
        or _take_past(said, "happened_at", cells.get("happened_at", ""), reading)
    )
    for name in ("topic", "comment"):
        said.fields[name] = cells.get(name) or None
    return said


JUDGES: Mapping[str, Judge] = {
    "consents": consent,
    "suppressions": suppression,
    "bounces": bounce,
    "sends": send,
    "outcomes": outcome,
}


def _channel(cells: Cells) -> str | None:
    return words.meaning(words.CHANNELS, cells.get("channel") or "email")


def _purpose(cells: Cells) -> str | None:
    return words.meaning(words.PURPOSES, cells.get("purpose") or "marketing")


def _proof(cells: Cells) -> str | None:
    """The proof, with what is known of its confirmation."""
    flag = words.meaning(words.FLAGS, cells.get("double_opt_in", ""))
    confirmed = {"yes": "double opt-in", "no": "single opt-in"}.get(flag or "", "")
    return ", ".join(part for part in (cells.get("proof", ""), confirmed) if part) or None


def _take_address(
    said: Said, cells: Cells, reading: Reading, name: Literal["email", "phone"]
) -> str:
    """Note an address if it is one; else what is wrong with it."""
    # Spreadsheets are kept from calculating with it by an apostrophe.
    raw = cells.get(name, "").removeprefix("'")
    if not raw:
        return f"it names no {name}"
    found = normalise_email(raw) if name == "email" else normalise_phone(raw, reading.country)
    if not found.is_valid:
        return f"the {name} is not valid"
    said.fields[name] = raw
    return ""


def _take_past(
    said: Said, name: str, text: str, reading: Reading, *, end_of_day: bool = False
) -> str:
    """Note a time that has to be there and to have passed; else what is wrong with it."""
    if not text:
        return f"{name} is missing"
    found = read_time(text, reading.dates, end_of_day=end_of_day)
    if isinstance(found, str):
        return f"{name} {found}"
    if found > reading.as_of and found.date() > reading.as_of.date():
        return f"{name} lies after the import"
    said.at = min(found, reading.as_of)
    said.fields[name] = iso_z(said.at)
    return ""


def _take_stop(said: Said, name: str, text: str, reading: Reading) -> None:
    """Note from when something is forbidden; a day without a time is meant to its end."""
    found = read_time(text, reading.dates, end_of_day=True) if text else ""
    if isinstance(found, str) or found.date() > reading.as_of.date():
        said.notes.append(FROM_NOW)
        return
    said.at = min(found, reading.as_of)
    said.fields[name] = iso_z(said.at)
