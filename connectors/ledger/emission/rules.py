"""Why a candidate is absorbed or refused: named rules, each one condition on the candidates.

A rule is asked about candidates that are still undecided. To add one, add it to `refusals`: the
first that catches a candidate gives the reason.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, exists, func, or_, select
from sqlalchemy.sql.elements import ColumnElement, SQLColumnExpression

from connectors.ledger import facts
from connectors.ledger.emission.audience import CapRule
from connectors.ledger.emission.scratch import CANDIDATES
from connectors.ledger.keeping.restores import may_be_answered
from connectors.ledger.models import MessageRow, SuppressionRow

MARKETING = "marketing"
ANY = "any"
# These stop service messages as well; every other suppression stops marketing.
STOPS_EVERYTHING = ("hard_bounce", "erased")
# Whoever unsubscribed may come back. These stop what was planned before they became known; a later
# plan knows them itself, and whether a permission was given since.
STOPS_EARLIER_PLANS = ("unsubscribed",)
COUNTS_FOR_CAPS = ("reserved", "delivering", "accepted", "unknown", "held")
# How often a message is handed over, over all runs, before it is given up. Refused calls that say
# nothing of the message (wrong credentials, a batch that is looked through) do not count.
MOST_ATTEMPTS = 20
ONCE = ("address_hash", "programme", "campaign_id", "occasion", "step")

_C = CANDIDATES.c
_HOLDS_SLOT = MessageRow.refusal.is_(None)
_IS_MARKETING = _C.purpose == MARKETING


@dataclass(frozen=True)
class Rule:
    """A reason and the condition on a candidate that it stands for."""

    reason: str
    caught: ColumnElement[bool]


def _same_key() -> ColumnElement[bool]:
    return exists().where(MessageRow.message_key == _C.message_key, _HOLDS_SLOT)


def _same_occasion() -> ColumnElement[bool]:
    same = (getattr(MessageRow, name) == _C[name] for name in ONCE)
    return exists().where(*same, _HOLDS_SLOT)


def _twice_in_slice() -> ColumnElement[bool]:
    one, other = CANDIDATES.alias("one"), CANDIDATES.alias("other")
    later = select(one.c.message_key).where(
        one.c.has_rival,
        one.c.ruling.is_(None),
        exists().where(
            *(other.c[name] == one.c[name] for name in ONCE),
            other.c.ruling.is_(None),
            other.c.message_key < one.c.message_key,
        ),
    )
    return _C.message_key.in_(later)


def _used_up() -> ColumnElement[bool]:
    same = MessageRow.message_key == _C.message_key
    return and_(_C.is_known, exists().where(same, MessageRow.attempts >= MOST_ATTEMPTS))


def suppressed(
    address_hash: SQLColumnExpression[str],
    purpose: SQLColumnExpression[str],
    planned_as_of: datetime | SQLColumnExpression[datetime],
) -> ColumnElement[bool]:
    """Tell whether a suppression stops a message of that address, purpose and plan."""
    reason = SuppressionRow.reason
    is_news = or_(reason.not_in(STOPS_EARLIER_PLANS), SuppressionRow.since >= planned_as_of)
    concerns = or_(and_(purpose == MARKETING, is_news), reason.in_(STOPS_EVERYTHING))
    return exists().where(SuppressionRow.address_hash == address_hash, concerns)


# Already in the ledger: nothing to do, and nothing to tell.
ABSORBED: tuple[Rule, ...] = (
    Rule("same_key", _same_key()),
    Rule("same_occasion", _same_occasion()),
    Rule("twice_in_slice", _twice_in_slice()),
)


def refusals(planned_as_of: datetime) -> tuple[Rule, ...]:
    """Why a message of a plan of that moment must not go."""
    return (
        Rule("suppressed", suppressed(_C.address_hash, _C.purpose, planned_as_of)),
        Rule("before_restore", may_be_answered(func.coalesce(_C.occurred_at, planned_as_of))),
        Rule("attempts_used_up", _used_up()),
    )


def news(connection: Connection, planned_as_of: datetime) -> tuple[Rule, ...]:
    """Why it must not go by what became known since; no rule where nothing did."""
    if not facts.any_since(connection, planned_as_of):
        return ()
    whose = (_C.address_hash, _C.account_id)
    reached = facts.goal_reached(whose, _C.goal, _C.occurred_at, planned_as_of)
    gone = facts.withdrawn(_C.address_hash, _C.channel, _C.purpose, planned_as_of)
    return (
        Rule("withdrawn", _IS_MARKETING & gone),
        Rule("goal_reached", _IS_MARKETING & reached),
        Rule("out_of_stock", facts.sold_out(_C.product_key, planned_as_of)),
    )


def cap_rules(policy: tuple[CapRule, ...], planned_as_of: datetime) -> Iterator[Rule]:
    """Yield the rules of the rolling caps: one by person, one by address, for each policy row."""
    for cap in policy:
        if not cap.calendar_day:
            yield Rule(cap.rule, _capped(cap, planned_as_of, "person_id"))
            yield Rule(cap.rule, _capped(cap, planned_as_of, "address_hash"))


def _capped(cap: CapRule, planned_as_of: datetime, who: str) -> ColumnElement[bool]:
    """Tell the marketing candidates whose window is full.

    The window reaches to both sides, so that a run of an earlier `as_of` cannot break the cap of
    one that was already emitted.
    """
    window = timedelta(hours=cap.window_hours)
    earlier = (
        select(func.count())
        .select_from(MessageRow)
        .where(
            getattr(MessageRow, who) == _C[who],
            MessageRow.refusal.is_(None),  # what counts is not refused: an index knows that
            MessageRow.planned_as_of > planned_as_of - window,
            MessageRow.planned_as_of < planned_as_of + window,
            MessageRow.purpose == MARKETING,
            MessageRow.state.in_(COUNTS_FOR_CAPS),
            *_matching(cap, MessageRow.channel, MessageRow.kind),
        )
        .scalar_subquery()
    )
    full = earlier >= cap.max_messages
    return and_(_IS_MARKETING, *_matching(cap, _C.channel, _C.kind), full)


def _matching(
    cap: CapRule, channel: SQLColumnExpression[Any], kind: SQLColumnExpression[Any]
) -> list[ColumnElement[bool]]:
    conditions = ((cap.channel, channel), (cap.kind, kind))
    return [column == value for value, column in conditions if value != ANY]


def rivals() -> ColumnElement[bool]:
    """Tell the candidates that share their person or their address with another one."""

    def shared(who: str) -> ColumnElement[bool]:
        column = CANDIDATES.alias("all_of_them").c[who]
        return _C[who].in_(select(column).group_by(column).having(func.count() > 1))

    return or_(shared("person_id"), shared("address_hash"))


def next_in_turn() -> ColumnElement[bool]:
    """Tell whose turn it is: no undecided candidate of the same person or address before.

    So two candidates that compete for one cap are decided one after the other, by key.
    """
    one, other = CANDIDATES.alias("one"), CANDIDATES.alias("other")
    before = and_(
        other.c.ruling.is_(None),
        other.c.purpose == MARKETING,
        other.c.message_key < one.c.message_key,
    )
    # A list of keys, made before the first of them is ruled on: SQLite's update would look at
    # rows that it has just changed.
    first = select(one.c.message_key).where(
        one.c.has_rival,
        one.c.ruling.is_(None),
        one.c.purpose == MARKETING,
        ~exists().where(other.c.person_id == one.c.person_id, before),
        ~exists().where(other.c.address_hash == one.c.address_hash, before),
    )
    return and_(_IS_MARKETING, or_(~_C.has_rival, _C.message_key.in_(first)))


def service() -> ColumnElement[bool]:
    """Tell the candidates that promote nothing: no cap applies to them."""
    return _C.purpose != MARKETING
