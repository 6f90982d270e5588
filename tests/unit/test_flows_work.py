"""What the verbs of a run promise: nothing altered gets in, nothing older is put back."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from connectors.core import snapshot
from connectors.core.errors import FixConfig, ParleyError, StopRun
from connectors.core.lake import Lake
from connectors.core.settings import Settings, get_settings
from connectors.ledger import runs
from connectors.ledger.emission.outbox import EmitResult
from connectors.ledger.manifest import LedgerManifest
from expectations.gate import GateResult
from flows import work
from flows.replay import _published_hash, replay
from flows.run import Run, begin


def shop(folder: Path) -> str:
    with sqlite3.connect(folder / "shop.db") as connection:
        connection.execute("create table customers (customer_id text, email text, updated_at text)")
        row = ("c1", "ada@example.com", "2024-03-04T10:00:00Z")
        connection.execute("insert into customers values (?, ?, ?)", row)
    connection.close()
    return f"sqlite:///{folder}/shop.db"


@pytest.fixture
def run(own_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    assert own_settings.is_demo
    monkeypatch.setenv("PARLEY_SOURCES__SHOP__VENDOR", "database")
    monkeypatch.setenv("PARLEY_SOURCES__SHOP__URL", shop(tmp_path))
    get_settings.cache_clear()
    return begin("daily", "2024-03-04T12:00:00Z")


def test_a_batch_altered_since_it_landed_is_withheld_though_it_looks_right(run: Run) -> None:
    work.land_stream(run, "shop", "customers")
    [batch] = [b for b in LedgerManifest(run.ledger).unchecked() if b.source_id == "shop"]
    path = Path(Lake(run.settings.lake_root).url(batch.path))
    table = pq.read_table(path)
    altered = pc.replace_substring(table["payload"], "example", "elsewhere")
    column = table.schema.get_field_index("payload")
    pq.write_table(table.set_column(column, "payload", altered), path)
    wrong = work.gate_landing(run)
    assert wrong[batch.batch_id] == ["its bytes are not those that were landed"]
    assert batch.batch_id not in {seen.batch_id for seen in work.take_in(run)}
    work.release(run.settings, batch.batch_id)
    assert batch.batch_id in {seen.batch_id for seen in work.take_in(run)}


def test_a_run_that_a_later_one_overtook_leaves_the_later_bi_copy(run: Run) -> None:
    run.snapshot_dir.mkdir(parents=True)
    started = runs.get(run.ledger, run.run_id).started_at
    versions, minute = runs.Versions(), timedelta(minutes=1)
    later = runs.start(run.ledger, "triggered", run.as_of, versions, clock=lambda: started + minute)
    runs.finish(run.ledger, later, "completed")
    assert work.publish_bi(run, run.snapshot_dir / "messages.parquet") == {}
    assert not run.settings.bi_path.exists()


def test_what_a_run_that_may_not_publish_brought_is_removed_too(run: Run) -> None:
    messages = run.snapshot_dir.with_name("x.outcome") / "messages.parquet"
    messages.parent.mkdir(parents=True)
    with pytest.raises(ParleyError):
        work.publish_bi(run, messages)
    assert not messages.parent.exists()


def test_a_destination_of_a_dead_run_is_asked_also_when_nothing_is_planned(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what it accepted would stay unknown."""
    asked: list[str] = []

    def emit(*given: Any, **_: Any) -> EmitResult:
        asked.extend(given[4])
        return EmitResult()

    monkeypatch.setattr(work, "emit", emit)
    monkeypatch.setattr(work.plan, "destinations", lambda _: [])
    work.emit_slice(run, "mass")
    assert asked == []
    monkeypatch.setattr(work.reports, "open_destinations", lambda _: ["file", "removed"])
    work.emit_slice(run, "mass")
    assert asked == ["file"]


def test_a_plan_that_fails_its_gates_is_kept_where_the_error_says(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = run.settings.runs_dir / f"{snapshot.TEMPORARY}{run.run_id}"
    staged.mkdir(parents=True)
    for suite, failed in (("marts", ["a key is null"]), ("audiences", [])):
        said = GateResult(passed=not failed, suite=suite, failed=failed, evaluated=1)
        monkeypatch.setattr(work, f"check_{suite}", lambda *_, said=said: said)
    with pytest.raises(StopRun, match="the marts: a key is null") as raised:
        work.gate_snapshot(run, staged)
    kept = run.settings.runs_dir / f".failed-{run.run_id}"
    assert raised.value.where == str(kept)
    assert kept.is_dir()
    assert not staged.exists()


def test_a_batch_whose_file_is_gone_is_not_released(run: Run) -> None:
    work.land_stream(run, "shop", "customers")
    manifest = LedgerManifest(run.ledger)
    [batch] = [b for b in manifest.unchecked() if b.source_id == "shop"]
    path = Path(Lake(run.settings.lake_root).url(batch.path))
    moved = path.rename(path.with_suffix(".away"))
    assert work.gate_landing(run)[batch.batch_id]
    with pytest.raises(FixConfig, match="its file is gone"):
        work.release(run.settings, batch.batch_id)
    moved.rename(path)
    work.release(run.settings, batch.batch_id)
    assert batch.batch_id in {seen.batch_id for seen in work.take_in(run)}


def test_a_run_that_published_no_plan_is_not_replayed(run: Run) -> None:
    with pytest.raises(FixConfig, match="this run published no plan"):
        replay(run.run_id, lambda _: None)
    assert [row.kind for row in runs.recent(run.ledger)] == ["daily"]


def test_a_run_that_failed_after_its_plan_was_published_can_be_compared(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.snapshot_dir.mkdir(parents=True)
    monkeypatch.setattr(snapshot, "audience_sha256", lambda folder: f"hash of {folder.name}")
    assert _published_hash(run) == f"hash of {run.run_id}"
