"""How large a push is with what went before it, and what is usual for that."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from sqlalchemy import ColumnElement, Connection, func, select

from connectors.core.clock import as_utc
from connectors.ledger.emission.rules import COUNTS_FOR_CAPS, MARKETING
from connectors.ledger.guards.pushes import Push, PushRow, Size
from connectors.ledger.models import MessageRow

DAY: Final = timedelta(days=1)
HISTORY: Final = 5
"""So many days, or earlier campaigns, are looked at."""

LEAST_HISTORY: Final = 3
"""With fewer there is nothing usual yet, and nothing is held."""

CONFIRMED_HOLDS: Final = timedelta(days=7)
"""So long a size that somebody confirmed counts as usual for a programme without campaigns."""

_ROW = PushRow.__table__.c


def size(connection: Connection, run_id: str, planned_as_of: datetime, push: Push) -> Size:
    """Measure a push against the history of its programme.

    A campaign is compared with the programme's earlier ones when they were as old: its first push
    with their first pushes, a week of it with their first week. Everything else is compared by
    rolling days: what goes out in the 24 hours up to now with the days before at the same hour, so
    that neither the pace of runs nor the quiet of the night matters. Days without any count not.
    """
    measure = _by_campaign if push.campaign_id else _by_day
    found = measure(connection, planned_as_of, push)
    of_run = (_ROW.run_id == run_id, *_of(push))
    own = connection.scalar(select(_ROW.confirmed_at).where(*of_run))
    return Size(found.measured, found.usual, is_confirmed=own is not None)


def taken_between(connection: Connection, programme: str, since: datetime, until: datetime) -> int:
    """Return how many were ever entered by plans of [since, until); cancelled ones included."""
    during = (_ROW.planned_as_of >= since, _ROW.planned_as_of < until)
    query = select(_ROW.taken).where(_ROW.programme == programme, *during)
    return sum(connection.scalars(query))


def _of(push: Push) -> tuple[ColumnElement[bool], ...]:
    return (_ROW.programme == push.programme, _ROW.campaign_id == push.campaign_id)


def _by_day(connection: Connection, at: datetime, push: Push) -> Size:
    since = at - (HISTORY + 1) * DAY
    during = (_ROW.planned_as_of > since, _ROW.planned_as_of <= at)
    rows = connection.execute(select(_ROW.planned_as_of, _ROW.taken).where(*_of(push), *during))
    days = [0] * (HISTORY + 1)
    for planned, taken in rows:
        days[(at - as_utc(planned)) // DAY] += taken
    confirmed = (
        select(_ROW.measured)
        .where(*_of(push), _ROW.confirmed_at.is_not(None))
        .where(_ROW.planned_as_of > at - CONFIRMED_HOLDS, _ROW.planned_as_of <= at)
        .order_by(_ROW.planned_as_of.desc())
    )
    usual = connection.scalar(confirmed.limit(1))
    usual = _usual(days[1:]) if usual is None else usual
    return Size(_own(connection, push, days[0], usual, at - DAY, at) + push.wanted, usual)


def _by_campaign(connection: Connection, at: datetime, push: Push) -> Size:
    columns = (_ROW.campaign_id, _ROW.planned_as_of, _ROW.taken, _ROW.measured, _ROW.confirmed_at)
    query = (
        select(*columns)
        .where(_ROW.programme == push.programme, _ROW.campaign_id != "")
        .where(_ROW.planned_as_of <= at)
        .order_by(_ROW.planned_as_of)
    )
    pushes: dict[str, list[tuple[datetime, int]]] = {}
    confirmed = None
    for campaign, planned, taken, measured, confirmed_at in connection.execute(query):
        if taken:
            pushes.setdefault(campaign, []).append((as_utc(planned), taken))
        if campaign == push.campaign_id and confirmed_at is not None:
            confirmed = measured
    own = pushes.pop(push.campaign_id, [])
    age = at - own[0][0] if own else timedelta()
    earlier = sorted(pushes.values(), key=lambda each: each[0][0])[-HISTORY:]
    totals = [
        sum(taken for planned, taken in each if planned - each[0][0] <= age) for each in earlier
    ]
    usual = _usual(totals) if confirmed is None else confirmed
    taken = sum(taken for _, taken in own)
    return Size(_own(connection, push, taken, usual, at - age - DAY, at) + push.wanted, usual)


def _own(
    connection: Connection,
    push: Push,
    taken: int,
    usual: int | None,
    since: datetime,
    until: datetime,
) -> int:
    """Count what went before; exactly (not what was cancelled since) where that could matter."""
    if usual is None or taken + push.wanted <= usual:
        return taken
    during = MessageRow.planned_as_of > since, MessageRow.planned_as_of <= until
    which = [MessageRow.programme == push.programme, *during]
    if push.campaign_id:
        which.append(MessageRow.campaign_id == push.campaign_id)
    return min(taken, entered(connection, *which))


def entered(connection: Connection, *which: ColumnElement[bool]) -> int:
    """Count marketing messages that hold their slot; it reads the whole table."""
    counted = MessageRow.purpose == MARKETING, MessageRow.state.in_(COUNTS_FOR_CAPS)
    query = select(func.count()).select_from(MessageRow).where(*counted, *which)
    return connection.scalar(query) or 0


def _usual(totals: Iterable[int]) -> int | None:
    counted = [each for each in totals if each]
    return round(median(counted)) if len(counted) >= LEAST_HISTORY else None
