"""The quality gates: what passes, what fails and in which words, and that no value comes out."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

import duckdb
import fsspec
import pytest

from connectors.core import registry
from connectors.core.spec import Batch
from expectations import GateResult, check_audiences, check_batches, check_marts, docs_index
from expectations.landing import LAKE_COLUMNS
from expectations.marts import KEYS, RULES
from expectations.rules import Check, Rule

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "canary@example.com"
LANDED = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
LAKE = """
select 'a' || i as record_key, timestamp '2011-12-05' as record_at, 'upsert' as op,
    '{{"email": "canary@example.com"}}' as payload, '{batch_id}' as batch_id, i as seq,
    timestamp '2011-12-06 11:05:00' as landed_at
from range(3) as t(i)
"""
AUDIENCE = """
select * from (values
    ('{kind}1', 'ada@example.com', 'n1', '{kind}p1', 'email', 'marketing', '{kind}', 'send'),
    ('{kind}2', 'bob@example.com', 'n2', '{kind}p2', 'email', 'service', '{kind}', 'send'),
    ('{kind}3', 'cat@example.com', 'n1', '{kind}p1', 'email', 'marketing', '{kind}', 'hold')
) as t(message_key, address, address_node, person_id, channel, purpose, kind, verdict)
"""
PERMISSIONS = "select 'n1' as address_node, 'email' as channel, 'marketing' as purpose, {} as state"


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        pytest.fail("a gate called somebody")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def write(path: Path, query: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    duckdb.execute(f"copy ({query}) to '{path}' (format parquet)")
    return path


def land(lake: Path, name: str, query: str = LAKE, rows: int = 3) -> Batch:
    batch_id = f"20111206T110500Z-{name}"
    path = f"segment/web/events/landed_on=2011-12-06/{batch_id}.parquet"
    size = write(lake / path, query.format(batch_id=batch_id)).stat().st_size
    return Batch(
        batch_id, "segment", "web", "events", path, rows, size, "", None, None, landed_at=LANDED
    )


def marts(folder: Path, **other: str) -> Path:
    """A valid row for each mart, but for the tables in `other`."""
    for table, key in KEYS.items():
        columns = dict.fromkeys(key, "'x'")
        for rule in RULES.get(table, ()):
            allowed = rule.args.get("value_set")
            columns[rule.columns[0]] = f"'{allowed[0]}'" if isinstance(allowed, list) else "1"
        row = ", ".join(f"{value} as {name}" for name, value in columns.items())
        write(folder / f"{table}.parquet", other.get(table, f"select {row}"))
    return folder


def audiences(folder: Path, **other: str) -> Path:
    for kind in ("triggered", "mass"):
        table = f"audience_{kind}"
        write(folder / f"{table}.parquet", other.get(table, AUDIENCE.format(kind=kind)))
    granted = PERMISSIONS.format("'granted'")
    write(folder / "permission_now.parquet", other.get("permission_now", granted))
    return folder


def hits(folder: Path) -> list[Path]:
    """Files that hold a canary's bytes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [path for path in files if b"canary" in path.read_bytes()]


def test_batches_that_are_what_the_manifest_says_pass(tmp_path: Path) -> None:
    batches = [land(tmp_path, "a"), land(tmp_path, "b")]
    results = check_batches(batches, tmp_path)
    assert list(results) == [batch.batch_id for batch in batches]
    assert all(
        result == GateResult(passed=True, suite="landing", failed=[], evaluated=12)
        for result in results.values()
    )
    assert check_batches([], tmp_path) == {}


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("'a' || i as", "nullif('a' || i, 'a1') as", ".record_key: 1 values are missing"),
        ("'upsert'", "'merge'", ".op: 3 values are none of delete, upsert"),
        ("i as seq", "i // 2 as seq", ".seq: 2 values are not unique"),
        ("'{batch_id}'", "'other'", ".batch_id: 3 values are none of {id}"),
        ("range(3)", "range(4)", ": 4 rows, but the manifest says 3"),
        ("as landed_at", "as landed", ": the columns are not exactly batch_id, landed_at, op,"),
    ],
)
def test_a_batch_that_is_not_fails_alone_and_in_words(
    tmp_path: Path, old: str, new: str, fault: str
) -> None:
    bad, good = land(tmp_path, "bad", LAKE.replace(old, new)), land(tmp_path, "good")
    results = check_batches([bad, good], f"file://{tmp_path}")
    assert results[good.batch_id].passed
    assert not results[bad.batch_id].passed
    (line,) = results[bad.batch_id].failed
    assert line.startswith(bad.batch_id + fault.format(id=bad.batch_id))


