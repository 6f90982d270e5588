"""dbt's unit tests: all of them run, none is skipped, and each is reported by its own name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[2] / "dbt_project"
DBT = Path(sys.executable).with_name("dbt")
DECLARED = sorted(
    test["name"]
    for path in (PROJECT / "models").rglob("*.yml")
    for test in yaml.safe_load(path.read_text()).get("unit_tests", [])
)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What became of each, run once on a warehouse whose tables are all there and all empty."""
    folder = tmp_path_factory.mktemp("units")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PARLEY_", "DBT_"))}
    environment = {**kept, "PARLEY_WAREHOUSE_PATH": str(folder / "empty.duckdb"), "TZ": "UTC"}

    def dbt(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [DBT, "--no-use-colors", "--quiet", *arguments, "--project-dir", PROJECT,
             "--profiles-dir", PROJECT, "--target-path", folder, "--log-path", folder],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    no_batches = ("--vars", '{"batches": []}')
    built = dbt("build", "--exclude-resource-type", "test", "unit_test", *no_batches)
    assert built.returncode == 0, built.stdout[-3000:]
    tested = dbt("test", "--select", "test_type:unit", *no_batches)
    written = folder / "run_results.json"
    found = json.loads(written.read_text())
    assert found["args"]["which"] == "test", tested.stdout[-3000:]
    return {each["unique_id"].rsplit(".", 1)[-1]: each for each in found["results"]}


def test_every_declared_unit_test_ran_and_none_twice(results: dict[str, Any]) -> None:
    assert len(DECLARED) > 50
    assert sorted(results) == DECLARED


@pytest.mark.parametrize("name", DECLARED)
def test_of_dbt(results: dict[str, Any], name: str) -> None:
    # Skipped or errored is as bad as failed.
    assert results[name]["status"] == "pass", results[name]["message"]
