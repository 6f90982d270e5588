"""The README's way to add a source: what the command writes passes every test as it is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.core.errors import FixConfig
from flows.scaffold import new_source

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BIN = Path(sys.executable).parent
PARTS = ("connectors", "expectations", "flows", "dbt_project", "tests/conformance")
SKIPPED = shutil.ignore_patterns("target", "logs", "__pycache__", "online_retail_uci.parquet")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, with the source that the README adds."""
    folder = tmp_path_factory.mktemp("project")
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=SKIPPED)
    shutil.copy(ROOT / "pyproject.toml", folder)
    [name] = re.findall(r"parley new source (\w+)", README)
    assert name == "acme"
    assert all((folder / path).exists() for path in new_source(name, folder))
    return folder


def run(project: Path, *command: str | Path) -> str:
    done = subprocess.run(
        command, cwd=project, capture_output=True, text=True, check=False,
        env={**os.environ, "PARLEY_WAREHOUSE_PATH": str(project / "w.duckdb")},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout


def test_the_spec_is_what_the_readme_shows(project: Path) -> None:
    [(path, shown)] = re.findall(
        r"^```python new=(\S+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL
    )
    assert (project / path).read_text().endswith(shown)


def test_every_place_the_readme_names_is_written(project: Path) -> None:
    section = README.partition("## Add a source")[2].partition("\n## ")[0]
    for path in re.findall(r"`((?:connectors|dbt_project|expectations|tests)/\S+)`", section):
        assert (project / path).exists(), path


def test_it_passes_the_conformance_suite(project: Path) -> None:
    tests = ("test_sources.py", "test_http_sources.py")
    files = (f"tests/conformance/{name}" for name in tests)
    said = run(project, BIN / "pytest", "-p", "no:cacheprovider", "-k", "acme", *files)
    [passed] = re.findall(r"^(\.+)", said.replace("\n", ""))
    assert len(passed) > 40


def test_its_staging_builds_and_passes_its_unit_test(project: Path) -> None:
    place = ("--project-dir", "dbt_project", "--profiles-dir", "dbt_project")
    target = ("--target-path", str(project / "target"), "--log-path", str(project))
    said = run(project, BIN / "dbt", "build", *place, *target, "--select", "stg_acme__orders")
    assert "PASS acme_orders_are_typed" in re.sub(r"\x1b\[\d*m", "", said).replace(
        "stg_acme__orders::", ""
    )
    run(project, BIN / "dbt", "parse", *place, *target)


def test_it_is_clean(project: Path) -> None:
    paths = [*project.rglob("acme.py")]
    assert len(paths) == 3
    run(project, BIN / "ruff", "check", *paths)
    run(project, BIN / "ruff", "format", "--check", *paths)


@pytest.mark.parametrize("name", ["acme", "Acme", "a", "acme-shop", "../acme", "os.path", ""])
def test_a_name_that_is_taken_or_none_is_refused_and_nothing_is_written(
    project: Path, name: str
) -> None:
    before = {path: path.read_bytes() for path in project.rglob("*acme*") if path.is_file()}
    with pytest.raises(FixConfig):
        new_source(name, project)
    assert before == {p: p.read_bytes() for p in project.rglob("*acme*") if p.is_file()}
