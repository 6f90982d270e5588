"""Why a candidate is absorbed or refused: named rules, each one query over the candidates.

A rule returns the keys of candidates it catches. To add one (a withdrawal of permission, say),
add a row to `REFUSALS`: the first that catches a candidate gives the reason.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.sql.elements import ColumnElement, SQLColumnExpression

from connectors.ledger.audience import CapRule
from connectors.ledger.models import MessageRow, SuppressionRow
from connectors.ledger.scratch import CANDIDATES

MARKETING = "marketing"
ANY = "any"
# These stop service messages as well; every other suppression stops marketing.
STOPS_EVERYTHING = ("hard_bounce", "erased")
COUNTS_FOR_CAPS = ("reserved", "delivering", "accepted", "unknown", "held")
ONCE = ("address_hash", "programme", "campaign_id", "occasion", "step")

_C = CANDIDATES.c
_KEYS = select(_C.message_key)
_HOLDS_SLOT = MessageRow.refusal.is_(None)


@dataclass(frozen=True)
class Rule:
    """A reason and the query that finds whom it concerns."""

    reason: str
    keys: Select[Any]


def _same_key() -> Select[Any]:
    return _KEYS.where(exists().where(MessageRow.message_key == _C.message_key, _HOLDS_SLOT))


def _same_occasion() -> Select[Any]:
    same = (getattr(MessageRow, name) == _C[name] for name in ONCE)
    return _KEYS.where(exists().where(*same, _HOLDS_SLOT))


def _twice_in_slice() -> Select[Any]:
    rank = func.row_number().over(partition_by=[_C[name] for name in ONCE], order_by=_C.message_key)
    ranked = select(_C.message_key, rank.label("place")).where(_C.ruling.is_(None)).subquery()
    return select(ranked.c.message_key).where(ranked.c.place > 1)


def _suppressed() -> Select[Any]:
    concerns = or_(_C.purpose == MARKETING, SuppressionRow.reason.in_(STOPS_EVERYTHING))
    return _KEYS.where(exists().where(SuppressionRow.address_hash == _C.address_hash, concerns))


# Already in the ledger: nothing to do, and nothing to tell.
ABSORBED: tuple[Rule, ...] = (
    Rule("same_key", _same_key()),
    Rule("same_occasion", _same_occasion()),
    Rule("twice_in_slice", _twice_in_slice()),
)
REFUSALS: tuple[Rule, ...] = (Rule("suppressed", _suppressed()),)


def cap_rules(policy: tuple[CapRule, ...], planned_as_of: datetime) -> Iterator[Rule]:
    """Yield the rules of the rolling caps: one by person, one by address, for each policy row."""
    for cap in policy:
        if not cap.calendar_day:
            yield Rule(cap.rule, _capped(cap, planned_as_of, "person_id"))
            yield Rule(cap.rule, _capped(cap, planned_as_of, "address_hash"))


def _capped(cap: CapRule, planned_as_of: datetime, who: str) -> Select[Any]:
    """Find undecided candidates whose window is full.

    The window reaches to both sides, so that a run of an earlier `as_of` cannot break the cap of
    one that was already emitted.
    """
    window = timedelta(hours=cap.window_hours)
    earlier = (
        select(func.count())
        .select_from(MessageRow)
        .where(
            getattr(MessageRow, who) == _C[who],
            MessageRow.planned_as_of > planned_as_of - window,
            MessageRow.planned_as_of < planned_as_of + window,
            MessageRow.purpose == MARKETING,
            MessageRow.state.in_(COUNTS_FOR_CAPS),
            *_matching(cap, MessageRow.channel, MessageRow.kind),
        )
        .scalar_subquery()
    )
    return open_marketing().where(*_matching(cap, _C.channel, _C.kind), earlier >= cap.max_messages)


def _matching(
    cap: CapRule, channel: SQLColumnExpression[Any], kind: SQLColumnExpression[Any]
) -> list[ColumnElement[bool]]:
    conditions = ((cap.channel, channel), (cap.kind, kind))
    return [column == value for value, column in conditions if value != ANY]


def open_marketing() -> Select[Any]:
    """Select the undecided marketing candidates."""
    return _KEYS.where(_C.ruling.is_(None), _C.purpose == MARKETING)


def next_in_turn() -> Select[Any]:
    """Select those whose turn it is: no undecided candidate of the same person or address before.

    So two candidates that compete for one cap are decided one after the other, by key.
    """
    other = CANDIDATES.alias("other")
    before = and_(
        other.c.ruling.is_(None),
        other.c.purpose == MARKETING,
        other.c.message_key < _C.message_key,
    )
    return open_marketing().where(
        ~exists().where(other.c.person_id == _C.person_id, before),
        ~exists().where(other.c.address_hash == _C.address_hash, before),
    )


def open_service() -> Select[Any]:
    """Select the undecided candidates that promote nothing: no cap applies to them."""
    return _KEYS.where(_C.ruling.is_(None), _C.purpose != MARKETING)
