"""The warehouse: taking turns, safe settings, and the same file of a table on either engine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import jinja2
import pytest
import yaml

from connectors.core import warehouse
from connectors.core.errors import FixConfig, RetryLater
from connectors.core.settings import Settings
from connectors.core.warehouse import on_duckdb, on_spark
from flows.versions import DBT_PROJECT

# Every column type that a mart may have; moments as a plain clock, which is UTC.
TABLE = """
select 'k' || i as key, i as small, cast(i as bigint) as big, i % 2 = 0 as is_even,
    date '2011-12-06' as day, cast(i as decimal(28, 6)) as value,
    timestamp '2011-12-06 11:05:00.123456' as seen_at, timestamp '0001-01-01 00:00:00' as first_at,
    case when i % 7 = 0 then 'é' end as note
from range(3000) as t(i)
"""
ZONED = " replace (seen_at at time zone 'UTC' as seen_at, first_at at time zone 'UTC' as first_at)"


class Cluster:
    """Stands in for a session: writes parts as Spark does, in any order, times with a zone."""

    def __init__(self, parts: int = 3) -> None:
        self.parts = parts

    def rows(self, sql: str, where: str) -> list[tuple[Any, ...]]:
        assert where == "eu_marts.orders"
        if sql == "select count(*) from eu_marts.orders":
            return [(3000,)]
        folder = Path(sql.removeprefix("insert overwrite directory 'file://").partition("'")[0])
        assert sql.endswith(" using parquet select * from eu_marts.orders")
        folder.mkdir()
        (folder / "_SUCCESS").touch()
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'Asia/Tokyo'")
            for part in range(self.parts):
                connection.execute(
                    f"copy (select *{ZONED} from ({TABLE}) where hash(key) % 3 = {part}"
                    f" order by hash(small)) to '{folder}/part-{part}.parquet' (format parquet)"
                )
        return []


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "a=home", schema_prefix="eu")


def fill(settings: Settings) -> None:
    settings.home.mkdir(exist_ok=True)
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute(f"create schema eu_marts; create table eu_marts.orders as {TABLE}")


def written_by_cluster(settings: Settings, cluster: Cluster) -> Path:
    folder = settings.home / "other"
    folder.mkdir(parents=True)
    session: Any = cluster
    return on_spark.SparkWarehouse(session, settings, folder).write("marts", "orders")


def test_a_table_has_the_same_bytes_on_either_engine(settings: Settings) -> None:
    fill(settings)
    with warehouse.opened(settings, settings.home) as opened:
        ours = opened.write("marts", "orders")
    theirs = written_by_cluster(settings, Cluster())
    assert ours.read_bytes() == theirs.read_bytes()
    assert [path.name for path in theirs.parent.iterdir()] == ["orders.parquet"]


@pytest.mark.parametrize(("parts", "seen"), [(0, "sees 0"), (2, r"sees \d{4}")])
def test_a_table_that_is_not_all_there_is_not_taken(
    settings: Settings, parts: int, seen: str
) -> None:
    with pytest.raises(FixConfig, match=rf"3000 rows and this machine {seen} .*PARLEY_HOME"):
        written_by_cluster(settings, Cluster(parts))
    assert list((settings.home / "other").iterdir()) == []


def test_a_prefix_separates_the_warehouses_of_one_metastore(settings: Settings) -> None:
    fill(settings)
    with warehouse.opened(settings, settings.home) as opened:
        assert opened.tables("marts") == ["orders"]
        assert opened.tables("seeds") == []
    assert warehouse.label(settings) == "duckdb eu"
    other = settings.model_copy(update={"schema_prefix": "", "warehouse": "spark"})
    assert other.schema_of("marts") == "marts"
    assert warehouse.label(other) == "spark"


@pytest.mark.parametrize("prefix", ["", "eu"])
def test_the_models_schemas_are_named_as_they_are_read(settings: Settings, prefix: str) -> None:
    ours = settings.model_copy(update={"schema_prefix": prefix})
    context = {
        "env_var": lambda name, default: warehouse.dbt_environment(ours).get(name, default),
        "target": SimpleNamespace(schema="main"),
    }
    source = (DBT_PROJECT / "macros" / "generate_schema_name.sql").read_text()
    macros: Any = jinja2.Template(source).make_module(context)
    assert macros.generate_schema_name(" marts ", None).strip() == ours.schema_of("marts")
    assert macros.generate_schema_name(None, None).strip() == ours.schema_of("main")


def test_a_dropped_warehouse_is_gone(settings: Settings) -> None:
    assert not warehouse.exists(settings)
    fill(settings)
    assert warehouse.exists(settings)
    for _ in range(2):
        warehouse.drop(settings)
        assert not warehouse.exists(settings)
    layers = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text())
    configured = [*layers["models"]["parley"].values(), *layers["seeds"].values()]
    schemas = {layer["+schema"] for layer in configured if "+schema" in layer}
    assert schemas == set(on_spark.LAYERS)


def test_reading_before_the_first_run_says_what_to_run(settings: Settings) -> None:
    with (
        pytest.raises(FixConfig, match="parley run daily"),
        warehouse.opened(settings, settings.home),
    ):
        pass


def test_sql_touches_no_other_files_and_runs_in_utc(settings: Settings) -> None:
    fill(settings)
    outside = settings.home / "secret.csv"
    outside.write_text("a\n1\n", encoding="utf-8")
    # A second connection shares the first one's settings and must not fail on that.
    with on_duckdb.connect(settings) as connection, on_duckdb.connect(settings) as second:
        assert second.execute("select current_setting('TimeZone')").fetchone() == ("UTC",)
        with pytest.raises(duckdb.PermissionException):
            connection.read_csv(str(outside))
    with warehouse.scratch([settings.home / "runs"]) as connection:
        assert connection.execute("select current_setting('TimeZone')").fetchone() == ("UTC",)
        with pytest.raises(warehouse.EngineError, match="disabled by configuration"):
            connection.read_csv(str(outside))


def test_a_warehouse_that_another_process_writes_is_retried_later(settings: Settings) -> None:
    fill(settings)
    code = f"""
import duckdb
connection = duckdb.connect({str(settings.warehouse_path)!r})
print("open", flush=True)
input()
"""
    with holder(code) as process:
        with (
            pytest.raises(RetryLater, match="Wait for its run to finish"),
            warehouse.opened(settings, settings.home),
        ):
            pass
        process.kill()


def test_one_process_writes_at_a_time_and_a_dead_one_lets_go(settings: Settings) -> None:
    code = f"""
from connectors.core.settings import Settings
from connectors.core.warehouse import writer_slot
with writer_slot(Settings(home={str(settings.home)!r}), 0):
    print("open", flush=True)
    input()
"""
    with holder(code) as process:
        with (
            pytest.raises(RetryLater, match=rf"by process {process.pid} since \d{{4}}-"),
            warehouse.writer_slot(settings, 0.3),
        ):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        with warehouse.writer_slot(settings, 0):
            assert str(os.getpid()) in (settings.home / "warehouse.lock").read_text("utf-8")
    assert (settings.home / "warehouse.lock").read_text("utf-8") == ""
    with warehouse.writer_slot(settings, 0):
        pass


def holder(code: str) -> subprocess.Popen[str]:
    """A second process that has opened what `code` says."""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process
