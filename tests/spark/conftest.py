"""One cluster for all of these tests, and two homes: one whose warehouse is on it, one whose isn't.

Both see the same shop at the same moments, so whatever differs is the engine's doing.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from tests.e2e.home_kit import Home
from tests.spark.cluster import Cluster, java_version

OLDEST_JAVA = 17
# A cluster of two cores is slow, not broken.
TIMEOUT_SECONDS = 1500
# What a day's run does besides is to test the models, on data that is the same: with LONG alone.
STEPS = {
    "mass": ("run", "mass", "--as-of", "2011-12-06T11:05:00Z"),
    "triggered": ("run", "triggered", "--as-of", "2011-12-07T11:05:00Z"),
}
if os.environ.get("LONG"):
    STEPS |= {"daily": ("run", "daily", "--as-of", "2011-12-08T11:05:00Z")}
SHOP = """
from connectors.core.settings import get_settings
from connectors.demo import generate
generate(get_settings().demo_dir)
"""


@dataclass
class Engines:
    """Both homes, and the runs of each by step, in the order of `STEPS`."""

    spark: Home
    duckdb: Home
    runs: dict[str, dict[str, str]] = field(default_factory=dict)

    def all_steps(self, engine: str) -> None:
        """Make the shop and take every step on one engine; all have to succeed."""
        home: Home = getattr(self, engine)
        made = home.python(SHOP)
        assert made.code == 0, made.text
        self.runs[engine] = {}
        for name, command in STEPS.items():
            home.ok(*command)
            self.runs[engine][name] = home.last_run()


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
    # Most of a small statement is waiting: more of them at once keep two cores busy.
    return {
        "PARLEY_WAREHOUSE": "spark",
        "PARLEY_SPARK_PORT": str(cluster.port),
        "PARLEY_THREADS": "4",
    }


@pytest.fixture(scope="session")
def engines(tmp_path_factory, request):
    """The demo's shop, from nothing and a day later, on both engines."""
    duckdb = Home(tmp_path_factory.mktemp("duckdb"))
    spark = Home(tmp_path_factory.mktemp("spark"), timeout=TIMEOUT_SECONDS)
    both = Engines(spark, duckdb)
    with ThreadPoolExecutor(1) as aside:
        reference = aside.submit(both.all_steps, "duckdb")  # while the cluster starts
        spark.settings.update(request.getfixturevalue("on_cluster"))
        reference.result()
    both.all_steps("spark")
    return both
