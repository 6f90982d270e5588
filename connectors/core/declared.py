"""Reads from a published run what a person declared about being contacted, and what holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connectors.core.plan import query

if TYPE_CHECKING:
    from pathlib import Path

Row = dict[str, Any]


@dataclass(frozen=True)
class Declared:
    """What is known of a person's permissions, each list in order.

    `addresses`: node_id, node_type. `holds`: permission_now with the declaration's source_id,
    proof and confirmed_at, and the reason's sentence. `history`: permissions, by when they were
    true. `missed`: late_withdrawals. `rejected`: permission_rejects.
    """

    addresses: list[Row]
    holds: list[Row]
    history: list[Row]
    missed: list[Row]
    rejected: list[Row]


_ADDRESSES = (
    "select node_id, node_type from people_nodes"
    " where person_id = ? and node_type in ('email', 'phone') order by node_type, since, node_id"
)
_HOLDS = """
    select w.*, p.source_id, p.proof, p.confirmed_at, r.sentence
    from permission_now as w
    inner join people_nodes as n on w.address_node = n.node_id
    inner join permissions as p on w.permission_key = p.permission_key
    left join reasons as r on r.gate = 'permission' and w.reason = r.reason
    where n.person_id = ?
    order by w.purpose, w.channel
    """
_HISTORY = """
    select p.*
    from permissions as p
    inner join people_nodes as n on p.node_id = n.node_id
    where n.person_id = ?
    order by p.valid_from, p.known_at, p.permission_key
    """
_MISSED = """
    select w.*
    from late_withdrawals as w
    inner join people_nodes as n on w.node_id = n.node_id
    where n.person_id = ?
    order by w.sent_at, w.message_key
    """
_REJECTED = """
    select r.*
    from permission_rejects as r
    inner join people_nodes as n on r.node_id = n.node_id
    where n.person_id = ?
    order by r.known_at, r.declaration_key
    """


def of_person(folder: Path, person_id: str) -> Declared:
    """What a person declared by any of their addresses, from the snapshot in `folder`."""
    return Declared(
        *(
            query(folder, sql, [person_id])
            for sql in (_ADDRESSES, _HOLDS, _HISTORY, _MISSED, _REJECTED)
        )
    )
