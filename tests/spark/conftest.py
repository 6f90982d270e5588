"""One cluster for all of these tests, and two homes: one whose warehouse is on it, one whose isn't.

Both see the same shop at the same moments, so whatever differs is the engine's doing.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from tests.e2e.home_kit import Home
from tests.spark.cluster import Cluster, java_version

OLDEST_JAVA = 17
# A cluster of two cores is slow, not broken.
TIMEOUT_SECONDS = 1500
NEXT_DAY = "2011-12-07T11:05:00Z"
STEPS = {"demo": ("demo",), "triggered": ("run", "triggered", "--as-of", NEXT_DAY)}


@dataclass
class Engines:
    """Both homes, and the runs of each by step, in the order of `STEPS`."""

    spark: Home
    duckdb: Home
    runs: dict[str, dict[str, str]] = field(default_factory=dict)

    def step(self, engine: str, name: str) -> None:
        """Run a command on one engine; it has to succeed."""
        home: Home = getattr(self, engine)
        home.ok(*STEPS[name])
        self.runs.setdefault(engine, {})[name] = home.last_run()


def pytest_collection_modifyitems(items):
    found = java_version()
    if found is not None and found >= OLDEST_JAVA:
        return
    reason = f"Spark needs Java {OLDEST_JAVA} or newer, and there is {found or 'none'}"
    for item in items:
        if "tests/spark/" in item.path.as_posix():
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """The cluster, and the variables that make a home use it."""
    with Cluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started


@pytest.fixture(scope="session")
def on_cluster(cluster):
    """The settings of a home whose warehouse is on the cluster."""
    return {"PARLEY_WAREHOUSE": "spark", "PARLEY_SPARK_PORT": str(cluster.port)}


@pytest.fixture(scope="session")
def engines(tmp_path_factory, request):
    """The demo, and a triggered run a day later, on both engines."""
    duckdb = Home(tmp_path_factory.mktemp("duckdb"))
    with ThreadPoolExecutor(1) as aside:
        reference = aside.submit(duckdb.ok, *STEPS["demo"])  # while the cluster starts
        settings = request.getfixturevalue("on_cluster")
        reference.result()
    spark = Home(tmp_path_factory.mktemp("spark"), settings, TIMEOUT_SECONDS)
    both = Engines(spark, duckdb, {"duckdb": {"demo": duckdb.last_run()}})
    both.step("spark", "demo")
    for engine in ("duckdb", "spark"):
        both.step(engine, "triggered")
    return both
