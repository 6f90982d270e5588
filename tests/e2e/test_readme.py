"""What the README says is so: its example sends, its lists are complete, its links lead on."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import sqlite3
import subprocess
import tomllib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from home_kit import BIN, rows_of
from pydantic import BaseModel
from typer.main import get_command

from connectors.core.settings import Settings, SourceSettings
from flows.cli import app

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
    assert gates["gates"] == len(seed("gates"))


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


def test_the_example_query_runs(demo):
    [query] = re.findall(r"```sql\n(select .*?)```", README, flags=re.DOTALL)
    rows = demo.home.bi(query)
    assert rows
    assert sum(row["people"] for row in rows) > 0


def seed(name):
    with (PROJECT / "seeds" / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def marts():
    """The names of the models that end up in schema marts."""
    folders = PROJECT / "models" / "marts", PROJECT / "models" / "decisions"
    in_marts = re.compile(r"config\([^)]*schema=\"marts\"")
    return sorted(
        path.stem
        for folder in folders
        for path in folder.glob("*.sql")
        if folder.name == "marts" or in_marts.search(path.read_text())
    )


def test_the_tables_are_those_of_schema_marts_each_once():
    [table] = re.findall(r"<!-- tables -->(.*?)<!-- /tables -->", README, flags=re.DOTALL)
    first = [line.split("|")[1] for line in table.strip().splitlines()[2:]]
    named = [name for cell in first for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == marts()
    described = [
        model["name"]
        for path in (PROJECT / "models").rglob("*.yml")
        for model in yaml.safe_load(path.read_text()).get("models", [])
    ]
    assert set(named) <= set(described)


def test_the_gates_are_those_of_the_seed_in_order():
    rows = re.findall(r"^\| (\d+) \| (\w+) \| (.+?) \|$", README, flags=re.MULTILINE)
    expected = [(row["gate_no"], row["gate"], row["question"]) for row in seed("gates")]
    assert [(number, name) for number, name, _ in rows] == [(n, g) for n, g, _ in expected]
    for (_, name, asked), (_, _, question) in zip(rows, expected, strict=True):
        # The README may say more than the seed, not something else.
        assert asked.endswith("?") or "? " in asked, name
        assert asked.split()[0] == question.split()[0], name


def test_every_link_leads_somewhere():
    links = re.findall(r"\]\(([^)\s]+)\)", README)
    local = [link.split("#")[0] for link in links if not re.match(r"\w+:", link)]
    assert len(local) > 8
    assert [link for link in local if link and not (ROOT / link).exists()] == []
    assert [link for link in links if link.startswith("http:")] == []


def test_every_make_target_it_names_is_there():
    named = set(re.findall(r"`make (\w+)|^make (\w+)", README, flags=re.MULTILINE))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    wanted = {name for pair in named for name in pair if name}
    assert wanted >= {"demo", "test", "check", "ui", "clean"}
    assert wanted <= targets


def test_every_command_it_names_is_there_with_its_options():
    commands = get_command(app).commands
    lines = re.findall(r"(?:\.venv/bin/|`)parley ([a-z]\w*)([^`\n#]*)", README)
    assert {name for name, _ in lines} >= {"init", "run", "explain", "preview", "replay", "status"}
    for name, rest in lines:
        assert name in commands, name
        known = {option for each in commands[name].params for option in each.opts}
        assert set(re.findall(r"--[\w-]+", rest)) <= known, name


def names(model: type[BaseModel], prefix: str) -> set[str]:
    return {f"{prefix}{name.upper()}" for name in model.model_fields}


def test_the_example_of_settings_shows_every_setting_and_no_other():
    text = (ROOT / ".env.example").read_text()
    shown = set(re.findall(r"^# (PARLEY_\w+)=", text, flags=re.MULTILINE))
    sources = {name for name in shown if name.startswith("PARLEY_SOURCES__")}
    assert shown - sources == names(Settings, "PARLEY_") - {"PARLEY_SOURCES"}
    assert {name.split("__")[-1] for name in sources} == names(SourceSettings, "")


def test_the_defaults_it_shows_are_the_defaults():
    text = (ROOT / ".env.example").read_text()
    shown = dict(re.findall(r"^# PARLEY_(\w+)=(.*)$", text, flags=re.MULTILINE))
    for name in ("HOME", "WAREHOUSE", "HASH_KEY", "DEFAULT_COUNTRY", "THREADS"):
        default = Settings.model_fields[name.lower()].default
        default = default.get_secret_value() if hasattr(default, "get_secret_value") else default
        assert shown[name] == str(default)


def test_every_setting_and_place_the_readme_names_is_there():
    named = set(re.findall(r"`(PARLEY_\w+)`", README))
    assert named <= names(Settings, "PARLEY_")
    places = {each.rstrip("/") for each in re.findall(r"`([\w.]+/?)`", README)}
    home = Settings(home=Path("/h"))
    for path in (home.warehouse_path, home.runs_dir, home.out_dir, home.docs_dir):
        assert path.relative_to("/h").parts[0] in places


def test_it_counts_the_demos_real_orders(demo):
    [stated] = re.findall(r"([\d,]+) of its invoices", README)
    with sqlite3.connect(demo.home.path / "demo" / "shop.db") as connection:
        [orders] = connection.execute("select count(*) from orders").fetchone()
    assert stated == f"{orders:,}"


def test_the_changelog_tells_of_this_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    text = (ROOT / "CHANGELOG.md").read_text()
    entries = re.findall(r"^## (\d+\.\d+\.\d+)", text, flags=re.MULTILINE)
    assert entries[0] == version
    [entry] = re.findall(rf"^## {re.escape(version)}.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert "\n- " in entry
    dbt = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())
    assert dbt["version"] == version
