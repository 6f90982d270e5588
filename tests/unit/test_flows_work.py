"""What the verbs of a run promise: nothing altered gets in, nothing older is put back."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from connectors.core.lake import Lake
from connectors.core.settings import get_settings
from connectors.ledger import runs
from connectors.ledger.manifest import LedgerManifest
from flows import work
from flows.run import Run, begin


def shop(folder: Path) -> str:
    with sqlite3.connect(folder / "shop.db") as connection:
        connection.execute("create table customers (customer_id text, email text, updated_at text)")
        row = ("c1", "ada@example.com", "2024-03-04T10:00:00Z")
        connection.execute("insert into customers values (?, ?, ?)", row)
    connection.close()
    return f"sqlite:///{folder}/shop.db"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    for name in list(os.environ):
        if name.startswith("PARLEY_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("PARLEY_SOURCES__SHOP__VENDOR", "database")
    monkeypatch.setenv("PARLEY_SOURCES__SHOP__URL", shop(tmp_path))
    get_settings.cache_clear()
    yield begin("daily", "2024-03-04T12:00:00Z")
    get_settings.cache_clear()


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
    LedgerManifest(run.ledger).release(batch.batch_id)
    assert batch.batch_id in {seen.batch_id for seen in work.take_in(run)}


def test_a_run_that_a_later_one_overtook_leaves_the_later_bi_copy(run: Run) -> None:
    run.snapshot_dir.mkdir(parents=True)
    started = runs.get(run.ledger, run.run_id).started_at
    versions, minute = runs.Versions(), timedelta(minutes=1)
    later = runs.start(run.ledger, "triggered", run.as_of, versions, clock=lambda: started + minute)
    runs.finish(run.ledger, later, "completed")
    assert work.publish_bi(run, run.snapshot_dir / "messages.parquet") == {}
    assert not run.settings.bi_path.exists()
