"""Random histories of permission: the tables say what an oracle works out, run after run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import md5
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
from dbt_kit import build
from permission_kit import LONG, RUNS, History, invent, land_all, landed_at
from permission_oracle import Answer, answers
from permission_said import Key

HISTORIES = 2_000 if LONG else 500
SEED = 2011
NAMES = [f"h{number:03}" for number in range(HISTORIES)]
# Accounts by their nodes, which SQL makes of their ids.
ACCOUNTS = {md5(f"user_id|main|{name}-u".encode()).hexdigest(): f"{name}-u" for name in NAMES}  # noqa: S324
SELECT = ("+permission_now", "+permission_rejects", "applied_batches")
# Also between two landings, when nothing but the clock has moved.
MOMENTS = [(run, landed_at(run)) for run in (1, 3, 4, RUNS)] + [(RUNS, landed_at(RUNS + 1))]


@dataclass
class Seen:
    """What a warehouse says at a moment."""

    now: dict[Key, Answer]
    people: dict[str, str]
    rows: list[dict[str, Any]]


def look(warehouse: Path) -> Seen:
    with duckdb.connect(str(warehouse)) as connection:
        rows = connection.execute("from marts.permission_now order by all").to_arrow_table()
        nodes = connection.execute("select node_id, person_id from marts.people_nodes").fetchall()
    now = {
        (row["address_node"], row["channel"], row["purpose"]): Answer(
            *(row[name] for name in Answer._fields)
        )
        for row in rows.to_pylist()
    }
    people = {ACCOUNTS.get(node, node): person for node, person in nodes}
    return Seen(now, people, rows.to_pylist())


@dataclass
class World:
    """All histories, what was seen of them run after run, and in a warehouse that began later."""

    histories: list[History]
    seen: dict[tuple[int, datetime], Seen]
    anew: Seen


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("permissions")
    rng = Random(SEED)
    histories = [invent(rng, name) for name in NAMES]
    batches = land_all(folder, histories)

    def known(run: int) -> list[dict[str, str]]:
        return [b for b in batches if b["landed_at"] <= f"{landed_at(run).isoformat()}Z"]

    def seen(name: str, run: int, at: datetime) -> Seen:
        build(folder / f"{name}.duckdb", known(run), f"{at.isoformat()}Z", *SELECT)
        return look(folder / f"{name}.duckdb")

    days = {(run, at): seen("days", run, at) for run, at in MOMENTS}
    return World(histories, days, seen("anew", 3, landed_at(3)))


@pytest.mark.parametrize(("run", "at"), MOMENTS)
def test_permission_now_is_what_an_oracle_works_out(world: World, run: int, at: datetime) -> None:
    seen = world.seen[run, at]
    wrong: list[tuple[Any, ...]] = []
    expected: set[Key] = set()
    for history in world.histories:
        for key, allowed in answers(history, run, at, seen.people).items():
            expected.add(key)
            if seen.now.get(key) not in allowed:
                wrong.append((key, seen.now.get(key), allowed, history))
    assert wrong == []
    # No row means no: there is none for what nobody ever declared.
    assert set(seen.now) == expected


def test_the_histories_hold_every_kind_of_case(world: World) -> None:
    seen = world.seen[RUNS, landed_at(RUNS)]
    states = Counter(answer.state for answer in seen.now.values())
    assert min(states[s] for s in ("granted", "withdrawn", "unclear", "unconfirmed")) > 20, states
    reasons = Counter(answer.reason for answer in seen.now.values())
    for reason in (
        "permission_expired", "soft_opt_in_not_here", "soft_opt_in_without_proof",
        "soft_opt_in_without_purchase", "soft_opt_in_after_objection", "unknown_basis",
    ):  # fmt: skip
        assert reasons[reason], reasons
    sizes = Counter(seen.people.values())
    assert len([person for person, nodes in sizes.items() if nodes > 2]) > 50


def test_what_lands_later_changes_nothing_of_before(world: World) -> None:
    """A warehouse that begins with the third run says what the third run said."""
    assert world.anew.rows == world.seen[3, landed_at(3)].rows


def test_a_moment_is_a_time_without_news(world: World) -> None:
    last, later = (world.seen[RUNS, landed_at(RUNS) + timedelta(days=n)] for n in (0, 1))
    changed = {key for key in last.now if last.now[key] != later.now.get(key)}
    assert {later.now[key].reason for key in changed} <= {"permission_expired"}
