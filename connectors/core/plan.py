"""Reads the plan of a published run: who gets what, the funnel, and why anyone does or does not.

Everything comes from the run's snapshot; the warehouse is never touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connectors.core import warehouse

if TYPE_CHECKING:
    from pathlib import Path


# What there may be many of by person.
_OF_PERSON = {
    "nodes": "select node_id, node_type, since from people_nodes"
    " where person_id = ? order by since, node_id",
    "permissions": """
        select w.channel, w.purpose, w.state, w.since, w.legal_basis, p.proof
        from permission_now as w
        inner join people_nodes as n on w.address_node = n.node_id
        left join permissions as p on w.permission_key = p.permission_key
        where n.person_id = ?
        order by w.since, w.permission_key
        """,
    "memory": """
        select m.kind, m.topic, p.name as product, m.fact, m.value, m.said_at, m.expires_at,
            m.is_current
        from memory as m
        left join products as p on m.product_key = p.product_key
        where m.person_id = ?
        order by m.is_current desc, m.kind desc, m.said_at desc, m.memory_key
        limit 12
        """,
}


@dataclass(frozen=True)
class FunnelRow:
    """How many candidates of a programme ended with a verdict, and why; people counted once."""

    programme: str
    kind: str
    verdict: str
    gate: str | None
    reason: str | None
    sentence: str | None
    candidates: int
    people: int


def query(folder: Path, sql: str, parameters: list[Any] | None = None) -> list[dict[str, Any]]:
    """Rows of a query over a snapshot; each of its tables is a view of that name."""
    with warehouse.scratch([folder]) as connection:
        for path in sorted(folder.glob("*.parquet")):
            connection.read_parquet(str(path)).create_view(path.stem)
        found = connection.execute(sql, parameters or [])
        names = [column[0] for column in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def destinations(folder: Path) -> list[str]:
    """The destinations that the audiences of a snapshot name, sorted."""
    rows = query(
        folder,
        "select distinct destination from ("
        "select destination from audience_triggered union all select destination from audience_mass"
        ") order by 1",
    )
    return [row["destination"] for row in rows]


def funnel(folder: Path, programme: str | None = None) -> list[FunnelRow]:
    """The funnel of each programme: what goes out first, then what does not, most first."""
    rows = query(
        folder,
        """
        with counted as (
            select c.programme, c.kind, d.verdict, d.gate, d.reason,
                count(*) as candidates, count(distinct c.person_id) as people
            from decisions as d
            inner join candidates as c on d.candidate_key = c.candidate_key
            where c.programme = coalesce(?, c.programme)
            group by all
        )
        select n.programme, n.kind, n.verdict, n.gate, n.reason, r.sentence, n.candidates, n.people
        from counted as n
        left join reasons as r on n.gate = r.gate and n.reason = r.reason
        order by n.kind desc, n.programme,
            list_position(['send', 'hold', 'defer', 'drop'], n.verdict), n.candidates desc, n.reason
        """,
        [programme],
    )
    return [FunnelRow(**row) for row in rows]


def audience(folder: Path, programme: str, most: int) -> list[dict[str, Any]]:
    """The messages of a programme, the most valuable first, without addresses."""
    return query(
        folder,
        """
        select a.* exclude (address), c.value
        from (from audience_triggered union all by name from audience_mass) as a
        inner join candidates as c
            on a.message_key = c.message_key and a.person_id = c.person_id
        where a.programme = ?
        order by c.value desc, a.message_key
        limit ?
        """,
        [programme, most],
    )


def person_of(folder: Path, node_or_person: str) -> str | None:
    """The person that a node belongs to, or whose id begins so; None unless it is just one."""
    rows = query(
        folder,
        "select distinct person_id from people_nodes"
        " where node_id = ? or (length(?) >= 8 and starts_with(person_id, ?)) limit 2",
        [node_or_person] * 3,
    )
    return rows[0]["person_id"] if len(rows) == 1 else None


def profile(folder: Path, person_id: str) -> dict[str, Any]:
    """What is known of a person: attributes, segment, intent, permissions, memory and nodes."""
    one = query(
        folder,
        """
        select p.*, s.lifecycle, s.value_tier, s.favourite_category, s.engaged_at,
            i.probability, i.stage, i.contributions
        from people as p
        left join segments as s on p.person_id = s.person_id
        left join intent_scores as i on p.person_id = i.person_id and i.goal = 'buy'
        where p.person_id = ?
        """,
        [person_id],
    )
    lists = {name: query(folder, sql, [person_id]) for name, sql in _OF_PERSON.items()}
    return {**(one[0] if one else {}), **lists}


def verdicts(folder: Path, person_id: str) -> list[dict[str, Any]]:
    """Every candidate of a person with its decision, and each gate's verdict in order."""
    candidates = query(
        folder,
        """
        select c.candidate_key, c.message_key, c.programme, c.kind, c.occasion, c.step,
            c.occurred_at, c.expires_at, c.content, c.evidence, d.verdict, d.gate, d.reason,
            d.defer_until
        from candidates as c
        inner join decisions as d on c.candidate_key = d.candidate_key
        where c.person_id = ?
        order by c.programme, c.occurred_at, c.occasion, c.step
        """,
        [person_id],
    )
    gates = query(
        folder,
        """
        select g.candidate_key, g.gate_no, g.gate, g.verdict, g.reason, g.seen, r.sentence
        from decision_gates as g
        inner join candidates as c on g.candidate_key = c.candidate_key
        left join reasons as r on g.gate = r.gate and g.reason = r.reason
        where c.person_id = ?
        order by g.candidate_key, g.gate_no
        """,
        [person_id],
    )
    for candidate in candidates:
        key = candidate["candidate_key"]
        candidate["gates"] = [gate for gate in gates if gate["candidate_key"] == key]
    return candidates


