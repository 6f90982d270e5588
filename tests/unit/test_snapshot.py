"""A run's snapshot: whole, ordered, named once, hashed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from connectors.core import snapshot
from connectors.core.errors import FixConfig, StopRun
from connectors.core.settings import Settings

SEEDS = "create schema seeds;" + "".join(
    f"create table seeds.{name} as select 1 as id;" for name in snapshot.SEEDS
)
MARTS = """
create schema marts;
create table marts.orders as
    select 'o' || i as order_key, i * 100 as amount_minor
    from range(50) as t(i) order by hash(i + {shuffle});
create view marts.people as select 'p1' as person_id;
create table marts.audience_triggered as select * from (values
    ('k2', 'ada@example.com', 'p2', 2, timestamp '2011-12-06 11:05:00'),
    ('k1', 'bob@example.com', 'p1', 1, timestamp '2011-12-06 11:05:00')
) as t(message_key, address, person_id, step, planned_as_of);
create table marts.audience_mass as select * from marts.audience_triggered limit 0;
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "var")


def fill(settings: Settings, *, shuffle: int = 0, more: str = "") -> None:
    settings.home.mkdir(exist_ok=True)
    settings.warehouse_path.unlink(missing_ok=True)
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute(SEEDS + MARTS.format(shuffle=shuffle) + more)


def audience(folder: Path, query: str) -> Path:
    folder.mkdir(exist_ok=True)
    for table in ("audience_triggered", "audience_mass"):
        limit = "" if table == "audience_triggered" else "limit 0"
        target = folder / f"{table}.parquet"
        duckdb.execute(f"copy (from ({query}) {limit}) to '{target}' (format parquet)")
    return folder


def dead_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_a_snapshot_holds_every_mart_and_the_seeds_that_emission_needs(settings: Settings) -> None:
    fill(settings)
    published = snapshot.publish(snapshot.stage(settings, "r1"))
    assert published == settings.runs_dir / "r1"
    assert [path.name for path in settings.runs_dir.iterdir()] == ["r1"]
    marts = {"audience_mass": 0, "audience_triggered": 2, "orders": 50, "people": 1}
    assert snapshot.row_counts(published) == marts | dict.fromkeys(snapshot.SEEDS, 1)
    assert {"campaigns", "contact_policy", "programmes"} <= {*snapshot.SEEDS}


def test_equal_tables_give_equal_bytes_whatever_their_order(settings: Settings) -> None:
    files = []
    for number in (1, 2):
        fill(settings, shuffle=number)
        files.append((snapshot.stage(settings, f"r{number}") / "orders.parquet").read_bytes())
    assert files[0] == files[1]


def test_a_failure_leaves_only_the_temporary_folder_and_shows_no_value(settings: Settings) -> None:
    fill(settings, more="create view marts.zz as select 'canary@example.com'::integer as n;")
    with pytest.raises(StopRun, match=r"ConversionException \(marts\.zz\)") as caught:
        snapshot.stage(settings, "r1")
    assert "canary" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert {path.name for path in settings.runs_dir.iterdir()} == {".tmp-r1", ".tmp-r1.pid"}


def test_staging_removes_what_dead_runs_left_and_keeps_what_living_ones_write(
    settings: Settings,
) -> None:
    fill(settings)
    for name, owner in (("dead", str(dead_process())), ("alive", str(os.getpid())), ("odd", "")):
        (settings.runs_dir / f".tmp-{name}").mkdir(parents=True)
        (settings.runs_dir / f".tmp-{name}.pid").write_text(owner, encoding="utf-8")
    (settings.runs_dir / ".tmp-orphan.pid").write_text("0x", encoding="utf-8")
    snapshot.stage(settings, "r1")
    folders = {path.name for path in settings.runs_dir.iterdir() if path.is_dir()}
    assert folders == {".tmp-alive", ".tmp-r1"}
    assert not (settings.runs_dir / ".tmp-orphan.pid").exists()


def test_a_run_is_published_once(settings: Settings) -> None:
    fill(settings)
    published = snapshot.publish(snapshot.stage(settings, "r1"))
    before = (published / "orders.parquet").read_bytes()
    with pytest.raises(StopRun, match="published already"):
        snapshot.publish(snapshot.stage(settings, "r1"))
    with pytest.raises(StopRun, match="no staged snapshot"):
        snapshot.publish(published)
    assert (published / "orders.parquet").read_bytes() == before


