"""A person taken apart: what joined two sides, and which pairs have to be cut to part them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connectors.core import plan

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

EDGES = "int_identity_edges"
Row = dict[str, Any]


@dataclass(frozen=True)
class Split:
    """How a person would be taken apart.

    `side_of`: which side each of their nodes is on, 1 stays. `links`: the believed pairs between
    sides, with type of both ends, source and times. `since`: when the wrong belief began (aware).
    """

    person_id: str
    side_of: dict[str, int]
    types: dict[str, str]
    links: tuple[Row, ...]
    since: datetime


def nodes_of(folder: Path, person_id: str) -> dict[str, str]:
    """The types of a person's nodes in a snapshot, by node."""
    sql = "select node_id, node_type from people_nodes where person_id = ? order by since, node_id"
    return {row["node_id"]: row["node_type"] for row in plan.query(folder, sql, [person_id])}


def off(edges: Path, person_id: str, types: dict[str, str], node_id: str) -> Split | None:
    """Take one node of a person away from all others; None if nothing joins it to them.

    `edges` is the folder that holds the table of edges.
    """
    side_of = {node: 2 if node == node_id else 1 for node in types}
    links = _between(edges, side_of)
    if not links:
        return None
    return Split(person_id, side_of, types, links, min(link["known_at"] for link in links))


def undone(folder: Path, edges: Path, person_id: str, types: dict[str, str]) -> Split | None:
    """Undo the latest merge of a person that still holds; None if no run found any.

    Who went over together goes back together; what was never anybody else's stays.
    """
    sql = """
        select node_id, from_person_id, changed_at from identity_history
        where kind = 'merged' and person_id = ?
        order by changed_at desc, from_person_id, node_id
        """
    merged = plan.query(folder, sql, [person_id])
    for moment in dict.fromkeys(row["changed_at"] for row in merged):
        came = {
            row["node_id"]: row["from_person_id"]
            for row in merged
            if row["changed_at"] == moment and row["node_id"] in types
        }
        number = {each: side for side, each in enumerate(sorted({*came.values()}), 2)}
        side_of = {node: number[came[node]] if node in came else 1 for node in types}
        links = _between(edges, side_of)
        if links:
            return Split(person_id, side_of, types, links, moment)
    return None


def _between(edges: Path, side_of: dict[str, int]) -> tuple[Row, ...]:
    """The edges between nodes of different sides, once each."""
    sql = """
        select
            node_id, other_id, node_type, other_type, source_id,
            first_seen_at, last_seen_at, known_at
        from int_identity_edges
        where node_id < other_id and list_contains(?, node_id) and list_contains(?, other_id)
        order by known_at, node_id, other_id
        """
    rows = plan.query(edges, sql, [list(side_of), list(side_of)])
    return tuple(row for row in rows if side_of[row["node_id"]] != side_of[row["other_id"]])
