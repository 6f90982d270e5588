"""The complaint brake: a programme that people complain about is paused, all marketing if many do.

A complaint is a suppression of that reason. It is put down to the last marketing message that went
to that address before it. Complaints are set against the messages that went out in the same days,
and only since somebody last resumed what the brake had stopped: resuming is a fresh start. The
shares are rows of `contact_policy`, in percent in the column `units`, over `window_hours`:
`complaint_brake` for a programme by itself, `complaint_stop` for all of them together.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt
from typing import Final

from sqlalchemy import Connection, Engine, func, select

from connectors.ledger.emission.rules import ANY, MARKETING
from connectors.ledger.guards.pauses import COMPLAINT_BRAKE, EVERYTHING, last_resumed, pause
from connectors.ledger.guards.stops import BRAKE, STOP, GuardRule
from connectors.ledger.models import WENT_OUT, MessageRow, SuppressionRow

log = logging.getLogger("parley")
LEAST_COMPLAINTS: Final = 3
"""Fewer say nothing, whatever they are a share of."""

ENOUGH_SENT: Final = 1_000
"""Of so many messages the share is taken as it is; of fewer, only what chance does not explain."""

BY: Final = "parley"
_Z: Final = 1.96  # both sides of 95 %


@dataclass(frozen=True)
class Complaints:
    """Complaints about messages sent, of a programme or ('') of all."""

    programme: str
    complaints: int
    sent: int

    @property
    def told(self) -> str:
        """The numbers in words."""
        return f"{self.complaints:,} complaints about {self.sent:,} messages"

    def exceed(self, percent: float) -> bool:
        """Whether their share is that much, as far as their number can tell."""
        if self.complaints < LEAST_COMPLAINTS or not self.sent:
            return False
        if self.sent >= ENOUGH_SENT:
            return self.complaints * 100 >= percent * self.sent
        return least_share(self.complaints, self.sent) * 100 >= percent


def brake(engine: Engine, rules: Iterable[GuardRule], at: datetime) -> list[Complaints]:
    """Pause what people complain about too much, as of `at`; return what was paused now."""
    stopped = []
    for rule in rules:
        if rule.rule not in (BRAKE, STOP) or rule.units is None or rule.window_hours is None:
            continue
        window = timedelta(hours=rule.window_hours)
        with engine.connect() as connection:
            found = _found(connection, at, window, together=rule.rule == STOP)
        percent = float(rule.units)
        stopped += [each for each in found if each.exceed(percent) and _pause(engine, each, at)]
    for each in stopped:
        what = each.programme or "all marketing"
        log.warning("%s is paused: %s", what, each.told)
    return stopped


def least_share(complaints: int, sent: int) -> float:
    """Return the least share that such a count is likely to stand for: Wilson's lower bound."""
    share, z2 = complaints / sent, _Z * _Z
    middle = share + z2 / (2 * sent)
    spread = _Z * sqrt((share * (1 - share) + z2 / (4 * sent)) / sent)
    return max(0.0, (middle - spread) / (1 + z2 / sent))


def _pause(engine: Engine, found: Complaints, at: datetime) -> bool:
    return pause(
        engine,
        found.programme,
        reason=found.told,
        by=BY,
        at=at,
        purpose=ANY if found.programme else MARKETING,
        cause=COMPLAINT_BRAKE,
    )


def _found(
    connection: Connection, at: datetime, window: timedelta, *, together: bool
) -> list[Complaints]:
    """Count complaints by programme or together; what was sent is counted only where it matters."""
    about = _complained_of(connection, at - window, at)
    if together:
        about = {EVERYTHING: [moment for moments in about.values() for moment in moments]}
    found = []
    for programme, moments in sorted(about.items()):
        resumed = last_resumed(connection, programme, COMPLAINT_BRAKE)
        since = max(at - window, resumed) if resumed else at - window
        # A message of before a fresh start that is complained of after it counts for neither.
        complaints = sum(planned > since for planned in moments)
        if complaints >= LEAST_COMPLAINTS:
            found.append(Complaints(programme, complaints, _sent(connection, programme, since, at)))
    return found


def _complained_of(
    connection: Connection, since: datetime, until: datetime
) -> Mapping[str, list[datetime]]:
    """Return when the messages were planned that people complained of, by programme."""
    complaint = (
        select(SuppressionRow.address_hash, func.min(SuppressionRow.since).label("at"))
        .where(SuppressionRow.reason == "complaint")
        .where(SuppressionRow.since > since, SuppressionRow.since <= until)
        .group_by(SuppressionRow.address_hash)
        .subquery()
    )
    query = (
        select(MessageRow.address_hash, MessageRow.programme, MessageRow.planned_as_of)
        .join(complaint, MessageRow.address_hash == complaint.c.address_hash)
        .where(MessageRow.purpose == MARKETING, MessageRow.state.in_(WENT_OUT))
        .where(MessageRow.refusal.is_(None))
        .where(MessageRow.planned_as_of > since, MessageRow.planned_as_of <= complaint.c.at)
        .order_by(MessageRow.planned_as_of, MessageRow.message_key)
    )
    last = {address: (programme, at) for address, programme, at in connection.execute(query)}
    about: dict[str, list[datetime]] = {}
    for programme, planned in last.values():
        about.setdefault(programme, []).append(planned)
    return about


def _sent(connection: Connection, programme: str, since: datetime, until: datetime) -> int:
    which = [MessageRow.programme == programme] if programme else []
    query = (
        select(func.count())
        .select_from(MessageRow)
        .where(MessageRow.purpose == MARKETING, MessageRow.state.in_(WENT_OUT), *which)
        .where(MessageRow.planned_as_of > since, MessageRow.planned_as_of <= until)
    )
    return connection.scalar(query) or 0
