"""The volume that the benchmark lands: the demo's shape, the same on every machine."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from dbt.adapters.duckdb.environments import local

from connectors.core.batch import SCHEMA
from connectors.core.identifiers import IdentifierCollector
from connectors.core.lake import Lake
from connectors.core.settings import Settings
from connectors.ledger.db import open_ledger
from connectors.ledger.manifest import LedgerManifest
from connectors.sources import database, segment
from tests.bench import build, floor, increment, volume

EVENTS, DAYS = 12_000, 6


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("volume")
    volume.make(folder, EVENTS, DAYS)
    return folder


def lake(home: Path, stream: str, query: str) -> list[tuple]:
    files = str(home / "lake" / "*" / "*" / stream / "*" / "*.parquet")
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"create view r as select * from read_parquet('{files}')")
        return connection.execute(query).fetchall()


def one(home: Path, stream: str, query: str):
    [(value,)] = lake(home, stream, query)
    return value


def batches(home: Path):
    settings = Settings(home=home)
    manifest = LedgerManifest(open_ledger(settings.ledger_url.get_secret_value()))
    return manifest.visible(volume.landed_at(volume.LAST_DAY))


def test_the_number_of_events_asked_for_is_landed_within_two_percent(home):
    assert one(home, "events", "select count(*) from r") == pytest.approx(EVENTS, rel=0.02)


def test_a_run_sees_every_batch_and_each_is_whole(home):
    found = batches(home)
    on_disk = set((home / "lake").rglob("*.parquet"))
    assert {home / "lake" / batch.path for batch in found} == on_disk
    intact = Lake(Settings(home=home).lake_root)
    assert all(intact.is_intact(batch) for batch in found)
    with duckdb.connect() as connection:
        rows = connection.execute(f"from read_parquet('{home}/lake/**/*.parquet')")
        assert [column[0] for column in rows.description] == [*SCHEMA.names, "landed_on"]


def test_each_day_lands_what_arrived_on_it_at_five_past_midnight(home):
    wrong = "record_at::date <> landed_at::date - 1 or landed_at::time <> time '00:05:00'"
    assert one(home, "events", f"select count(*) from r where {wrong}") == 0
    assert one(home, "events", "select count(distinct landed_at) from r") == DAYS
    per_stream = {}
    for batch in batches(home):
        if batch.vendor != "parley":
            per_stream.setdefault((batch.stream, batch.landed_at), []).append(batch)
    assert all(len(found) == 1 for found in per_stream.values())


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path):
    digests = []
    for number, seed in enumerate((7, 7, 8)):
        volume.make(tmp_path / str(number), 1_000, 2, seed)
        digests.append([batch.sha256 for batch in batches(tmp_path / str(number))])
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


def test_a_day_is_the_same_however_many_are_invented_at_once(tmp_path, monkeypatch):
    volume.make(tmp_path / "together", 3_000, 3)
    monkeypatch.setattr(volume, "EVENTS_AT_ONCE", 1_000)
    volume.make(tmp_path / "one_by_one", 3_000, 3)
    together, one_by_one = (
        [batch.sha256 for batch in batches(tmp_path / name)] for name in ("together", "one_by_one")
    )
    assert together == one_by_one


def test_payloads_are_json_of_a_tracker_s_size(home):
    assert one(home, "events", "select count(*) from r where not json_valid(payload)") == 0
    assert 600 < one(home, "events", "select avg(strlen(payload)) from r") < 900
    for stream in ("orders", "order_lines", "customers", "products", "consents", "identifiers"):
        assert one(home, stream, "select count(*) from r where not json_valid(payload)") == 0


def test_what_makes_web_data_hard_is_in_it(home):
    share = "select count(*) filter (where {}) * 1.0 / count(*) from r"
    again = "select 1 - count(distinct record_key) * 1.0 / count(*) from r"
    assert 0.005 < one(home, "events", again) < 0.015
    late = "record_at - (payload ->> 'timestamp')::timestamptz::timestamp > interval '1 minute'"
    assert 0.003 < one(home, "events", share.format(late)) < 0.03
    longest = "select max(record_at - (payload ->> 'timestamp')::timestamptz::timestamp) from r"
    assert 1 < one(home, "events", longest).total_seconds() / 86_400 < 3.2
    assert 0.02 < one(home, "events", share.format("payload like '%ExampleBot%'")) < 0.15
    assert 0.02 < one(home, "events", share.format("payload ->> 'type' = 'identify'")) < 0.1


def test_people_come_back_on_other_devices(home):
    devices = "select payload ->> 'userId' u, count(distinct payload ->> 'anonymousId') d from r"
    many = one(
        home, "events", f"select count(*) filter (where d > 1) from ({devices} group by 1)"
    )  # fmt: skip
    assert many > 20


def test_every_web_order_is_in_the_shop_with_its_lines(home):
    told = {
        key for (key,) in lake(
            home, "events",
            "select distinct payload ->> '$.properties.order_id' from r"
            " where payload ->> 'event' = 'Order Completed'",
        )
    }  # fmt: skip
    sold = {key for (key,) in lake(home, "orders", "select distinct record_key from r")}
    lined = {
        key for (key,) in lake(home, "order_lines", "select distinct payload ->> 'order_id' from r")
    }
    assert len(told) > 50
    assert told <= sold
    assert sold <= lined


@pytest.mark.parametrize(
    ("stream", "spec"),
    [("events", segment.SPEC)]
    + [(name, database.SPEC) for name in ("customers", "orders", "consents")],
)
def test_the_identifiers_are_those_that_landing_finds(home, stream, spec):
    settings = Settings(home=home)
    key = settings.hash_key.get_secret_value()
    collector = IdentifierCollector(spec.stream(stream), key, settings.default_country)
    payloads = [payload for (payload,) in lake(home, stream, "select payload from r")]
    expected = {(record.key, record.payload) for record in collector.collect(payloads)}
    landed = set(lake(home, "identifiers", "select record_key, payload from r"))
    assert expected
    assert expected <= landed


def test_nothing_is_called_an_identifier_that_no_payload_holds(home):
    raws = {raw for (raw,) in lake(home, "identifiers", "select distinct payload ->> 'raw' from r")}
    text = "\n".join(
        payload
        for stream in ("events", "customers", "orders", "consents")
        for (payload,) in lake(home, stream, "select payload from r")
    )
    assert [raw for raw in raws if f'"{raw}"' not in text] == []


def test_the_floor_gives_what_it_was_frozen_with(tmp_path):
    build.check_frozen(tmp_path)


def test_a_floor_that_gives_something_else_is_refused(tmp_path, monkeypatch):
    script = floor.SCRIPT.read_text().replace("interval '30 minutes'", "interval '31 minutes'")
    monkeypatch.setattr(floor, "SCRIPT", tmp_path / "floor.sql")
    floor.SCRIPT.write_text(script)
    with pytest.raises(RuntimeError, match=r"not what was frozen: .*web_events.*sessions"):
        build.check_frozen(tmp_path / "small")


def test_a_row_that_differs_between_parley_and_the_floor_is_found(tmp_path):
    for file, schema in (("warehouse.duckdb", "marts"), ("floor.duckdb", "main")):
        with duckdb.connect(str(tmp_path / file)) as connection:
            connection.execute(f"create schema if not exists {schema}")
            for table in floor.OUTPUTS:
                connection.execute(f"create table {schema}.{table} as select 1 as a, 'x' as b")
    build.check_equal(tmp_path)
    with duckdb.connect(str(tmp_path / "floor.duckdb")) as connection:
        connection.execute("update carts set b = 'y'")
        connection.execute("alter table sessions alter a type bigint")
    with pytest.raises(RuntimeError, match=r"rows differ: sessions, carts$"):
        build.check_equal(tmp_path)


def test_rows_and_seconds_are_counted_by_the_model_that_the_statement_names():
    with increment.counted() as (scanned, worked):
        cursor = local.DuckDBCursorWrapper(duckdb.connect().cursor())
        cursor.execute("create table t as select i from range(5000) as r (i)")
        cursor.execute("select count(*) from t").fetchall()
        cursor.execute('/* {"node_id": "model.parley.a"} */ create table u as select i from t')
        cursor.execute('/* {"node_id": "model.parley.b"} */ select max(i) from t').fetchall()
        cursor.execute('/* {"node_id": "model.parley.b"} */ select min(i) from t').fetchall()
        cursor.close()
    assert scanned == {"a": 5000, "b": 10_000}
    assert set(worked) == {"a", "b"}
    assert min(worked.values()) > 0
