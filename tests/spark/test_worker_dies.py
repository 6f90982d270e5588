"""A machine of the cluster dies in the middle of a build: the build ends all the same, and right.

It takes a second cluster and ten minutes: `make test-spark LONG=1`.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.home_kit import BIN, Home
from tests.spark.cluster import Cluster
from tests.spark.compare import compare

# By then every kind of stage is under way: parsed, about to be written by day, joined, counted.
KILLED_AFTER = "int_web_events"
DEMO = ("demo", "--days", "1")


def wait_until_built(log: Path, model: str, process: subprocess.Popen[bytes]) -> None:
    """Until dbt's log says that a model is done."""
    while process.poll() is None:
        if log.exists() and f"{model} " in "".join(
            line for line in log.read_text().splitlines(keepends=True) if " OK " in line
        ):
            return
        time.sleep(1)
    pytest.fail(f"the run ended before {model} was built")


@pytest.mark.skipif(not os.environ.get("LONG"), reason="ten minutes: make test-spark LONG=1")
def test_a_worker_that_dies_in_a_build_changes_nothing(tmp_path, capsys):
    reference, struck = Home(tmp_path / "duckdb"), Home(tmp_path / "spark")
    reference.ok(*DEMO)
    with Cluster(tmp_path / "cluster") as cluster:
        struck.settings.update(PARLEY_WAREHOUSE="spark", PARLEY_SPARK_PORT=str(cluster.port))
        run = subprocess.Popen([BIN / "parley", *DEMO], cwd=struck.folder, env=struck.environment)
        wait_until_built(struck.path / "dbt" / "logs" / "dbt.log", KILLED_AFTER, run)
        cluster.kill_worker(0)
        assert run.wait() == 0
    folders = [home.path / "runs" / home.last_run() for home in (reference, struck)]
    compared = compare(*folders)
    with capsys.disabled():
        rows = sum(each.rows[0] for each in compared)
        print(
            f"\na worker died: {len(compared)} tables with {rows:,} rows compared on both engines"
        )
    assert len(compared) > 20
    assert [each for each in compared if not each.is_same] == []
