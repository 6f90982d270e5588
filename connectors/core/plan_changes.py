"""Reads plans side by side: what each gate left of a programme, and what two plans differ in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connectors.core import plan

if TYPE_CHECKING:
    from pathlib import Path

# Everybody in a plan, with whether they would be written to.
_PEOPLE = """
    select c.programme, c.person_id, count(*) as candidates,
        count(*) filter (where d.verdict = 'send') as sends
    from candidates as c
    inner join decisions as d on c.candidate_key = d.candidate_key
    group by all
    order by c.programme, c.person_id
    """

# How many stopped at each gate, and how many had not when it was passed.
_GATES = """
    with gates as (
        select distinct gate_no, gate from decision_gates
        union all
        select 0, 'candidates'
    ),

    decided as (
        select c.programme, d.verdict, d.gate
        from candidates as c
        inner join decisions as d on c.candidate_key = d.candidate_key
        where c.programme = coalesce(?, c.programme)
    ),

    counted as (
        select p.programme, g.gate_no, g.gate, p.candidates,
            count(*) filter (where d.verdict = 'drop') as dropped,
            count(*) filter (where d.verdict = 'defer') as deferred,
            count(*) filter (where d.verdict = 'hold') as held
        from (select programme, count(*) as candidates from decided group by all) as p
        cross join gates as g
        left join decided as d on p.programme = d.programme and g.gate = d.gate
        group by all
    )

    select programme, gate_no, gate, dropped, deferred, held,
        candidates - cast(
            sum(dropped + deferred + held) over (partition by programme order by gate_no)
        as bigint) as "left"
    from counted
    order by programme, gate_no
    """


@dataclass(frozen=True)
class GateRow:
    """What a gate left of a programme's candidates, and how many it dropped or put off."""

    programme: str
    gate_no: int
    gate: str
    dropped: int
    deferred: int
    held: int
    left: int


@dataclass
class Totals:
    """A programme in one plan: candidates, messages to send, and to whom."""

    candidates: int = 0
    sends: int = 0
    people: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Change:
    """A programme in two plans; people are those who are written to in one of them alone."""

    programme: str
    candidates_before: int
    candidates_after: int
    sends_before: int
    sends_after: int
    gained: list[str]
    lost: list[str]

    @property
    def is_none(self) -> bool:
        """Whether the plans agree on it, as far as numbers and people go."""
        same = self.candidates_before == self.candidates_after
        return same and self.sends_before == self.sends_after and not (self.gained or self.lost)


def gates(folder: Path, programme: str | None = None) -> list[GateRow]:
    """What each gate, in order, left of each programme of a snapshot.

    A candidate stops where its decision says, so that dropped, deferred, held and what the last
    gate left add up to all of them; the first row, gate 0, is before any gate.
    """
    rows = plan.query(folder, _GATES, [programme])
    return [GateRow(**row) for row in rows]


def changes(before: Path, after: Path) -> list[Change]:
    """What changed between two snapshots, a row for each programme of either, by name."""
    earlier, later = _totals(before), _totals(after)
    names = sorted({*earlier, *later})
    return [_change(name, earlier.get(name, Totals()), later.get(name, Totals())) for name in names]


def _change(programme: str, before: Totals, after: Totals) -> Change:
    return Change(
        programme,
        before.candidates, after.candidates, before.sends, after.sends,
        sorted(after.people - before.people), sorted(before.people - after.people),
    )  # fmt: skip


def _totals(folder: Path) -> dict[str, Totals]:
    found: dict[str, Totals] = {}
    for row in plan.query(folder, _PEOPLE):
        totals = found.setdefault(row["programme"], Totals())
        totals.candidates += row["candidates"]
        totals.sends += row["sends"]
        if row["sends"]:
            totals.people.add(row["person_id"])
    return found
