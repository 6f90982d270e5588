"""The README's way to add a segment: what the command writes has members and passes every test."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from home_kit import BIN, rows_of

from connectors.core.errors import FixConfig
from flows.scaffold import new_segment

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
SECTION = README.partition("## Add a segment")[2].partition("\n## ")[0]
SHOWN = re.compile(r"^```sql new=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SKIPPED = ("target", "logs", "__pycache__")


@dataclass(frozen=True)
class Added:
    """The project and the warehouse with the README's segment, and what dbt did."""

    root: Path
    warehouse: Path
    name: str
    as_of: datetime
    results: dict[str, str]

    def rows(self, query):
        return rows_of(self.warehouse, query)


@pytest.fixture(scope="module")
def added(demo, tmp_path_factory):
    """The README's segment, added to the demo as its last run left it; nothing lands anew."""
    root = tmp_path_factory.mktemp("readme")
    shutil.copytree(
        ROOT / "dbt_project", root / "dbt_project", ignore=shutil.ignore_patterns(*SKIPPED)
    )
    [name] = re.findall(r"parley new segment (\w+)", SECTION)
    assert all((root / path).exists() for path in new_segment(name, root))
    # Views in it name the database by its file: another name would be another database.
    warehouse = Path(shutil.copy(demo.home.path / "warehouse.duckdb", root))
    run_id = demo.runs["next_day"]
    [run] = demo.home.ledger("select as_of from runs where run_id = ?", run_id)
    as_of = run["as_of"].replace(" ", "T")[:19]
    done = subprocess.run(
        [BIN / "dbt", "--no-use-colors", "build", "--project-dir", root / "dbt_project",
         "--profiles-dir", root / "dbt_project", "--target-path", root / "target",
         "--log-path", root, "--select", name, "int_named_segments", "segment_members",
         "--vars", json.dumps({"as_of": as_of + "Z", "run_id": run_id, "batches": []})],
        env={**os.environ, "PARLEY_WAREHOUSE_PATH": str(warehouse)}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:]
    written = json.loads((root / "target" / "run_results.json").read_text())["results"]
    results = {each["unique_id"]: each["status"] for each in written}
    return Added(root, warehouse, name, datetime.fromisoformat(as_of), results)


def test_the_rule_is_what_the_readme_shows(added):
    [(path, shown)] = SHOWN.findall(SECTION)
    assert shown in (added.root / path).read_text()


def test_every_place_the_readme_names_is_written(added):
    named = re.findall(r"[(`](dbt_project/\S+?\.\w+)[)`]", SECTION)
    assert len(named) == 3
    for path in named:
        assert (added.root / path).exists(), path


def test_its_unit_test_and_all_tests_pass(added):
    assert set(added.results.values()) <= {"pass", "success"}
    assert sum(name.startswith("unit_test.") for name in added.results) == 2
    assert sum(name.startswith("test.") for name in added.results) >= 3


def test_its_members_are_who_the_rule_says_since_it_holds(added):
    members = added.rows(
        "select m.since, p.order_count, p.last_order_at from marts.segment_members as m"
        f" inner join marts.people as p using (person_id) where m.segment = '{added.name}'"
    )
    assert len(members) > 10
    for row in members:
        assert row["order_count"] == 1
        assert row["since"] == row["last_order_at"] + timedelta(days=60)
        assert row["since"] < added.as_of


def test_the_other_segments_stay_as_they_were(added, demo):
    query = (
        "select segment, count(*) as people, min(since) as first, max(since) as last"
        f" from marts.segment_members where segment <> '{added.name}' group by all order by all"
    )
    assert added.rows(query) == demo.home.warehouse(query)


def test_its_sql_is_clean(added):
    done = subprocess.run(
        [BIN / "sqlfluff", "lint", "--disable-progress-bar",
         f"models/segments/{added.name}.sql", "models/intermediate/int_named_segments.sql"],
        cwd=added.root / "dbt_project", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "name",
    ["one_time_buyers", "people", "campaigns", "likes_tea", "rfm_best", "VIP", "a", "two words",
     "../people", "x'--", ""],
)  # fmt: skip
def test_a_name_that_is_taken_or_none_is_refused_and_nothing_is_written(added, name):
    project = added.root / "dbt_project"
    before = {path: path.read_bytes() for path in project.rglob("*.*ml")}
    with pytest.raises(FixConfig):
        new_segment(name, added.root)
    assert before == {path: path.read_bytes() for path in project.rglob("*.*ml")}
