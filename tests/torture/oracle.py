"""The judge: what the destination counted, beside what the ledger says of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from sqlalchemy import Engine, func, select

from connectors.ledger.emission.unsettled import unsettled
from connectors.ledger.models import MessageAuditRow, MessageRow
from tests.torture.destination import FLAVOURS, Accept, Memory

SETTLED = {"accepted", "rejected", "unknown"}
OUT = {"accepted", "unknown"}  # what may have been accepted


class Once(NamedTuple):
    """What may happen once: a message by whom it reaches and what it is about."""

    address_hash: str
    programme: str
    campaign_id: str
    occasion: str
    step: int


@dataclass
class Verdict:
    """What is wrong (all of the first part must be 0), and what there was to judge."""

    duplicates: int = 0  # accepted again by a destination that absorbs what it knows
    doubled: int = 0  # accepted again by one that does not
    lost: int = 0
    unaccounted: int = 0
    unlisted: int = 0  # unknown, and nobody says so, or could have been told
    unopenable: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    stories: int = 0
    messages: int = 0
    unknown: int = 0
    resolved: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        faults = (self.duplicates, self.doubled, self.lost, self.unaccounted, self.unlisted)
        return not any((*faults, self.unopenable, self.wrong))

    def add(self, other: Verdict) -> None:
        """Take another one in."""
        for each in fields(self):
            mine, theirs = getattr(self, each.name), getattr(other, each.name)
            setattr(self, each.name, mine + theirs)


def judge(
    engine: Engine, memory: Memory, wanted: Mapping[str, Once], seen: Verdict | None = None
) -> Verdict:
    """Compare ledger and destination after the last emission; `wanted` maps keys to what may be.

    Several keys may stand for one thing that may happen once.
    """
    verdict = seen or Verdict()
    rows = _rows(engine)
    accepts = Counter(wanted[each.message_key] for each in memory.accepts)
    _count_twice(verdict, memory.accepts, wanted)
    holding = {Once(*(row[name] for name in Once._fields)): row
               for row in rows if row["refusal"] is None}  # fmt: skip
    for once in dict.fromkeys(wanted.values()):
        _judge_one(verdict, once, holding.get(once), accepts[once], memory)
    _judge_unknown(verdict, engine, rows)
    audited, states = audit_sums(engine), Counter(row["state"] for row in rows)
    if audited != states:
        verdict.unaccounted += 1
        verdict.wrong.append(f"the audit sums to {dict(audited)}, the states are {dict(states)}")
    verdict.messages += len(rows)
    verdict.answers.update(memory.answers)
    return verdict


def _rows(engine: Engine) -> Sequence[Mapping[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(*MessageRow.__table__.c)).mappings()]


def _count_twice(verdict: Verdict, accepts: Iterable[Accept], wanted: Mapping[str, Once]) -> None:
    seen: set[Once] = set()
    for each in accepts:
        once = wanted[each.message_key]
        if once in seen:
            keyed = FLAVOURS[each.flavour].keyed
            verdict.duplicates += keyed
            verdict.doubled += not keyed
            verdict.wrong.append(f"{each} came again")
        seen.add(once)


def _judge_one(
    verdict: Verdict, once: Once, row: Mapping[str, Any] | None, accepted: int, memory: Memory
) -> None:
    state = row["state"] if row else "not in the ledger"
    refused = row is not None and memory.is_refused(row["message_key"])
    told = f"{once.occasion}: {state}, accepted {accepted} times, refused: {refused}"
    if accepted and state not in OUT:
        verdict.unaccounted += 1
    elif (
        state not in SETTLED
        or (state == "accepted" and not accepted)
        or (state == "rejected" and not refused)
    ):
        verdict.lost += 1
    else:
        return
    verdict.wrong.append(told)


def _judge_unknown(verdict: Verdict, engine: Engine, rows: Sequence[Mapping[str, Any]]) -> None:
    """What is unknown is listed; where a batch can be read back, nothing stays unknown."""
    unknown = {row["message_key"] for row in rows if row["state"] == "unknown"}
    readable = [
        row["message_key"]
        for row in rows
        if row["state"] == "unknown" and FLAVOURS[row["destination"]].readable
    ]
    unlisted = unknown ^ {each.message_key for each in unsettled(engine)}
    verdict.unknown += len(unknown)
    verdict.unlisted += len(unlisted) + len(readable)
    verdict.wrong += [f"{key} stays unknown though it can be read back" for key in readable]
    verdict.wrong += [f"{key} is unknown here or listed there" for key in unlisted]
    resolved = select(func.sum(MessageAuditRow.messages)).where(
        MessageAuditRow.from_state == "unknown"
    )
    with engine.connect() as connection:
        verdict.resolved += connection.scalar(resolved) or 0


def audit_sums(engine: Engine) -> Counter[str]:
    """How many messages are in each state by the audit alone: all that came, less all that went."""
    sums: Counter[str] = Counter()
    amount = func.sum(MessageAuditRow.messages)
    ways = select(MessageAuditRow.from_state, MessageAuditRow.to_state, amount).group_by(
        MessageAuditRow.from_state, MessageAuditRow.to_state
    )
    with engine.connect() as connection:
        for from_state, to_state, messages in connection.execute(ways):
            sums[to_state] += messages
            if from_state:
                sums[from_state] -= messages
    return Counter({state: messages for state, messages in sums.items() if messages})
