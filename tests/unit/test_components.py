"""Components by SQL are those of a union-find; tests/spark asks the same of the cluster."""

from __future__ import annotations

from pathlib import Path

from components_kit import graphs, labels, union_find


def test_components_are_those_of_a_union_find(tmp_path: Path) -> None:
    environment = {"PARLEY_WAREHOUSE_PATH": str(tmp_path / "w.duckdb")}
    assert labels(tmp_path, environment) == union_find(graphs())
