"""No engine of the warehouse is named but where it is picked, and where its files are the point."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = {
    "flows": ("py",),
    "connectors": ("py",),
    "expectations": ("py",),
    **{f"dbt_project/{part}": ("sql", "yml", "py") for part in ("macros", "models", "seeds")},
    "dbt_project/tests": ("sql", "yml"),
}
ENGINE = re.compile(r"(?<![a-z])(duckdb|spark|hive|thrift)(?![a-z])", re.IGNORECASE)
MAY_NAME_ENGINES = {
    "connectors/core/warehouse": "the one place that picks the engine",
    "connectors/core/settings.py": "the settings that it picks by",
    "dbt_project/profiles.yml": "the same, for dbt",
    "dbt_project/macros/engine": "what models spell differently on each",
    "connectors/destinations/bi.py": "the BI copy is a DuckDB file on either",
    "expectations": "the quality gates look at Parquet through DuckDB on either",
}


def sources() -> Iterator[Path]:
    for folder, endings in SOURCES.items():
        for ending in endings:
            yield from (ROOT / folder).rglob(f"*.{ending}")
    yield from (ROOT / "dbt_project").glob("*.yml")


def may_name_engines(path: Path) -> bool:
    relative = path.relative_to(ROOT)
    return any(relative.is_relative_to(place) for place in MAY_NAME_ENGINES)


def named(path: Path) -> list[str]:
    """The lines of a file that name an engine."""
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
    return [f"{path.relative_to(ROOT)}:{no}: {line}" for no, line in lines if ENGINE.search(line)]


def test_engines_are_named_in_their_own_places_alone() -> None:
    looked_at = sorted(sources())
    assert len(looked_at) > 150
    found = [line for path in looked_at if not may_name_engines(path) for line in named(path)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("place", MAY_NAME_ENGINES)
def test_a_place_that_may_name_engines_does(place: str) -> None:
    files = [path for path in sources() if path.relative_to(ROOT).is_relative_to(place)]
    assert any(named(path) for path in files)


@pytest.mark.parametrize(
    ("line", "is_named"),
    [
        ("import duckdb", True),
        ("with open_duckdb(path) as connection:", True),
        ("{% macro duckdb__by_day() %}", True),
        ("read_parquet(path, hive_partitioning=False)", True),
        ("settings.spark_host", True),
        ("What to do on Spark.", True),
        ("the archive of a thrifty, sparkling shop", False),
    ],
)
def test_a_name_is_found_within_an_identifier_and_not_within_a_word(
    line: str, *, is_named: bool
) -> None:
    assert (ENGINE.search(line) is not None) is is_named