def goals_reached(folder: Path, person_id: str) -> list[dict[str, Any]]:
    """When a person reached the goal of a programme, when that was known, and its window."""
    return query(
        folder,
        """
        select g.programme, g.window_hours, v.goal, v.occurred_at, v.known_at
        from conversions as v
        inner join people_nodes as n on v.node_id = n.node_id
        inner join programmes as g on v.goal = g.goal
        where n.person_id = ? and g.window_hours is not null
        order by v.occurred_at, v.conversion_key
        """,
        [person_id],
    )


def programmes(folder: Path) -> list[dict[str, Any]]:
    """The programmes of a snapshot, in order of kind and priority."""
    return query(folder, "from programmes order by kind desc, priority, programme")


def segment_counts(folder: Path) -> list[dict[str, Any]]:
    """People by stage of their life as customers, and how many of them spend most."""
    return query(
        folder,
        "select lifecycle, count(*) as people,"
        " count(*) filter (where value_tier = 'high') as high_value"
        " from segments group by all order by people desc, lifecycle",
    )


def intent_counts(folder: Path) -> list[dict[str, Any]]:
    """People by stage of their decision to buy, and how likely they are to, in percent."""
    return query(
        folder,
        "select stage, count(*) as people, round(avg(probability) * 100, 1) as mean_percent,"
        " round(max(probability) * 100, 1) as highest_percent"
        " from intent_scores where goal = 'buy' group by all order by mean_percent desc, stage",
    )


def example(folder: Path, programme: str, verdict: str, reason: str | None) -> str | None:
    """A person with that verdict whose occasion still holds, the dearest; None if there is none."""
    rows = query(
        folder,
        """
        select c.person_id
        from candidates as c
        inner join decisions as d on c.candidate_key = d.candidate_key
        where c.programme = ? and d.verdict = ? and d.reason is not distinct from ? and c.context_ok
        order by c.value desc, c.candidate_key
        limit 1
        """,
        [programme, verdict, reason],
    )
    return rows[0]["person_id"] if rows else None
