"""What a random history declares, told by plain loops over the versions of each record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from permission_kit import History, Said, landed_at

KNOWN_STATES = {"granted": "granted", "withdrawn": "withdrawn", "none": "none", "pending": "none"}
Key = tuple[str, str, str]


@dataclass
class Declaration:
    """Something that was said about one address, channel and purpose."""

    key: Key
    state: str
    valid_from: datetime
    basis: str = "consent"
    proof: str | None = None
    confirmed_at: datetime | None = None


def moment(text: str | None) -> datetime | None:
    """A time as the shop wrote it; None where it is none."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None) if text else None
    except ValueError:
        return None


def declarations(history: History, run: int) -> list[Declaration]:
    """Everything that was declared, by what had landed with that run."""
    profile = [said for _, _, _, said in history.until(run, "customers")]
    records: dict[str, list[tuple[int, str, Said]]] = {}
    for number, key, op, said in history.until(run, "consents"):
        records.setdefault(key, []).append((number, op, said))
    return [each for versions in records.values() for each in of_record(versions, profile)]


def of_record(versions: list[tuple[int, str, Said]], profile: list[Said]) -> list[Declaration]:
    """What one record of a consent declared, version after version."""
    found: list[Declaration] = []
    before: Before | None = None
    for number, op, said in versions:
        at = landed_at(number)
        state = KNOWN_STATES.get(said.get("state") or "", "unclear") if op == "upsert" else "gone"
        if op == "upsert" and is_rejected(said, state, at):
            continue
        address = said.get("phone" if said.get("channel") == "call" else "email")
        given = moment(said.get("given_at"))
        if state != "granted":
            given = min(given or at, at)
        if before and before.state == "granted" and before.address and moved(before, address, said):
            when = at if state in ("granted", "gone") else given
            found.append(stop(before.address, before.said, "withdrawn", when or at))
        if state == "granted" and given and address:
            if before and is_anew(before, address):
                given = max(given, before.landed_at.replace(second=1))
            found += grant(address, said, given, at)
        elif state != "gone" and given:
            ends = state == "none" and before is not None and before.state == "granted"
            found += stops(address, said, "withdrawn" if ends else state, given, profile)
        before = Before(state, address, said, at)
    return found


class Before(NamedTuple):
    """The version of a record before the one that is looked at."""

    state: str
    address: str | None
    said: Said
    landed_at: datetime


def is_anew(before: Before, address: str) -> bool:
    """Whether a grant is a new one, whatever time it names."""
    left = before.state == "granted" and before.address != address
    return left or before.state in ("none", "gone")


def stops(
    address: str | None, said: Said, state: str, given: datetime, profile: list[Said]
) -> list[Declaration]:
    """What stops: for the address that is named, else for all that the profile ever had."""
    if state not in ("withdrawn", "unclear"):
        return []
    kind = "phone" if said["channel"] == "call" else "email"
    known = {each[kind] for each in profile if said["customer_id"] and each[kind]}
    return [stop(one, said, state, given) for one in ([address] if address else sorted(known))]


def is_rejected(said: Said, state: str, at: datetime) -> bool:
    """Whether the record can't be read as a declaration at all."""
    given = moment(said.get("given_at"))
    if said["channel"] == "sms":
        return True
    if state == "granted" and (given is None or given > at or said["purpose"] is None):
        return True
    address = said["phone"] if said["channel"] == "call" else said["email"]
    return address is None and (said["customer_id"] is None or state == "granted")


def moved(before: Before, address: str | None, said: Said) -> bool:
    """Whether the address that was granted is left without it."""
    same = before.address == address and before.said["channel"] == said.get("channel")
    return not (same and before.said["purpose"] == said["purpose"])


def stop(address: str, said: Said, state: str, at: datetime) -> Declaration:
    """A withdrawal, or what counts as one."""
    purpose = said["purpose"] if said["purpose"] in ("marketing", "service") else "marketing"
    return Declaration(
        (address, said["channel"], purpose), state, at, said["legal_basis"] or "consent"
    )


def grant(address: str, said: Said, given: datetime, at: datetime) -> list[Declaration]:
    """A grant, if its purpose is one of ours."""
    if said["purpose"] not in ("marketing", "service"):
        return []
    confirmed = moment(said["confirmed_at"])
    key = (address, said["channel"], said["purpose"])
    is_past = confirmed is not None and confirmed <= at
    basis = said["legal_basis"] or "consent"
    return [
        Declaration(key, "granted", given, basis, said["proof"], confirmed if is_past else None)
    ]
