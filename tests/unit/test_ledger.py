"""The ledger: migrations, manifest, cursors, runs."""

import multiprocessing
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event, func, select, text
from sqlalchemy.exc import DatabaseError

from connectors.core.errors import FixConfig, StopRun
from connectors.core.spec import Batch, Cursor, CursorState, Manifest
from connectors.ledger import runs
from connectors.ledger.db import MIGRATIONS, newest_revision, open_ledger, write
from connectors.ledger.keeping.tables import METADATA
from connectors.ledger.manifest import LedgerManifest
from connectors.ledger.models import BatchRow, CursorRow, MessageRow
from connectors.ledger.runs import Versions

MONDAY = datetime(2011, 12, 5, 11, 5, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


def batch(name: str = "b1", landed_at: datetime = MONDAY, sha256: str = "s1") -> Batch:
    """Describe a landed file."""
    path = f"segment/web/events/landed_on=2011-12-05/{name}.parquet"
    return Batch(
        name, "segment", "web", "events", path, 10, 100, sha256, None, landed_at, landed_at
    )


def cursor(position: str = "5", part: str = "day1", *, done: bool = False) -> Cursor:
    """Say how far a file was read."""
    return Cursor("segment", "web", "events", part, position, done, MONDAY)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Open an empty ledger."""
    opened = open_ledger(f"sqlite:///{tmp_path}/new/ledger.db")
    yield opened
    opened.dispose()


@pytest.fixture
def manifest(engine: Engine) -> LedgerManifest:
    """Its manifest."""
    return LedgerManifest(engine, clock=lambda: MONDAY)


def test_migrations_give_the_models(engine: Engine) -> None:
    """What Alembic builds is what the models say; opening again changes nothing."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, METADATA) == []
        made = "select name, sql from sqlite_master where sql like '%check%' or sql like '%where%'"
        migrated = sorted(connection.exec_driver_sql(made).all())
    fresh = open_ledger("sqlite://")
    fresh.dispose()  # an in-memory database is gone with its connection
    with fresh.begin() as connection:
        METADATA.create_all(connection)
        assert len(connection.exec_driver_sql(made).all()) == len(migrated) == 10
    open_ledger(engine.url.render_as_string(hide_password=False)).dispose()


def test_migrates_from_any_working_directory(tmp_path: Path) -> None:
    """An installed package has no repository around it."""
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from connectors.ledger.db import open_ledger\n"
        "open_ledger('sqlite:///sub/ledger.db')"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert (tmp_path / "sub" / "ledger.db").exists()


def test_many_processes_may_open_a_new_ledger_at_once(tmp_path: Path) -> None:
    """One migrates, the others wait."""
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        for name in ["warm", *range(5)]:  # at first they are busy importing, not racing
            url = f"sqlite:///{tmp_path}/{name}.db"
            assert pool.map(_open, [url] * 4, chunksize=1) == [0] * 4


def _open(url: str) -> int:
    engine = open_ledger(url)
    with write(engine) as connection:
        return connection.scalar(select(func.count()).select_from(MessageRow)) or 0


def test_sqlite_is_set_up_to_survive(engine: Engine) -> None:
    """WAL, full sync, foreign keys, and a write lock that is taken when a write begins."""
    with engine.connect() as connection:
        settings = {
            name: connection.exec_driver_sql(f"pragma {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
        assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    begun: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: begun.append(given[2]))
    with write(engine):
        pass
    assert begun == ["begin immediate"]


def test_an_address_that_is_no_database(tmp_path: Path) -> None:
    """The message does not repeat it: it may hold a password."""
    for url in ("nonsense", "nosuchdb://user:hunter2@host/db"):
        with pytest.raises(FixConfig) as error:
            open_ledger(url)
        assert "hunter2" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_batch_and_cursor_commit_together_or_not_at_all(
    engine: Engine, manifest: LedgerManifest
) -> None:
    """Killed between file and commit, the window is read again: neither row is there."""
    assert isinstance(manifest, Manifest)

    def cut(*given: object) -> None:
        if "cursors" in str(given[2]):
            raise ConnectionAbortedError

    event.listen(engine, "before_cursor_execute", cut)
    with pytest.raises(ConnectionAbortedError):
        manifest.commit([batch()], [cursor()])
    event.remove(engine, "before_cursor_execute", cut)
    assert manifest.unchecked() == []
    assert manifest.cursors("segment", "web", "events") == {}
    manifest.commit([batch()], [cursor()])
    assert manifest.unchecked() == [batch()]
    assert manifest.cursors("segment", "web", "events") == {"day1": CursorState("5", done=False)}


def test_the_same_batch_again_is_replaced(engine: Engine, manifest: LedgerManifest) -> None:
    """One row a batch, with the newest content; cursors likewise."""
    manifest.commit([batch()], [cursor()])
    manifest.commit([batch()], [cursor("9", done=True), cursor("1", "day2")])
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(BatchRow)) == 1
        assert connection.scalar(select(func.count()).select_from(CursorRow)) == 2
    manifest.mark_checked(["b1"])
    manifest.commit([batch()], [])
    assert manifest.unchecked() == []  # the same bytes need no second check
    changed = replace(batch(sha256="s2"), rows=11)
    manifest.commit([changed], [])
    assert manifest.unchecked() == [changed]
    assert manifest.visible(MONDAY) == []


def test_one_id_never_stands_for_two_files(manifest: LedgerManifest) -> None:
    """It would hide the first one; nothing of the second is recorded."""
    manifest.commit([batch()], [])
    other = replace(batch(sha256="s2"), path="segment/web/events/elsewhere/b1.parquet")
    with pytest.raises(StopRun, match="b1 is already another file"):
        manifest.commit([other], [cursor()])
    assert manifest.unchecked() == [batch()]
    assert manifest.cursors("segment", "web", "events") == {}


def test_no_error_shows_the_values_of_a_statement(engine: Engine) -> None:
    """They may be somebody's; errors end up in logs."""
    with pytest.raises(DatabaseError) as raised, engine.connect() as connection:
        connection.execute(text("select c4nary from batches where 1 = :one"), {"one": "ada"})
    assert "ada" not in str(raised.value)


def test_visible_is_landed_checked_and_not_withheld(manifest: LedgerManifest) -> None:
    """Nothing from after as_of, nothing unchecked, nothing quarantined; released comes back."""
    later = MONDAY + timedelta(seconds=1)
    names = {"b2": MONDAY, "b1": MONDAY, "b3": later, "b4": MONDAY, "b5": MONDAY}
    manifest.commit([batch(name, landed_at) for name, landed_at in names.items()], [])
    assert manifest.visible(later) == []
    manifest.mark_checked(["b1", "b2", "b3"])
    manifest.quarantine("b4", "a key was null")
    assert [each.batch_id for each in manifest.visible(MONDAY)] == ["b1", "b2"]
    assert [each.batch_id for each in manifest.visible(later)] == ["b1", "b2", "b3"]
    assert [each.batch_id for each in manifest.unchecked()] == ["b5"]
    assert [(each.batch_id, why) for each, why in manifest.quarantined()] == [
        ("b4", "a key was null")
    ]
    manifest.release("b4")
    manifest.release("b4")
    assert [each.batch_id for each in manifest.visible(MONDAY)] == ["b1", "b2", "b4"]
    assert manifest.visible(MONDAY)[-1].status == "released"
    for name in ("b1", "nope"):
        with pytest.raises(FixConfig):
            manifest.release(name)
    with pytest.raises(FixConfig):
        manifest.quarantine("nope", "why")


def test_runs(engine: Engine, manifest: LedgerManifest) -> None:
    """A run's life: started, its batches, its end; found again."""
    manifest.commit([batch("b2"), batch("b1")], [])
    versions = Versions(code="c1", seeds="s1", weights="w1", engine="e1")
    first = runs.start(engine, "daily", MONDAY, versions, clock=lambda: MONDAY)
    assert first.startswith("20111205T110500Z-daily-")
    assert len(first.rsplit("-", 1)[1]) == 8
    runs.attach_batches(engine, first, ["b2", "b1"])
    runs.attach_batches(engine, first, ["b1"])
    assert [each.batch_id for each in runs.batches_of(engine, first)] == ["b1", "b2"]
    assert runs.last_completed(engine) is None
    rows = {"in": {"events": 10}, "out": {"messages": 2}}
    runs.finish(engine, first, "completed", rows, "abc")
    run = runs.get(engine, first)
    assert (run.status, run.rows, run.audience_sha256) == ("completed", rows, "abc")
    assert (run.as_of, run.code_version, run.engine) == (MONDAY, "c1", "e1")
    late = MONDAY + timedelta(hours=1)
    replay = runs.start(engine, "replay", MONDAY, versions, full_refresh=True, clock=lambda: late)
    runs.finish(engine, replay, "completed", clock=lambda: late)
    assert runs.last_completed(engine) == run
    assert [each.run_id for each in runs.recent(engine)] == [replay, first]
    assert runs.get(engine, replay).full_refresh
    # The newest plan counts, also where an older run ends after it.
    slow = runs.start(engine, "mass", MONDAY, versions, clock=lambda: late - timedelta(minutes=1))
    newest = runs.start(engine, "triggered", MONDAY, versions, clock=lambda: late)
    runs.finish(engine, newest, "completed", clock=lambda: late)
    runs.finish(engine, slow, "completed", clock=lambda: late + timedelta(minutes=9))
    last = runs.last_completed(engine)
    assert last is not None
    assert last.run_id == newest
    with pytest.raises(FixConfig):
        runs.get(engine, "nope")
    with pytest.raises(FixConfig):
        runs.finish(engine, "nope", "failed")


def test_the_newest_migration_by_its_files_name_is_alembics_head() -> None:
    config = Config(str(MIGRATIONS / "alembic.ini"))
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == newest_revision()
