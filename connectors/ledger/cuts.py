"""Pairs of identifiers that somebody found not to be one person's, for good."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Engine, insert, select

from connectors.ledger.db import write
from connectors.ledger.emission.transitions import give_sequence, take_sequence
from connectors.ledger.models import IdentityCutRow

Pair = tuple[str, str]


def cut_pairs(engine: Engine) -> set[Pair]:
    """Every pair that was cut, each the lesser node first."""
    with engine.connect() as connection:
        rows = connection.execute(select(IdentityCutRow.node_id, IdentityCutRow.other_id))
        return {(row.node_id, row.other_id) for row in rows}


def cut(engine: Engine, pairs: Iterable[Pair], at: datetime, reason: str) -> int:
    """Cut pairs that are not cut yet; how many were. `at` is the clock (aware) it is done by."""
    wanted = {(min(pair), max(pair)) for pair in pairs}
    new = sorted(wanted - cut_pairs(engine))
    if not new:
        return 0
    with write(engine) as connection:
        base = take_sequence(connection)
        rows = [
            {"node_id": node, "other_id": other, "cut_at": at, "reason": reason, "change_seq": seq}
            for seq, (node, other) in enumerate(new, base + 1)
        ]
        connection.execute(insert(IdentityCutRow), rows)
        give_sequence(connection, base + len(rows))
    return len(new)
