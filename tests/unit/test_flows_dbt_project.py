"""What dbt read of the project is kept, as long as it would read the same."""

from __future__ import annotations

from pathlib import Path

import dbt_kit
import pytest

from flows import dbt_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one model."""
    folder = tmp_path / "project"
    (folder / "models").mkdir(parents=True)
    (folder / "models" / "a.sql").write_text("select 1 as n")
    return folder


def key(project: Path, **environment: str) -> str:
    dbt_project.key_of.cache_clear()
    return dbt_project.key_of(project, frozenset(environment.items()))


def test_whatever_dbt_reads_changes_the_key_and_what_it_writes_does_not(project: Path) -> None:
    before = key(project)
    (project / "target").mkdir()
    (project / "target" / "a.sql").write_text("select 2 as n")
    assert key(project) == before
    (project / "models" / "a.yml").write_text("models: []")
    assert key(project) != before


def test_the_warehouses_name_is_part_of_it_and_neither_its_place_nor_threads(project: Path) -> None:
    here = key(project, PARLEY_WAREHOUSE_PATH="/here/warehouse.duckdb", PARLEY_THREADS="2")
    there = key(project, PARLEY_WAREHOUSE_PATH="/there/warehouse.duckdb", PARLEY_THREADS="4")
    assert here == there
    assert key(project, PARLEY_WAREHOUSE_PATH="/here/other.duckdb") != here
    assert key(project, PARLEY_WAREHOUSE="spark") != key(project, PARLEY_WAREHOUSE="duckdb")


def test_what_was_read_is_read_again_only_where_nothing_usable_is_kept(tmp_path: Path) -> None:
    """With the real project: what comes back has the models that went in."""
    read = dbt_kit._parsed(dbt_kit.PROJECT, "w")
    times = []

    def parse() -> object:
        times.append(1)
        return read

    dbt_project.kept(tmp_path, "k1", parse)
    again = dbt_project.kept(tmp_path, "k1", parse)
    assert (len(times), again.nodes.keys()) == (1, read.nodes.keys())
    [place] = tmp_path.glob("*.msgpack")
    place.write_bytes(place.read_bytes()[:1000])
    dbt_project.kept(tmp_path, "k1", parse)
    dbt_project.kept(tmp_path, "k2", parse)
    assert (len(times), len(list(tmp_path.iterdir()))) == (3, 1)
