"""Destination `call_list`: a list of calls to make, as a CSV that a call centre takes.

`<out>/call_list/<programme>/<batch_id>.csv`, one person a row: the number, the language, when a
call is allowed and until when it makes sense, what it answers and what to say. The columns after
those are empty: whoever called fills in `outcome`, `topic`, `comment` and `happened_at`, and the
file comes back by `parley import-history outcomes FILE --source calls`. A row that nobody filled
in is told of there, and changes nothing.

Option `do_not_call`: a file with one number a line, as a country's register gives it; who is on it
is not listed. One that is older than 31 days is warned of (TCPA, 47 CFR 64.1200(c)(2)).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import phonenumbers

from connectors.core.clock import utc_now
from connectors.core.delivery import Outcome, OutMessage
from connectors.core.errors import FixConfig
from connectors.core.handout.batches import (
    BatchFiles,
    Cell,
    deadline,
    said,
    send_after,
    write_list,
)
from connectors.core.settings import Settings
from connectors.core.spec import Finding

ABOUT: Final = "Calls to make, as a CSV for whoever makes them."
OPTIONS: Final = {"do_not_call": "a file with a number a line: who is on it is not called"}
SETTING: Final = "PARLEY_DESTINATIONS__CALL_LIST__OPTIONS"
FRESH: Final = timedelta(days=31)
# The names are those that `parley import-history outcomes` knows; `subject` would be taken for
# what the call was about.
CELLS: Mapping[str, Cell] = {
    "message_key": lambda message: message.message_key,
    "phone": lambda message: message.address,
    "person_id": lambda message: message.person_id,
    "programme": lambda message: message.programme,
    "campaign_id": lambda message: message.campaign_id or "",
    "language": lambda message: message.language,
    "call_after": send_after,
    "deadline": deadline,
    "contact_hours": lambda message: message.contact_hours,
    "opening": said("subject"),
    "fact": said("fact"),
    "talking_points": said("talking_points"),
    "channel": lambda message: message.channel,
    **dict.fromkeys(("outcome", "topic", "comment", "happened_at"), lambda _message: ""),
}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CallList(BatchFiles):
    """Writes lists of calls. `do_not_call`: numbers that are never listed, and how old they are."""

    root: Path
    name: str = "call_list"
    country: str = "GB"
    do_not_call: Path | None = None
    clock: Callable[[], datetime] = utc_now

    def deliver(self, batch_id: str, messages: Sequence[OutMessage]) -> list[Outcome]:
        """Write one list per programme; who may not be called is rejected.

        Raises `FixConfig` also where the register cannot be read.
        """
        if self.do_not_call is None:
            return super().deliver(batch_id, messages)
        if is_old(self.do_not_call, self.clock()):
            log.warning("the do-not-call list is older than %s days", FRESH.days)
        listed = registered(self.do_not_call, (each.address for each in messages), self.country)
        refused = [each for each in messages if each.address in listed]
        others = [each for each in messages if each.address not in listed]
        outcomes = super().deliver(batch_id, others) if others else []
        why = "on the do-not-call list"
        return outcomes + [Outcome(each.message_key, "rejected", why) for each in refused]

    def _refusal(self, message: OutMessage) -> str:
        if message.channel != "call":
            return "it is no call"
        # Whose time zone is not known is not called.
        if not message.contact_hours.strip():
            return "it does not say when a call is allowed"
        return super()._refusal(message)

    def _write(self, path: Path, messages: list[OutMessage]) -> None:
        write_list(path, messages, CELLS)


def create(settings: Settings) -> CallList:
    """Make the destination for these settings.

    Raises:
        FixConfig: the register is not there.
    """
    given = settings.destination("call_list").options.get("do_not_call")
    path = Path(given).expanduser() if given else None
    if path and not path.is_file():
        raise _unreadable()
    return CallList(
        settings.out_dir / "call_list", country=settings.default_country, do_not_call=path
    )


def check(settings: Settings) -> list[Finding]:
    """Say where the lists go and how old the register is, or what is wrong with the settings."""
    try:
        made = create(settings)
    except FixConfig as error:
        return [Finding("error", error.what, error.remedy)]
    found = [Finding("ok", f"lists of calls are written to {made.root}")]
    if made.do_not_call is None:
        remedy = f"Where the law asks for one, set {SETTING}__DO_NOT_CALL to its file."
        found.append(Finding("warning", "no do-not-call list is asked", remedy))
    elif is_old(made.do_not_call, utc_now()):
        what = f"the do-not-call list is older than {FRESH.days} days"
        found.append(Finding("warning", what, "Put the newest one in its place."))
    return found


def is_old(register: Path, now: datetime) -> bool:
    """Whether a register was last written too long ago. Raises `FixConfig` if it is not there."""
    try:
        written = datetime.fromtimestamp(register.stat().st_mtime, UTC)
    except OSError:
        raise _unreadable() from None
    return now - written > FRESH


def registered(register: Path, addresses: Iterable[str], country: str) -> set[str]:
    """Which of these numbers stand in a register, with their country or without.

    It is read line by line: some hold millions. Raises `FixConfig` if it cannot be read.
    """
    spelled: dict[str, list[str]] = {}
    for address in addresses:
        for digits in _spellings(address, country):
            spelled.setdefault(digits, []).append(address)
    found: set[str] = set()
    try:
        with register.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                found.update(spelled.get(_digits(line), ()))
    except OSError:
        raise _unreadable() from None
    return found


def _spellings(address: str, country: str) -> set[str]:
    """The digits of a number: as it is, and within its country with and without the 0."""
    digits = {_digits(address)}
    try:
        within = str(phonenumbers.parse(address, country).national_number)
    except phonenumbers.NumberParseException:
        return digits - {""}
    return (digits | {within, f"0{within}"}) - {""}


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text).removeprefix("00")


def _unreadable() -> FixConfig:
    what = "the do-not-call list cannot be read, so nobody is called"
    return FixConfig(what, f"{SETTING}__DO_NOT_CALL", "Set the path of a file that is there.")