def test_a_failing_batch_brings_back_counts_and_no_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = (
        LAKE.replace("'a' || i", "null")
        .replace("'upsert'", "'merge'")
        .replace("i as seq", "7 as seq")
    )
    batch = land(tmp_path, "bad", bad.replace("range(3)", "range(5000)"))
    engine = import_module("expectations.engine")
    strategy, fetched = engine.FullyBufferedCursorFetchStrategy, []

    def record(cursor: Any, initial_buffer: list[Any]) -> Any:
        fetched.append(len(initial_buffer))
        return strategy(cursor, initial_buffer=initial_buffer)

    monkeypatch.setattr(engine, "FullyBufferedCursorFetchStrategy", record)
    failed = check_batches([batch], tmp_path)[batch.batch_id].failed
    assert f"{batch.batch_id}.seq: 5000 values are not unique" in failed
    assert len(failed) == 5
    # The longest answer is the list of the columns.
    assert max(fetched) <= len(LAKE_COLUMNS)


def test_a_missing_payload_and_a_missing_or_damaged_file_fail(tmp_path: Path) -> None:
    some = LAKE.replace("'{{", "case when i > 0 then '{{").replace("}}'", "}}' end")
    empty = land(tmp_path, "empty", some)
    gone, torn = land(tmp_path, "gone"), land(tmp_path, "torn")
    (tmp_path / gone.path).unlink()
    (tmp_path / torn.path).write_bytes(b"PAR1 canary@example.com")
    results = check_batches([empty, gone, torn], tmp_path)
    assert [result.failed for result in results.values()] == [
        [f"{empty.batch_id}.payload: 1 values are missing"],
        [f"{gone.batch_id}: the file {gone.batch_id}.parquet is missing"],
        [f"{torn.batch_id}: it cannot be read (InvalidInputException)"],
    ]


def test_the_lake_may_be_any_filesystem(tmp_path: Path) -> None:
    batch = land(tmp_path, "a")
    files = fsspec.filesystem("memory")
    files.pipe(f"/lake/{batch.path}", (tmp_path / batch.path).read_bytes())
    assert check_batches([batch], "memory://lake")[batch.batch_id].passed


def test_marts_that_keep_their_contracts_pass_and_so_does_an_empty_shop(tmp_path: Path) -> None:
    assert check_marts(marts(tmp_path / ".tmp-r1")).failed == []
    for path in (tmp_path / ".tmp-r1").iterdir():
        write(path, f"from '{path}' limit 0")
    result = check_marts(tmp_path / ".tmp-r1")
    assert (result.passed, result.suite) == (True, "marts")
    assert result.evaluated > len(KEYS) * 2


def test_marts_that_break_their_contracts_fail_in_words(tmp_path: Path) -> None:
    staged = marts(
        tmp_path / ".tmp-r1",
        orders="select * from (values ('o1', 'web'), ('o1', 'fax')) as t(order_key, channel)",
        permission_now="select 'n' as address_node, 'email' as channel, 'marketing' as purpose,"
        " 'granted' as state from range(3)",
        intent_scores="select 'p' as person_id, 'buy' as goal, 1.2 as probability",
        people="select 'p' as id",
        decisions="select 'y' as candidate_key, 'send' as verdict",
    )
    (staged / "carts.parquet").unlink()
    assert check_marts(staged).failed == [
        "people.person_id: there is no column person_id",
        "people.person_id: there is no column person_id",
        "orders.order_key: 2 values are not unique",
        "orders.channel: 1 values are none of call, shop, web",
        "carts: the file carts.parquet is missing",
        "permission_now.address_node, channel, purpose: 3 rows are not unique",
        "intent_scores.probability: 1 values are not between 0 and 1",
        "candidates_without_decision: 2 keys are in only one of candidates and decisions",
    ]


def test_audiences_with_permission_and_one_message_a_person_pass(tmp_path: Path) -> None:
    result = check_audiences(audiences(tmp_path / ".tmp-r1"))
    assert result == GateResult(passed=True, suite="audiences", failed=[], evaluated=29)


def test_an_invitation_to_a_meeting_needs_the_permission_to_email(tmp_path: Path) -> None:
    invited = AUDIENCE.format(kind="mass").replace("'email'", "'meeting'")
    folder = audiences(tmp_path / ".tmp-r1", audience_mass=invited)
    assert check_audiences(folder).passed


