"""`parley new segment` and `new trigger`: what is written where, and which names are refused."""

from __future__ import annotations

import csv
import re
import shutil
from functools import partial
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from connectors.core.errors import FixConfig
from flows import scaffold
from flows.cli import app

ROOT = Path(__file__).parents[2]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of a project with what is looked at when a segment is added."""
    for folder in (
        "models/decisions", "models/intermediate", "models/marts", "models/programmes",
        "models/segments", "seeds",
    ):  # fmt: skip
        place = f"dbt_project/{folder}"
        shutil.copytree(ROOT / place, tmp_path / place)
    return tmp_path


def listed(root: Path) -> list[str]:
    text = (root / scaffold.NAMED).read_text()
    [names] = re.findall(r"{% set segments = \[(.*?)\] %}", text, flags=re.DOTALL)
    return re.findall(r'"(\w+)"', names)


def test_every_named_segment_is_a_model_and_is_listed_in_order() -> None:
    models = {path.stem for path in (ROOT / "dbt_project/models/segments").glob("*.sql")}
    assert listed(ROOT) == sorted(models)


@pytest.mark.parametrize("name", ["a_first_one", "in_between", "zz_last"])
def test_a_segment_gets_its_model_its_test_and_its_line(root: Path, name: str) -> None:
    before = listed(root)
    written = scaffold.new_segment(name, root)
    assert listed(root) == sorted([*before, name])
    assert [Path(path).name for path in written] == [
        f"{name}.sql",
        f"{name}.yml",
        "int_named_segments.sql",
    ]
    told = yaml.safe_load((root / written[1]).read_text())
    assert told["models"][0]["name"] == told["unit_tests"][0]["model"] == name
    assert "$" not in (root / written[0]).read_text() + (root / written[1]).read_text()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("VIP", "no name for a segment"),
        ("../people", "no name for a segment"),
        ("two words", "no name for a segment"),
        ("value_top", "there by itself"),
        ("likes_tea", "there by itself"),
        ("discount_hunters", "already"),
        ("people", "already"),
        ("campaigns", "already"),
    ],
)
def test_a_name_that_is_none_or_taken_is_refused(root: Path, name: str, why: str) -> None:
    before = {path: path.read_bytes() for path in root.rglob("*.*")}
    with pytest.raises(FixConfig, match=why):
        scaffold.new_segment(name, root)
    assert before == {path: path.read_bytes() for path in root.rglob("*.*")}


@pytest.mark.parametrize("name", ["a_first_one", "in_between", "zz_last"])
def test_a_trigger_gets_its_model_its_test_its_rows_its_words_and_its_line(
    root: Path, name: str
) -> None:
    before = rows(root, "programmes")
    written = scaffold.new_trigger(name, root)
    assert all((root / path).exists() for path in written)
    proposals = (root / scaffold.PROPOSALS).read_text()
    [names] = re.findall(r"{% set programmes = \[(.*?)\] %}", proposals, flags=re.DOTALL)
    assert name in re.findall(r'"(\w+)"', names)
    assert re.findall(r'"(\w+)"', names) == sorted(re.findall(r'"(\w+)"', names))
    assert rows(root, "programmes")[:-1] == before
    row = rows(root, "programmes")[-1]
    assert (row["programme"], row["kind"], row["purpose"]) == (name, "triggered", "marketing")
    assert row.keys() == before[0].keys()
    [step] = [row for row in rows(root, "programme_steps") if row["programme"] == name]
    assert (step["step"], step["wait_minutes"]) == ("1", row["wait_minutes"])
    told = yaml.safe_load((root / scaffold.ENTRY[1]).read_text())["models"]
    assert told[-1]["name"] == name
    assert told[-1]["columns"] == told[0]["columns"]
    [test] = yaml.safe_load((root / written[1]).read_text())["unit_tests"]
    assert test["model"] == name
    assert "$" not in (root / written[0]).read_text() + (root / written[1]).read_text()


def test_a_triggers_row_fills_every_column_that_a_programme_may_not_lack(root: Path) -> None:
    header = rows(root, "programmes")[0].keys()
    assert {"programme", *scaffold.TRIGGER_ROWS["dbt_project/seeds/programmes.csv"]} == {*header}


def rows(root: Path, seed: str) -> list[dict[str, str]]:
    with (root / "dbt_project" / "seeds" / f"{seed}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("VIP", "no name for a trigger"),
        ("../people", "no name for a trigger"),
        ("two words", "no name for a trigger"),
        ("abandoned_cart", "already"),
        ("people", "already"),
        ("campaigns", "already"),
    ],
)
def test_a_triggers_name_that_is_none_or_taken_is_refused(root: Path, name: str, why: str) -> None:
    before = {path: path.read_bytes() for path in root.rglob("*.*")}
    with pytest.raises(FixConfig, match=why):
        scaffold.new_trigger(name, root)
    assert before == {path: path.read_bytes() for path in root.rglob("*.*")}


def test_the_command_says_what_it_wrote_and_what_is_next(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scaffold, "new_segment", partial(scaffold.new_segment, root=root))
    said = CliRunner().invoke(app, ["new", "segment", "night_owls"])
    assert said.exit_code == 0, said.output
    assert (root / "dbt_project/models/segments/night_owls.sql").exists()
    for each in (
        "night_owls.sql",
        "night_owls.yml",
        "int_named_segments.sql",
        "--select night_owls",
    ):
        assert each in said.output.replace("\n", " ")
