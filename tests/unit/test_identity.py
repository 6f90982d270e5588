"""Who is one person: as a union-find says after limits and cuts; from day to day or at once."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt_kit import build
from hypothesis import HealthCheck, Phase, given, settings
from identity_kit import DAYS, Day, components, histories, landed, within

AS_OF = "2011-12-16T11:05:00Z"
# All that identity is made of; what a run continues must end up as what is built at once.
TABLES = (
    "int_identity_sightings", "int_identity_links", "int_identity_nodes",
    "int_shared_identifiers", "int_identity_pairs", "int_identity_edges",
    "int_identity_components",
)  # fmt: skip
MODELS = ("+int_identity_components", "applied_batches")
Tables = dict[str, list[dict[str, Any]]]


def collected(number: int) -> list[list[Day]]:
    """That many histories, each in a name space of its own: few builds test them all."""
    found: list[list[Day]] = []

    @settings(
        max_examples=number, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(histories())
    def collect(history: list[Day]) -> None:
        name = f"h{len(found)}"
        found.append([within(name, day) for day in history])

    collect()
    return found


def tables(warehouse: Path) -> Tables:
    with duckdb.connect(str(warehouse)) as connection:
        return {
            table: connection.sql(f"from intermediate.{table} order by all")
            .to_arrow_table()
            .to_pylist()
            for table in TABLES
        }


def grouped(found: Tables) -> dict[str, frozenset[str]]:
    groups = defaultdict(set)
    for row in found["int_identity_components"]:
        groups[row["component"]].add(row["node_id"])
    return {node: frozenset(group) for group in groups.values() for node in group}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Three hundred histories: continued from day to day, and each day built from scratch."""
    folder = tmp_path_factory.mktemp("identity")
    found = collected(300)
    batches: list[dict[str, str]] = []
    told: dict[str, Any] = {"histories": found, "continued": [], "built": []}
    for day in range(DAYS):
        batches += landed(folder, day, [history[day] for history in found])
        for name, warehouse in (("continued", "days"), ("built", f"upto{day}")):
            if name == "built" and day == 0:
                continue
            build(folder / f"{warehouse}.duckdb", batches, AS_OF, *MODELS)
            told[name].append(tables(folder / f"{warehouse}.duckdb"))
    told["batches"], told["folder"] = batches, folder
    return told


@pytest.mark.parametrize("day", range(DAYS))
def test_components_are_those_of_a_union_find_after_limits_and_cuts(
    story: dict[str, Any], day: int
) -> None:
    wanted: dict[str, frozenset[str]] = {}
    for history in story["histories"]:
        wanted |= components(history[: day + 1])
    assert grouped(story["continued"][day]) == wanted


def test_histories_hold_what_they_are_to_test(story: dict[str, Any]) -> None:
    """Merges, un-merges by sharing and by cutting, and identifiers known for long."""
    last = story["continued"][-1]
    refusals = [row["refusal"] for row in last["int_identity_pairs"]]
    assert min(refusals.count(each) for each in ("shared", "cut")) > 50
    first, second = (grouped(each) for each in story["continued"][:2])
    assert any(len(second[node]) > len(group) for node, group in first.items())
    assert any(not group <= second[node] for node, group in first.items())


@pytest.mark.parametrize("day", range(1, DAYS))
def test_a_day_more_gives_what_building_from_scratch_gives(story: dict[str, Any], day: int) -> None:
    """Which is also what a replay of that day sees when later days have landed."""
    continued, built = story["continued"][day], story["built"][day - 1]
    for table in TABLES:
        assert continued[table] == built[table], table


def test_no_edge_crosses_components_and_the_earliest_known_names_them(
    story: dict[str, Any],
) -> None:
    for found in story["continued"]:
        component = {r["node_id"]: r["component"] for r in found["int_identity_components"]}
        for edge in found["int_identity_edges"]:
            assert component[edge["node_id"]] == component[edge["other_id"]]
        rows = defaultdict(list)
        for row in found["int_identity_components"]:
            rows[row["component"]].append(row)
        for name, group in rows.items():
            order = sorted((r["known_at"], r["first_seen_at"], r["node_id"]) for r in group)
            assert {r["first_node"] for r in group} == {order[0][2]}
            assert name == min(r["node_id"] for r in group)
