"""The demo on a real cluster: the same project, the same tables, the same people written to."""

from __future__ import annotations

import os

import pytest

from tests.e2e.home_kit import rows_of
from tests.spark.compare import compare
from tests.spark.conftest import STEPS


@pytest.mark.parametrize("step", STEPS)
def test_every_table_is_the_same_on_both_engines(engines, step, capsys):
    snapshots = [
        getattr(engines, e).path / "runs" / engines.runs[e][step] for e in ("duckdb", "spark")
    ]
    compared = compare(*snapshots)
    rows = sum(each.rows[0] for each in compared)
    with capsys.disabled():
        print(f"\n{step}: {len(compared)} tables with {rows:,} rows compared on both engines")
    assert len(compared) > 20
    assert rows > 100_000
    assert [each for each in compared if not each.is_same] == []


def test_the_same_people_are_written_to(engines):
    keys = [home.message_keys() for home in (engines.duckdb, engines.spark)]
    assert len(keys[0]) > 1000
    assert keys[0] == keys[1]
    sent = [
        sorted(home.ledger("select message_key, state, address_hash from messages"), key=str)
        for home in (engines.duckdb, engines.spark)
    ]
    assert sent[0] == sent[1]


def test_the_bi_copy_has_the_same_tables(engines):
    query = (
        "select table_name, column_name, data_type from information_schema.columns"
        " where table_schema = 'marts' order by table_name, column_name"
    )
    found = [
        rows_of(home.path / "bi" / "parley.duckdb", query)
        for home in (engines.duckdb, engines.spark)
    ]
    assert len(found[0]) > 200
    assert found[0] == found[1]


def test_nothing_is_kept_in_a_file_where_the_warehouse_is_a_cluster(engines):
    assert not (engines.spark.path / "warehouse.duckdb").exists()
    assert {row["engine"] for row in engines.spark.runs()} == {"spark"}


@pytest.mark.skipif(not os.environ.get("LONG"), reason="four minutes: make test-spark LONG=1")
def test_a_past_run_replays_on_the_cluster(engines):
    said = engines.spark.ok("replay", engines.runs["spark"]["mass"])
    assert "same" in said.lower()
