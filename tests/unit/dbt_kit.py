"""The models, built on a warehouse of a test: parsed once a process, of the vendors that it has."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from flows import dbt_project

PROJECT = Path(__file__).parents[2] / "dbt_project"
# What dbt read is kept from one process to the next.
KEPT = PROJECT.parent / ".pytest_cache" / "dbt"


def build(
    warehouse: Path,
    batches: Sequence[Mapping[str, str]],
    as_of: str,
    *select: str,
    project: Path = PROJECT,
    full_refresh: bool = False,
    last_as_of: str = "",
    exclude: Sequence[str] = (),
) -> None:
    """Build the selected models from these rows of a manifest, without tests."""
    brought = {batch["vendor"] for batch in batches} | {"parley"}
    staged = {path.name for path in (project / "models/staging").iterdir() if path.is_dir()}
    told = {"as_of": as_of, "last_as_of": last_as_of, "batches": list(batches)}
    told |= {"vendors": sorted(brought & staged)}
    away = [f"path:models/staging/{vendor}" for vendor in sorted(staged - brought)]
    with environment({"PARLEY_WAREHOUSE_PATH": str(warehouse), "TZ": "UTC"}):
        done = _runner(_parsed(project, warehouse.stem)).invoke([
            "build", *_places(project), "--exclude-resource-type", "test", "unit_test",
            "--select", *select, "--exclude", *away, *exclude, "--vars", json.dumps(told),
            *(["--full-refresh"] if full_refresh else []),
        ])  # fmt: skip
    assert done.success, done.exception or [str(each.message) for each in done.result]


@lru_cache(maxsize=16)
def _parsed(project: Path, database: str) -> Any:
    """The project as dbt reads it; the name of a warehouse's file is part of every relation's."""

    def parse() -> Any:
        with environment({dbt_project.PATH: f"{database}.duckdb"}):
            done = _runner().invoke(["parse", *_places(project)])
        assert done.success, done.exception
        return done.result

    read_as = frozenset({dbt_project.PATH: database}.items())
    folder = KEPT / database if project == PROJECT else Path(_folder(project))
    return dbt_project.kept(folder, dbt_project.key_of(project, read_as), parse)


def _runner(manifest: Any = None) -> Any:
    return import_module("dbt.cli.main").dbtRunner(manifest)


def _places(project: Path) -> list[str]:
    target = _folder(project)
    return [
        "--quiet", "--no-write-json", "--log-level-file", "none",
        "--project-dir", str(project), "--profiles-dir", str(project),
        "--target-path", target, "--log-path", target,
    ]  # fmt: skip


def compiled_models(project: Path) -> Path:
    """Return where the SQL lies that the models became as they were built last."""
    return Path(_folder(project)) / "compiled" / "parley" / "models"


@lru_cache(maxsize=16)
def _folder(_project: Path) -> str:
    return tempfile.mkdtemp(prefix="parley-dbt-")


@contextmanager
def environment(changes: Mapping[str, str]) -> Iterator[None]:
    """Variables that hold for a while."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
