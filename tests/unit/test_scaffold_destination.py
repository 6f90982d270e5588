"""`parley new destination`: what it writes passes the conformance suite as it is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connectors.core.errors import FixConfig
from flows import cli, scaffold

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PARTS = ("connectors", "expectations", "flows", "tests/conformance", "tests/unit")
SKIPPED = shutil.ignore_patterns("__pycache__", "*.parquet", "test_*.py", "conftest.py", "data")
SUITE = "tests/conformance/test_destinations.py"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with a new destination in it."""
    folder = tmp_path_factory.mktemp("project")
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=SKIPPED)
    shutil.copy(ROOT / SUITE, folder / SUITE)
    shutil.copy(ROOT / "pyproject.toml", folder)
    written = scaffold.new_destination("acme", folder)
    assert written == [
        "connectors/destinations/acme.py",
        "tests/conformance/worlds/destinations/acme.py",
    ]
    return folder


def run(project: Path, *command: str | Path) -> str:
    done = subprocess.run(
        command, cwd=project, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(project)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout


def test_it_passes_the_conformance_suite(project: Path) -> None:
    said = run(project, BIN / "pytest", "-p", "no:cacheprovider", "-k", "acme or world", SUITE)
    [passed] = re.findall(r"^([.s]+)", said.replace("\n", ""))
    assert passed.count(".") > 25


def test_it_is_clean(project: Path) -> None:
    paths = [*project.rglob("acme.py")]
    assert len(paths) == 2
    assert not [path for path in paths if "$" in path.read_text()]
    run(project, BIN / "ruff", "check", *paths)
    run(project, BIN / "ruff", "format", "--check", *paths)
    run(
        project,
        BIN / "mypy",
        "--config-file",
        "pyproject.toml",
        "-p",
        "connectors.destinations.acme",
    )


@pytest.mark.parametrize("name", ["acme", "smtp", "Acme", "a", "acme-mail", "../acme", ""])
def test_a_name_that_is_taken_or_none_is_refused_and_nothing_is_written(
    project: Path, name: str
) -> None:
    before = {path: path.read_bytes() for path in project.rglob("*acme*") if path.is_file()}
    with pytest.raises(FixConfig):
        scaffold.new_destination(name, project)
    assert before == {p: p.read_bytes() for p in project.rglob("*acme*") if p.is_file()}


def test_the_command_says_what_comes_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaffold, "new_destination", lambda name: [f"{name}.py"])
    said = CliRunner().invoke(cli.app, ["new", "destination", "acme"])
    assert said.exit_code == 0
    assert "test_destinations.py" in said.output
