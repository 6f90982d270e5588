"""Destination `meeting`: invitations as iCalendar files, one a person. It contacts nobody.

`<out>/meeting/<programme>/<batch_id>.<message_key>.ics` is one invitation, to be attached to an
email or opened by whoever meets; `<batch_id>.csv` lists who is invited, when, and by which file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from connectors.core.clock import iso_z, utc_now
from connectors.core.delivery import OutMessage
from connectors.core.errors import FixConfig
from connectors.core.handout.batches import SAFE_NAME, BatchFiles, Cell, write_list
from connectors.core.handout.calendar import Invitation, written
from connectors.core.handout.meetings import OPTIONS, SETTING, Meetings, read_meetings
from connectors.core.handout.whole import whole, write_text
from connectors.core.settings import Settings
from connectors.core.spec import Finding
from connectors.destinations.render import render

__all__ = ["ABOUT", "OPTIONS", "MeetingFiles", "check", "create"]

ABOUT: Final = "Invitations to meetings, as iCalendar files for whoever meets."


@dataclass(frozen=True)
class MeetingFiles(BatchFiles):
    """Writes invitations by what `meetings` says; `settings` hold the words."""

    root: Path
    settings: Settings
    meetings: Meetings
    name: str = "meeting"
    batch_size: int = 1_000
    clock: Callable[[], datetime] = utc_now

    def _remove_halves(self, batch_id: str) -> None:
        for file in self.root.glob(f"*/{batch_id}.*.ics"):
            if not (file.parent / f"{batch_id}.csv").exists():
                file.unlink()

    def _refusal(self, message: OutMessage) -> str:
        if not SAFE_NAME.fullmatch(message.message_key):
            return "its key cannot be a file's name"
        return self.meetings.refusal(message, self.clock())

    def _write(self, path: Path, messages: list[OutMessage]) -> None:
        made: dict[str, Invitation] = {}
        for message in messages:
            shown = render(message, self.settings)
            own = self.meetings.invitation(message, shown.subject, shown.text, self.clock())
            made[message.message_key] = own
            name = f"{path.stem}.{message.message_key}.ics"
            whole(path.with_name(name), partial(write_text, text=written(own)))
        write_list(path, messages, _cells(path.stem, made))


def create(settings: Settings) -> MeetingFiles:
    """Make the destination for these settings.

    Raises:
        FixConfig: nobody is named who invites, or an option is unknown or cannot be read.
    """
    return MeetingFiles(settings.out_dir / "meeting", settings, read_meetings(settings))


def check(settings: Settings) -> list[Finding]:
    """Say where the invitations go and who invites, or what is wrong with the settings."""
    try:
        made = create(settings)
    except FixConfig as error:
        return [Finding("error", error.what, f"{error.where}: {error.remedy}")]
    found = [Finding("ok", f"invitations are written to {made.root}")]
    if made.meetings.days_ahead is None:
        remedy = f"Set {SETTING}__DAYS_AHEAD, __AT and __TIME_ZONE."
        what = "no time is proposed where a message names none: such a message is rejected"
        found.append(Finding("warning", what, remedy))
    return found


def _cells(batch: str, made: Mapping[str, Invitation]) -> dict[str, Cell]:
    return {
        "message_key": lambda message: message.message_key,
        "address": lambda message: message.address,
        "person_id": lambda message: message.person_id,
        "programme": lambda message: message.programme,
        "campaign_id": lambda message: message.campaign_id or "",
        "language": lambda message: message.language,
        "starts_at": lambda message: iso_z(made[message.message_key].starts_at),
        "ends_at": lambda message: iso_z(made[message.message_key].ends_at),
        "file": lambda message: f"{batch}.{message.message_key}.ics",
    }
