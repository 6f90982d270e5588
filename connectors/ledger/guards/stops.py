"""Guards on how much goes out: a push of unusual size is held, a programme's day has a ceiling.

Both are judged under the lock of the reservation, over what the other rules have left. Only
marketing is judged: what somebody asked for is not held up. The numbers are rows of
`contact_policy`, whose column `units` holds a number of messages here:

| rule | percent | units |
|---|---|---|
| `push_collapse` | held below this share of what is usual | a smaller difference is tolerated |
| `push_explosion` | held above this share of what is usual | a smaller difference is tolerated |
| `ceiling` or `ceiling_<programme>` | | the most that a programme plans in a day, in UTC |

`complaints` has its rows there too.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq
from sqlalchemy import ColumnElement, Connection, case, func, select, update

from connectors.core.live import NOT_LIVE
from connectors.ledger.emission.rules import ANY, MARKETING, Rule
from connectors.ledger.emission.scratch import CANDIDATES
from connectors.ledger.guards import pushes, sizes
from connectors.ledger.guards.pauses import PAUSED, any_open, is_paused
from connectors.ledger.guards.pushes import Push, Size
from connectors.ledger.models import MessageRow

HELD: Final = "held_by_guard"
CEILING: Final = "ceiling"
COLLAPSE, EXPLOSION = "push_collapse", "push_explosion"
BRAKE, STOP = "complaint_brake", "complaint_stop"
_NAMED = (COLLAPSE, EXPLOSION, CEILING, BRAKE, STOP)
_C = CANDIDATES.c
# A triggered message that answers a campaign belongs to its programme's days, not to a campaign.
_CAMPAIGN = case((_C.kind == "mass", _C.campaign_id), else_="")


@dataclass(frozen=True)
class GuardRule:
    """A row of `contact_policy` that is a guard; `channel` and `kind` may be 'any'."""

    rule: str
    channel: str
    kind: str
    window_hours: int | None = None
    percent: int | None = None
    units: Decimal | None = None

    def concerns(self, push: Push) -> bool:
        """Whether it is about such messages."""
        return self.channel in (ANY, push.channel) and self.kind in (ANY, push.kind)


_COLUMNS = tuple(field.name for field in fields(GuardRule))


def read_guards(snapshot_dir: Path) -> tuple[GuardRule, ...]:
    """Read the guards of a snapshot's policy; none where it holds no policy."""
    path = snapshot_dir / "contact_policy.parquet"
    if not path.exists():
        return ()
    with pq.ParquetFile(path) as file:
        rows = file.read().to_pylist()
    named = [row for row in rows if row["rule"].startswith(_NAMED)]
    return tuple(GuardRule(**{name: row.get(name) for name in _COLUMNS}) for row in named)


@dataclass(frozen=True)
class Stops:
    """What else may stop a reservation: the policy's guards, and destinations that are barred."""

    guards: Sequence[GuardRule] = ()
    barred: Collection[str] = ()

    def rules(self, connection: Connection) -> Iterator[Rule]:
        """Why a message must not go, whatever its purpose; most often nothing is paused."""
        if any_open(connection):
            yield Rule(PAUSED, is_paused(_C.programme, _C.purpose))
        if self.barred:
            yield Rule(NOT_LIVE, _C.destination.in_(sorted(self.barred)))


NOTHING_STOPS: Final = Stops()


@dataclass(frozen=True)
class Guarding:
    """The guards at one reservation, on its connection and under its lock."""

    connection: Connection
    run_id: str
    planned_as_of: datetime
    rules: Sequence[GuardRule]

    def judge(self) -> None:
        """Refuse what belongs to a push of unusual size, and what is above a ceiling."""
        admitted = list(self._hold())
        for programme in sorted({push.programme for push in admitted}):
            self._limit(programme, [push for push in admitted if push.programme == programme])

    def count(self) -> None:
        """Write down how many of each push were entered, once they are."""
        for push in self._pushes("admitted"):
            values = (push.programme, push.campaign_id, push.wanted)
            pushes.add_taken(self.connection, self.run_id, *values)

    def _pushes(self, ruling: str | None) -> list[Push]:
        names = (_C.programme, _CAMPAIGN.label("campaign"), _C.kind, _C.channel)
        query = (
            select(*names, func.count())
            .where(_C.ruling.is_not_distinct_from(ruling), _C.purpose == MARKETING)
            .group_by(*names)
            .order_by(*names)
        )
        return [Push(*row) for row in self.connection.execute(query)]

    def _hold(self) -> Iterator[Push]:
        for push in self._pushes(None):
            known = self.connection, self.run_id, self.planned_as_of, push
            size = sizes.size(*known)
            is_held = not size.is_confirmed and is_unusual(size, self._rules(push))
            pushes.record(*known, size, is_held=is_held)
            if is_held:
                self._refuse(HELD, push.programme, _CAMPAIGN.is_not_distinct_from(push.campaign_id))
            else:
                yield push

    def _rules(self, push: Push) -> list[GuardRule]:
        return [rule for rule in self.rules if rule.concerns(push)]

    def _limit(self, programme: str, admitted: Sequence[Push]) -> None:
        """Refuse what a programme wants beyond its day's ceiling: the last by key."""
        most = ceiling_of(programme, [rule for push in admitted for rule in self._rules(push)])
        wanted = sum(push.wanted for push in admitted)
        if most is None:
            return
        start = self.planned_as_of.replace(hour=0, minute=0, second=0, microsecond=0)
        day = start, start + sizes.DAY
        # The count of pushes is at hand, and never too low; messages are counted where it matters.
        if sizes.taken_between(self.connection, programme, *day) + wanted <= most:
            return
        room = max(0, most - self._planned(programme, *day))
        open_ = (_C.ruling.is_(None), _C.programme == programme, _C.purpose == MARKETING)
        beyond = select(_C.message_key).where(*open_).order_by(_C.message_key).offset(room)
        self._refuse(CEILING, programme, _C.message_key.in_(beyond.subquery().select()))

    def _planned(self, programme: str, since: datetime, until: datetime) -> int:
        during = MessageRow.planned_as_of >= since, MessageRow.planned_as_of < until
        return sizes.entered(self.connection, MessageRow.programme == programme, *during)

    def _refuse(self, reason: str, programme: str, *where: ColumnElement[bool]) -> None:
        open_ = (_C.ruling.is_(None), _C.programme == programme, _C.purpose == MARKETING)
        values = {"ruling": "refused", "refusal": reason}
        self.connection.execute(update(CANDIDATES).where(*open_, *where).values(values))


def is_unusual(size: Size, rules: Iterable[GuardRule]) -> bool:
    """Tell whether a push is so much smaller or larger than usual that somebody should look."""
    if size.usual is None:
        return False
    for rule in rules:
        if rule.percent is None or abs(size.measured - size.usual) <= (rule.units or 0):
            continue
        bound = size.usual * rule.percent / 100
        if rule.rule == COLLAPSE and size.measured < bound:
            return True
        if rule.rule == EXPLOSION and size.measured > bound:
            return True
    return False


def ceiling_of(programme: str, rules: Iterable[GuardRule]) -> int | None:
    """Return the most a programme may plan in a day: its own row's, else the least of `ceiling`."""
    most: dict[str, list[int]] = {}
    for rule in rules:
        if rule.units is not None:
            most.setdefault(rule.rule, []).append(int(rule.units))
    found = most.get(f"{CEILING}_{programme}") or most.get(CEILING)
    return min(found) if found else None