@pytest.mark.parametrize(
    ("table", "query", "faults"),
    [
        (
            "permission_now",
            PERMISSIONS.format("'withdrawn'"),
            ["marketing_without_permission: 2 marketing messages would go out without a"],
        ),
        (
            "audience_mass",
            AUDIENCE.format(kind="mass").replace("massp1", "triggeredp1"),
            ["people_with_two_marketing_messages: 1 people would get two"],
        ),
        (
            "audience_mass",
            AUDIENCE.format(kind="mass").replace("mass2", "triggered2"),
            ["messages_in_both_audiences: 1 messages are in both audiences"],
        ),
        (
            "audience_mass",
            AUDIENCE.format(kind="mass").replace("'bob@example.com'", "' '"),
            ["audience_mass.address: 1 values are missing"],
        ),
        (
            "audience_triggered",
            AUDIENCE.format(kind="mass").replace("massp", "p").replace("('mass", "('m"),
            ["audience_triggered.kind: 3 values are none of triggered"],
        ),
        (
            "audience_triggered",
            "select 'k' as message_key",
            [
                "audience_triggered: it lacks a column",
                "marketing_without_permission: it lacks a column",
                "people_with_two_marketing_messages: it lacks a column",
            ],
        ),
    ],
)
def test_audiences_that_must_not_go_out_are_stopped(
    tmp_path: Path, table: str, query: str, faults: list[str]
) -> None:
    result = check_audiences(audiences(tmp_path / ".tmp-r1", **{table: query}))
    assert not result.passed
    assert len(result.failed) == len(faults)
    for line, fault in zip(result.failed, faults, strict=True):
        assert line.startswith(fault)


def test_no_personal_data_reaches_results_pages_or_logs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    docs = tmp_path / "docs"
    canary = f"select '{CANARY}' as"
    staged = marts(
        tmp_path / ".tmp-r1",
        people=f"{canary} person_id from range(2)",
        orders=f"{canary} order_key, '{CANARY}' as channel from range(2)",
        intent_scores=f"{canary} person_id, 'g' as goal, '{CANARY}' as probability",
    )
    mass = AUDIENCE.format(kind="mass").replace("'mass", f"'{CANARY}mass")
    audiences(staged, audience_mass=mass, permission_now=PERMISSIONS.format("'none'"))
    bad = LAKE.replace("'a' || i", f"'{CANARY}'").replace("'upsert'", f"'{CANARY}'")
    batch = land(tmp_path, "bad", bad)
    results = [
        check_marts(staged, docs),
        check_audiences(staged, docs),
        *check_batches([batch], tmp_path, docs).values(),
    ]
    assert all(result.failed for result in results)
    fault = "intent_scores.probability: the check could not be evaluated, look at the column's type"
    assert fault in results[0].failed
    assert hits(docs) == []
    output = capfd.readouterr()
    assert "canary" not in f"{results}{caplog.text}{output.out}{output.err}"


def test_an_engine_error_that_quotes_a_value_is_withheld(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    file = write(tmp_path / "t.parquet", f"select '{CANARY}' as n")
    query = {"unexpected_rows_query": "select 1 from {batch} where cast(n as integer) = 1"}
    rule = Rule("UnexpectedRowsExpectation", query, ("n",), "{n} rows are odd")
    site = tmp_path / "site"
    site.mkdir()
    run = import_module("expectations.engine").run
    verdicts = run(
        "odd", [Check("t", (rule,), (str(file),))], label="r1", root=str(tmp_path), site=site
    )
    assert verdicts["t"].failed == [
        "t.n: the check could not be evaluated, look at the column's type"
    ]
    assert hits(site) == []
    assert "canary" not in caplog.text


def test_the_pages_keep_the_latest_run_and_the_last_failure_of_each_gate(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    check_marts(marts(tmp_path / ".tmp-r1", people="select null as person_id"), docs)
    result = check_marts(marts(tmp_path / ".tmp-r2"), docs)
    assert result.docs == docs_index(docs) == docs / "index.html"
    assert {path.name for path in docs.iterdir()} == {"index.html", "marts", "marts_last_failure"}
    page = docs_index(docs).read_text("utf-8")
    assert "people.person_id: 1 values are missing" in page
    latest, failure = (page.index(f'href="{name}/') for name in ("marts", "marts_last_failure"))
    assert latest < failure
    assert "r2" in page
    assert (docs / "marts" / "index.html").is_file()


def test_great_expectations_is_imported_only_when_a_gate_runs() -> None:
    code = "import expectations, sys; print('great_expectations' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


def test_a_vendors_suite_withholds_a_batch_that_is_odd_as_a_whole(tmp_path: Path) -> None:
    alike = LAKE.replace("'a' || i as", "'a' as").replace("range(3)", "range(500)")
    batch = land(tmp_path, "alike", alike, rows=500)
    failed = check_batches([batch], tmp_path)[batch.batch_id].failed
    assert failed == [
        f"{batch.batch_id}.record_key: the values are too much alike: not even 1% differ"
    ]


def test_every_source_has_a_suite_of_its_own_streams() -> None:
    for vendor in registry.known_sources():
        if vendor in {"parley", "history"}:  # made by Parley itself
            continue
        rules = import_module(f"expectations.sources.{vendor}").RULES
        assert rules
        assert set(rules) <= {stream.name for stream in registry.source(vendor).streams}