def test_a_warehouse_without_marts_or_seeds_is_not_snapshotted(settings: Settings) -> None:
    with pytest.raises(FixConfig, match="parley run daily"):
        snapshot.stage(settings, "r1")
    settings.home.mkdir(exist_ok=True)
    for built, lacking in (("", "its marts"), (MARTS.format(shuffle=0), "seeds.campaigns")):
        with duckdb.connect(str(settings.warehouse_path)) as connection:
            connection.execute(built or SEEDS)
            if built:
                connection.execute("drop schema seeds cascade")
        with pytest.raises(StopRun, match=f"lacks {lacking}"):
            snapshot.stage(settings, "r1")


def test_a_snapshot_is_of_the_schemas_with_the_prefix(settings: Settings) -> None:
    fill(settings)
    ours = settings.model_copy(update={"schema_prefix": "eu"})
    with pytest.raises(StopRun, match="lacks"):
        snapshot.stage(ours, "r1")
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        own = SEEDS.replace("seeds", "eu_seeds") + "create schema eu_marts;"
        connection.execute(own + "create table eu_marts.messages as select 1 as id")
    staged = snapshot.stage(ours, "r1")
    assert snapshot.row_counts(staged).keys() == {"messages", *snapshot.SEEDS}
    assert snapshot.write_table(ours, "messages", settings.home / "x").name == "messages.parquet"


def test_the_audience_hash_ignores_order_encoding_types_and_run_id(tmp_path: Path) -> None:
    plain = "select 'k' || i as message_key, i as step, 'é' as content from range(20000) as t(i)"
    same = f"""
        select 'é' as content, 'r9' as run_id, cast(step as bigint) as step, message_key
        from ({plain}) order by hash(message_key)"""
    other = plain.replace("i as step", "case when i = 7 then 0 else i end as step")
    first = snapshot.audience_sha256(audience(tmp_path / "a", plain))
    assert snapshot.audience_sha256(audience(tmp_path / "b", same)) == first
    assert snapshot.audience_sha256(audience(tmp_path / "c", other)) != first
    assert snapshot.first_difference(tmp_path / "a", tmp_path / "b") is None


@pytest.mark.parametrize(
    ("other", "key", "what"),
    [
        ("('k1', 1), ('k2', 9), ('k3', 9)", "k2", "differs in step"),
        ("('k2', 2), ('k3', 3)", "k1", "only in the first"),
        ("('k1', 1), ('k15', 1), ('k2', 2), ('k3', 3)", "k15", "only in the second"),
        ("('k1', 1), ('k2', 2)", "k3", "only in the first"),
        ("('k1', 1), ('k2', 2), ('k3', 3), ('k4', 4)", "k4", "only in the second"),
    ],
)
def test_the_first_difference_is_named(tmp_path: Path, other: str, key: str, what: str) -> None:
    query = "select * from (values {}) as t(message_key, step)"
    a = audience(tmp_path / "a", query.format("('k1', 1), ('k2', 2), ('k3', 3)"))
    b = audience(tmp_path / "b", query.format(other))
    difference = snapshot.first_difference(a, b)
    assert difference == snapshot.Difference("audience_triggered", key, what)


def test_a_snapshot_without_an_audience_has_no_hash(tmp_path: Path) -> None:
    with pytest.raises(StopRun, match="lacks an audience"):
        snapshot.audience_sha256(tmp_path)


def test_what_failed_its_gates_is_kept_until_the_next_that_fails(settings: Settings) -> None:
    fill(settings)
    for run in ("r1", "r2"):
        kept = snapshot.set_aside(snapshot.stage(settings, run))
        assert kept == settings.runs_dir / f".failed-{run}"
        assert snapshot.is_whole(kept)
    assert [path.name for path in settings.runs_dir.iterdir()] == [".failed-r2"]
    assert snapshot.remove_leftovers(settings.runs_dir) == []
    assert snapshot.thin(settings.runs_dir, keep=1) == 0
    assert snapshot.is_whole(kept)


def test_old_runs_keep_their_audiences_and_nothing_else(settings: Settings) -> None:
    fill(settings)
    runs = [f"r{number}" for number in range(4)]
    for number, run in enumerate(runs):
        folder = snapshot.publish(snapshot.stage(settings, run))
        os.utime(folder / snapshot.WITNESS, (number, number))
    snapshot.thin(settings.runs_dir, keep=2)
    assert snapshot.thin(settings.runs_dir, keep=2) == 0
    whole = [run for run in runs if snapshot.is_whole(settings.runs_dir / run)]
    assert whole == ["r2", "r3"]
    for run in runs:
        left = {path.stem for path in (settings.runs_dir / run).glob("*.parquet")}
        assert set(snapshot.AUDIENCES) <= left
        assert (left == set(snapshot.AUDIENCES)) is (run not in whole)
