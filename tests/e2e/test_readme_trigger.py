"""The README's way to add a trigger: what the command writes finds people and writes to them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from home_kit import BIN, rows_of

from connectors.core.errors import FixConfig
from flows.scaffold import new_trigger

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
SECTION = README.partition("## Add a trigger")[2].partition("\n## ")[0]
SHOWN = re.compile(r"^```\w+ new=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
[NAME] = re.findall(r"parley new trigger (\w+)", SECTION)
WAIT, OVER = timedelta(hours=24), timedelta(hours=96)
SKIPPED = ("target", "logs", "__pycache__")
# What a run builds when only this has changed, in the order that dbt finds by itself.
SELECTED = ("path:seeds", "int_programme_steps", "path:models/programmes", "path:models/decisions")


@dataclass(frozen=True)
class Added:
    """The project and the warehouse with the README's trigger, and what dbt did."""

    root: Path
    warehouse: Path
    results: dict[str, str]

    def rows(self, query):
        return rows_of(self.warehouse, query)


@pytest.fixture(scope="module")
def added(demo, tmp_path_factory):
    """The README's trigger, added to the demo as its last run left it; nothing lands anew."""
    root = tmp_path_factory.mktemp("readme")
    shutil.copytree(
        ROOT / "dbt_project", root / "dbt_project", ignore=shutil.ignore_patterns(*SKIPPED)
    )
    assert all((root / path).exists() for path in new_trigger(NAME, root))
    # Views in it name the database by its file: another name would be another database.
    warehouse = Path(shutil.copy(demo.home.path / "warehouse.duckdb", root))
    run_id = demo.runs["next_day"]
    [run] = demo.home.ledger("select as_of from runs where run_id = ?", run_id)
    told = {"as_of": run["as_of"].replace(" ", "T")[:19] + "Z", "run_id": run_id, "batches": []}
    results = {}
    for command in (
        ("build", "--select", *SELECTED, "--exclude-resource-type", "unit_test"),
        ("test", "--select", f"{NAME},test_type:unit"),
    ):
        done = subprocess.run(
            [BIN / "dbt", "--no-use-colors", *command, "--project-dir", root / "dbt_project",
             "--profiles-dir", root / "dbt_project", "--target-path", root / "target",
             "--log-path", root, "--vars", json.dumps(told)],
            env={**os.environ, "PARLEY_WAREHOUSE_PATH": str(warehouse)}, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-5000:]
        written = json.loads((root / "target" / "run_results.json").read_text())["results"]
        results |= {each["unique_id"]: each["status"] for each in written}
    return Added(root, warehouse, results)


def test_what_the_readme_shows_is_what_is_written(added):
    shown = SHOWN.findall(SECTION)
    assert [Path(path).suffix for path, _ in shown] == [".sql", ".csv"]
    for path, lines in shown:
        assert lines in (added.root / path).read_text()


def test_every_place_the_readme_names_is_there(added):
    named = set(re.findall(r"[(`](dbt_project/\S+?\.\w+)[)`]", SECTION))
    assert len(named) == 6
    for path in named:
        assert (added.root / path).exists(), path


def test_it_finds_first_orders_of_its_days_and_writes_to_them(added):
    found = added.rows(
        f"""
        select d.verdict, d.gate, c.as_of - c.occurred_at as age, c.occurred_at, p.first_order_at
        from marts.candidates as c
        inner join marts.decisions as d using (candidate_key)
        inner join marts.people as p using (person_id)
        where c.programme = '{NAME}'
        """
    )
    assert [row for row in found if row["verdict"] == "send"]
    assert all(WAIT <= row["age"] < OVER for row in found)
    assert all(row["occurred_at"] == row["first_order_at"] for row in found)


def test_what_it_sends_is_in_the_audience_with_its_words(added):
    audience = added.rows(f"from marts.audience_triggered where programme = '{NAME}'")
    assert audience
    assert {row["verdict"] for row in audience} <= {"send", "hold"}
    for row in audience:
        assert json.loads(row["content"])["fact"] == "This was your first order with us."
        assert set(json.loads(row["evidence"])) == {"order_id", "ordered_at"}
        assert row["address"]


def test_every_gate_and_every_test_of_the_decisions_comes_with_it(added):
    assert set(added.results.values()) <= {"pass", "success"}
    assert sum(name.startswith("test.") for name in added.results) > 30
    assert [name for name in added.results if name.startswith("unit_test.") and NAME in name]
    assert any("every_candidate_passes_every_gate_once" in name for name in added.results)
    [gates] = added.rows(
        "select count(distinct g.gate) as gates from marts.decision_gates as g"
        f" inner join marts.candidates as c using (candidate_key) where c.programme = '{NAME}'"
    )
    assert gates["gates"] == 11


def test_the_others_plan_as_they_did(added, demo):
    """Only who gets this is not written to too: one message a person and window."""

    def plan(rows):
        return {(r["programme"], r["verdict"]): r["n"] for r in rows if r["programme"] != NAME}

    query = (
        "select c.programme, d.verdict, count(*) as n from marts.candidates as c"
        " inner join marts.decisions as d using (candidate_key) group by all"
    )
    candidates = "select programme, count(*) as n from marts.candidates group by all order by all"
    after = added.rows(candidates)
    assert [row for row in after if row["programme"] != NAME] == demo.home.warehouse(candidates)
    # Fewer may be sent, none more: it competes, it opens no gate.
    now, then = plan(added.rows(query)), plan(demo.home.warehouse(query))
    assert {key: n for key, n in now.items() if key[1] == "send" and n > then.get(key, 0)} == {}


def test_its_sql_is_clean(added):
    done = subprocess.run(
        [BIN / "sqlfluff", "lint", "--disable-progress-bar",
         f"models/programmes/triggered/{NAME}.sql", "models/decisions/int_proposals.sql"],
        cwd=added.root / "dbt_project", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", [NAME, "abandoned_cart", "people", "campaigns", "Hello", "x'--"])
def test_a_name_that_is_taken_or_none_is_refused_and_nothing_is_written(added, name):
    project = added.root / "dbt_project"
    before = {path: path.read_bytes() for path in project.rglob("*.*")}
    with pytest.raises(FixConfig):
        new_trigger(name, added.root)
    assert before == {path: path.read_bytes() for path in project.rglob("*.*")}
