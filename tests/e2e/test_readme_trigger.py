"""The README's worked example: applied as it is written, it finds people and writes to them."""

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

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PROJECT = ROOT / "dbt_project"
BLOCK = re.compile(r"^```\w+ (file|append|replace)=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LIST = re.compile(r"^\{% set programmes = \[.*?\] %\}\n", re.MULTILINE | re.DOTALL)
YOUNG = timedelta(hours=48)
SKIPPED = ("target", "logs", "__pycache__")
# What a run builds when only this has changed, in the order that dbt finds by itself.
SELECTED = ("path:seeds", "int_programme_steps", "path:models/programmes", "path:models/decisions")


def apply(verb, path, body):
    """Do what a block of the README says to a file."""
    if verb == "file":
        assert not path.exists(), f"{path.name} is there already"
        path.write_text(body)
    elif verb == "append":
        path.write_text(path.read_text() + body)
    else:
        replaced, times = LIST.subn(lambda _: body, path.read_text())
        assert times == 1, f"{path.name} has {times} such lists"
        path.write_text(replaced)


@dataclass(frozen=True)
class Added:
    """The project and the warehouse after the README's change, and what dbt did."""

    project: Path
    warehouse: Path
    results: dict[str, str]
    said: str

    def rows(self, query):
        return rows_of(self.warehouse, query)


@pytest.fixture(scope="module")
def added(demo, tmp_path_factory):
    """The README's trigger, added to the demo as its last run left it; nothing lands anew."""
    folder = tmp_path_factory.mktemp("readme")
    project = folder / "dbt_project"
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns(*SKIPPED))
    blocks = BLOCK.findall(README)
    assert [verb for verb, _, _ in blocks] == ["file", "append", "append", "replace", "append"]
    for verb, name, body in blocks:
        apply(verb, folder / name, body)
    # Views in it name the database by its file: another name would be another database.
    warehouse = Path(shutil.copy(demo.home.path / "warehouse.duckdb", folder))
    run_id = demo.runs["next_day"]
    [run] = demo.home.ledger("select as_of from runs where run_id = ?", run_id)
    told = {"as_of": run["as_of"].replace(" ", "T")[:19] + "Z", "run_id": run_id, "batches": []}
    done = subprocess.run(
        [BIN / "dbt", "--no-use-colors", "build", "--project-dir", project,
         "--profiles-dir", project, "--target-path", folder / "target", "--log-path", folder,
         "--select", *SELECTED, "--exclude-resource-type", "unit_test",
         "--vars", json.dumps(told)],
        env={**os.environ, "PARLEY_WAREHOUSE_PATH": str(warehouse)}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:]
    written = json.loads((folder / "target" / "run_results.json").read_text())["results"]
    results = {each["unique_id"]: each["status"] for each in written}
    return Added(project, warehouse, results, done.stdout)


def test_the_readmes_trigger_finds_new_subscribers_and_writes_to_them(added):
    found = added.rows(
        """
        select d.verdict, c.as_of - w.since as age, c.address_node, w.state
        from marts.candidates as c
        inner join marts.decisions as d using (candidate_key)
        inner join marts.permission_now as w
            on c.address_node = w.address_node and c.channel = w.channel and c.purpose = w.purpose
        where c.programme = 'welcome'
        """
    )
    sent = [row for row in found if row["verdict"] == "send"]
    assert sent
    assert all(timedelta(minutes=10) <= row["age"] < YOUNG for row in found)
    assert {row["state"] for row in found} == {"granted"}
    assert len({row["address_node"] for row in found}) == len(found)


def test_nobody_is_told_that_they_asked_when_they_only_bought(added):
    bases = added.rows(
        """
        select distinct w.legal_basis
        from marts.candidates as c
        inner join marts.permission_now as w
            on c.address_node = w.address_node and c.channel = w.channel and c.purpose = w.purpose
        where c.programme = 'welcome'
        """
    )
    assert bases == [{"legal_basis": "consent"}]


def test_what_it_sends_is_in_the_audience_with_its_words(added):
    audience = added.rows("from marts.audience_triggered where programme = 'welcome'")
    assert {row["verdict"] for row in audience} <= {"send", "hold"}
    for row in audience:
        assert json.loads(row["content"])["fact"] == "You asked us to write to you."
        assert set(json.loads(row["evidence"])) == {"allowed_at"}
        assert row["address"]


def test_every_gate_and_every_test_of_the_decisions_comes_with_it(added):
    tests = {name: status for name, status in added.results.items() if name.startswith("test.")}
    assert len(tests) > 30
    assert set(tests.values()) == {"pass"}
    assert any("welcome" in name for name in tests)
    assert any("every_candidate_passes_every_gate_once" in name for name in tests)
    [gates] = added.rows(
        "select count(distinct g.gate) as gates from marts.decision_gates as g"
        " inner join marts.candidates as c using (candidate_key) where c.programme = 'welcome'"
    )
    assert gates["gates"] == 11


def test_the_others_plan_as_they_did(added, demo):
    """Only who gets a welcome is not reminded too: one message a person and window."""

    def plan(rows):
        return {(r["programme"], r["verdict"]): r["n"] for r in rows if r["programme"] != "welcome"}

    query = (
        "select c.programme, d.verdict, count(*) as n from {}.candidates as c"
        " inner join {}.decisions as d using (candidate_key) group by all"
    )
    candidates = "select programme, count(*) as n from {} group by all order by all"
    after = added.rows(candidates.format("marts.candidates"))
    before = demo.home.warehouse(candidates.format("marts.candidates"))
    assert [row for row in after if row["programme"] != "welcome"] == before
    # Fewer may be sent, none more: it competes, it opens no gate.
    now = plan(added.rows(query.format("marts", "marts")))
    then = plan(demo.home.warehouse(query.format("marts", "marts")))
    assert {key: n for key, n in now.items() if key[1] == "send" and n > then.get(key, 0)} == {}


def test_the_readmes_sql_is_clean(added):
    done = subprocess.run(
        [BIN / "sqlfluff", "lint", "--disable-progress-bar",
         "models/programmes/triggered/welcome.sql", "models/decisions/candidates.sql"],
        cwd=added.project, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
