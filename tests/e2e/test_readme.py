"""What the README says is so: its lists are complete, its links lead on, its numbers are right."""

from __future__ import annotations

import csv
import re
import sqlite3
import tomllib
from pathlib import Path

import yaml
from pydantic import BaseModel
from typer.main import get_command

from connectors.core import registry
from connectors.core.accounts import DestinationSettings, SourceSettings
from connectors.core.history import layouts
from connectors.core.mail_server import SmtpSettings
from connectors.core.settings import SenderSettings, Settings
from flows.cli import app
from flows.destinations import about

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PROJECT = ROOT / "dbt_project"
ACCOUNTS = (("PARLEY_SOURCES", SourceSettings), ("PARLEY_DESTINATIONS", DestinationSettings))


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


def test_the_destinations_are_those_there_are_in_their_own_words():
    table = README.partition("<!-- destinations -->")[2].partition("<!-- /destinations -->")[0]
    told = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", table, flags=re.MULTILINE))
    assert told == {name: about(name) for name in registry.known_destinations()}


def test_the_programmes_are_those_of_the_seed_in_order_of_priority():
    table = README.partition("<!-- programmes -->")[2].partition("<!-- /programmes -->")[0]
    told = re.findall(r"^\| `(\w+)` \| (\w+) \| (\w+) \| \w.+ \|$", table, flags=re.MULTILINE)
    rows = sorted(seed("programmes"), key=lambda row: int(row["priority"]))
    assert told == [(row["programme"], row["kind"], row["channel"]) for row in rows]


def test_the_policy_is_as_the_readme_tells_it():
    policy = {(r["rule"], r["channel"], r["kind"]): r for r in seed("contact_policy")}
    caps = [policy[key]["window_hours"] for key in (("contact_window", "any", "any"),
            ("per_week", "email", "any"), ("calls", "call", "any"), ("budget", "any", "any"),
            ("time_to_answer", "any", "any"))]  # fmt: skip
    assert caps == ["16", "168", "720", "168", "72"]
    most = [policy[key]["max_messages"] for key in (("per_week", "email", "any"),
            ("mass_per_week", "email", "mass"), ("per_day", "email", "any"))]  # fmt: skip
    assert most == ["3", "2", "1"]
    units = [policy[key]["units"] for key in (("budget", "any", "any"),
             ("price", "email", "triggered"), ("price", "email", "mass"),
             ("price", "call", "triggered"), ("answered", "any", "any"),
             ("ignored", "any", "any"))]  # fmt: skip
    assert units == ["6", "1", "2", "3", "1", "-0.5"]
    reminders = [r for r in seed("programme_steps") if r["programme"] == "abandoned_cart"]
    assert [r["wait_minutes"] for r in reminders] == ["60", "1440", "4320"]


def test_the_layouts_of_history_files_are_those_that_are_read():
    [table] = re.findall(r"<!-- history -->\n(.*?)\n<!-- /history -->", README, flags=re.DOTALL)
    assert table == layouts.markdown()


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
    lines = re.findall(r"(?:\.venv/bin/|`)parley ([a-z][\w-]*)([^`\n#]*)", README)
    assert {name for name, _ in lines} >= {"init", "run", "explain", "preview", "replay", "status"}
    for name, rest in lines:
        assert name in commands, name
        command, [first, *_] = commands[name], [*rest.split(), ""]
        command = getattr(command, "commands", {}).get(first, command)
        known = {option for each in command.params for option in each.opts}
        assert set(re.findall(r"--[\w-]+", rest)) <= known, name


def names(model: type[BaseModel], prefix: str) -> set[str]:
    return {f"{prefix}{name.upper()}" for name in model.model_fields}


def settings() -> set[str]:
    """Every variable that can be set, but those of a source or destination."""
    parts = {"PARLEY_SENDER": SenderSettings, "PARLEY_SMTP": SmtpSettings}
    whole = names(Settings, "PARLEY_") - {*(name for name, _ in ACCOUNTS), *parts}
    return whole.union(*(names(each, f"{name}__") for name, each in parts.items()))


def test_the_example_of_settings_shows_every_setting_and_no_other():
    text = (ROOT / ".env.example").read_text()
    shown = set(re.findall(r"^# (PARLEY_\w+)=", text, flags=re.MULTILINE))
    for name, model in ACCOUNTS:
        own = {each for each in shown if each.startswith(f"{name}__")}
        assert {each.split("__")[2] for each in own} == names(model, "")
        shown -= own
    assert shown == settings()


def test_the_vendors_are_those_of_parley_sources_each_as_it_tells_of_itself():
    table = README.partition("<!-- vendors -->")[2].partition("<!-- /vendors -->")[0]
    wanted = ["| vendor | what it reads, and how it is connected |", "|---|---|"]
    specs = [registry.source(vendor) for vendor in registry.known_sources()]
    wanted += [f"| `{spec.vendor}` | {spec.about} |" for spec in specs if spec.about]
    assert table.strip().splitlines() == wanted


def test_the_defaults_it_shows_are_the_defaults():
    text = (ROOT / ".env.example").read_text()
    shown = dict(re.findall(r"^# PARLEY_(\w+)=(.*)$", text, flags=re.MULTILINE))
    for name in ("HOME", "WAREHOUSE", "HASH_KEY", "DEFAULT_COUNTRY", "THREADS"):
        default = Settings.model_fields[name.lower()].default
        default = default.get_secret_value() if hasattr(default, "get_secret_value") else default
        assert shown[name] == str(default)


def test_every_setting_and_place_the_readme_names_is_there():
    named = set(re.findall(r"`(PARLEY_\w+)`", README))
    assert named <= settings()
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
