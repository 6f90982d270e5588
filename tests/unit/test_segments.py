"""Segments of a shop: RFM groups as Klaviyo has them, its data gates, and no look ahead."""

from __future__ import annotations

import json
import re
from datetime import datetime
from itertools import product
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from days_kit import land
from dbt_kit import PROJECT
from dbt_kit import build as run

if TYPE_CHECKING:
    from pathlib import Path

AS_OF, TWO_MONTHS_LATER = "2011-12-16T11:05:00Z", "2012-02-16T11:05:00Z"
# When each recency score's last purchase was, seen from AS_OF.
LAST = {3: "2011-11-30", 2: "2011-03-01", 1: "2010-10-01"}
EACH = 20
CELLS = list(product((1, 2, 3), repeat=3))
# Klaviyo's own table: recency, frequency, monetary value.
GROUPS = {
    "champions": {333, 332, 323},
    "loyal": {321, 322, 331, 232, 233},
    "recent": {312, 313, 311, 222, 223},
    "needs_attention": {213, 221, 123, 132, 133},
    "at_risk": {231, 212, 122, 131, 211},
    "inactive": {111, 112, 113, 121},
}
TOLD = (
    "lifecycle, rfm_group, spent_minor, value_minor, value_tier, churn_risk, engagement, engaged_at"
)


def order(key: str, customer: str, at: str, minor: int) -> tuple[str, str, str]:
    row = {"order_id": key, "customer_id": customer, "channel": "web", "status": "paid"}
    money = {"currency": "GBP", "amount_minor": str(minor)}
    return key, "upsert", json.dumps({**row, **money, "ordered_at": at})


def bought() -> list[tuple[str, str, str]]:
    """As many buyers in each cell: one to three orders of a day, 6 to 18 pounds in all."""
    return [
        order(f"{r}{f}{m}-{n}-{k}", f"{r}{f}{m}-{n}", f"{LAST[r]}T1{k}:00:00Z", 600 * m // f)
        for r, f, m in CELLS
        for n in range(EACH)
        for k in range(f)
    ]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What is told of each customer at AS_OF, then with a future landed, then two months later."""
    folder = tmp_path_factory.mktemp("shop")
    known = [land(folder, 1, "orders", bought())]
    future = [
        *(order(f"f{n}", f"333-{n}", "2011-12-17T09:00:00Z", 90_000) for n in range(EACH)),
        *(order(f"g{n}", f"stranger-{n}", "2011-12-17T09:00:00Z", 90_000) for n in range(500)),
    ]
    later = [*known, land(folder, 10, "orders", future)]
    return {
        "now": told(folder, known, AS_OF),
        "future": told(folder, later, AS_OF),
        "quiet": told(folder, known, TWO_MONTHS_LATER),
    }


def told(folder: Path, batches: list[dict[str, str]], as_of: str) -> dict[str, Any]:
    warehouse = folder / f"{len(batches)}.duckdb"
    run(warehouse, batches, as_of, "+segment_members")
    with duckdb.connect(str(warehouse)) as connection:
        rows = connection.execute(
            "select o.order_id, s.* from intermediate.int_orders as o"
            " inner join marts.people_nodes as n on o.node_id = n.node_id"
            f" inner join (select person_id, {TOLD} from marts.segments) as s using (person_id)"
            " where o.order_id like '___-%-0' order by 1"
        ).fetchall()
        members = connection.execute(
            "select o.order_id, m.segment, m.since from intermediate.int_orders as o"
            " inner join marts.people_nodes as n on o.node_id = n.node_id"
            " inner join marts.segment_members as m using (person_id)"
            " where o.order_id like '___-%-0' order by all"
        ).fetchall()
    return {"segments": rows, "members": members}


def test_every_cell_is_in_one_group() -> None:
    model = (PROJECT / "models/intermediate/int_rfm.sql").read_text()
    written = {
        group: {int(cell) for cell in cells.split(",")}
        for group, cells in re.findall(r'"(\w+)": \[([\d, ]+)\]', model)
    }
    assert written == GROUPS
    assert sum(len(cells) for cells in GROUPS.values()) == len(CELLS)
    assert {cell for cells in GROUPS.values() for cell in cells} == {
        100 * r + 10 * f + m for r, f, m in CELLS
    }


def test_each_buyer_has_the_group_of_their_cell(shop: dict[str, dict[str, Any]]) -> None:
    groups = {(row[0][:3], row[3]) for row in shop["now"]["segments"]}
    assert len(shop["now"]["segments"]) == EACH * len(CELLS)
    assert groups == {(str(cell), group) for group, cells in GROUPS.items() for cell in cells}


def test_nobody_has_a_group_when_the_shop_has_sold_nothing_for_a_month(
    shop: dict[str, dict[str, Any]],
) -> None:
    assert {row[3] for row in shop["quiet"]["segments"]} == {None}
    assert not [m for m in shop["quiet"]["members"] if m[1].startswith("rfm_")]


def test_what_happens_later_changes_nothing(shop: dict[str, dict[str, Any]]) -> None:
    assert shop["future"] == shop["now"]


def test_value_falls_and_churn_risk_rises_with_silence_alone(
    shop: dict[str, dict[str, Any]],
) -> None:
    now = {row[0]: (row[5], row[7]) for row in shop["now"]["segments"]}
    quiet = {row[0]: (row[5], row[7]) for row in shop["quiet"]["segments"]}
    assert all(quiet[key][0] < value for key, (value, _) in now.items() if value)
    assert {risk for _, risk in now.values()} == {None}  # each came on one day: nobody came again


def test_a_member_has_been_one_since_a_moment_that_is_past(shop: dict[str, dict[str, Any]]) -> None:
    sinces = {(m[1], m[2]) for m in shop["now"]["members"] if m[1].startswith(("life", "engage"))}
    assert ("lifecycle_new", datetime.fromisoformat("2011-11-30T10:00:00")) in sinces
    for segment, since in sinces:
        assert since is None or since < datetime.fromisoformat("2011-12-16T11:05:00"), segment
