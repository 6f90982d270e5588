"""`parley backup`, `restore` and `retention`, as somebody uses them who lost a disk, or moves."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from outbox_kit import MONDAY, Outbox, Recorder, row
from pydantic import SecretStr
from typer.testing import CliRunner

from connectors.core.errors import FixConfig, RetryLater
from connectors.core.settings import Settings
from connectors.ledger import runs
from connectors.ledger.leases import emitting
from flows import operate, run
from flows.cli import app
from flows.run import ledger_of

TUESDAY = MONDAY + timedelta(days=1)


def do(settings: Settings, *keys: str, at=MONDAY) -> Outbox:
    """A mass run that sends these and completes."""
    ledger = ledger_of(settings)
    outbox = Outbox(ledger, settings.home, Recorder())
    name = runs.start(ledger, "mass", at, runs.Versions(), clock=lambda: at)
    outbox.emit([row(key) for key in keys], name, at)
    runs.finish(ledger, name, "completed", clock=lambda: at)
    return outbox


def lose_the_ledger(settings: Settings) -> None:
    ledger_of(settings).dispose()
    run._engine.cache_clear()
    for path in settings.home.glob("ledger.db*"):
        if path.is_file():
            path.unlink()


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operate, "default_as_of", lambda _: TUESDAY)


def test_a_lost_ledger_comes_back_and_sends_nothing_again(own_settings: Settings) -> None:
    do(own_settings, "k1")
    told = CliRunner().invoke(app, ["backup"])
    assert told.exit_code == 0, told.output
    [file] = (own_settings.home / "backups").iterdir()
    assert file.name == "ledger-20111206T110500Z.db"
    do(own_settings, "k2", at=TUESDAY)
    own_settings.warehouse_path.write_bytes(b"of another ledger")
    lose_the_ledger(own_settings)
    told = CliRunner().invoke(app, ["restore", str(file)])
    assert told.exit_code == 0, told.output
    assert "1 messages may have been sent since" in told.output
    assert not own_settings.warehouse_path.exists()
    again = do(own_settings, "k1", "k2", "k3", at=TUESDAY)
    assert again.destination.sent == ["k3"]
    assert again.states() == {"k1": "accepted", "k2": "unknown", "k3": "accepted"}


def test_moving_to_another_database_holds_back_nothing(
    own_settings: Settings, tmp_path: Path
) -> None:
    outbox = do(own_settings, "k1", "k2")
    path, _ = operate.back_up(own_settings)
    url = SecretStr(f"sqlite:///{tmp_path}/elsewhere.db")
    moved = own_settings.model_copy(update={"ledger_url": url})
    done, is_known = operate.bring_back(moved, path)
    assert (done.possibly_sent, is_known) == (0, True)
    assert Outbox(ledger_of(moved), tmp_path).table() == outbox.table()


def test_in_another_home_nobody_knows_what_was_planned_since(
    own_settings: Settings, tmp_path: Path
) -> None:
    do(own_settings, "k1")
    path, _ = operate.back_up(own_settings)
    url = SecretStr(f"sqlite:///{tmp_path}/new/ledger.db")
    new = own_settings.model_copy(update={"home": tmp_path / "new", "ledger_url": url})
    assert operate.bring_back(new, path)[1] is False
    outbox = Outbox(ledger_of(new), new.home, Recorder())
    refused = outbox.emit([row("k2", occurred_at=MONDAY)], "r2", TUESDAY).refused
    assert refused == {"before_restore": 1}
    # Somebody who knows better may say so.
    assert operate.bring_back(new, path, force=True, nothing_sent=True)[1] is True
    assert outbox.emit([row("k2", occurred_at=MONDAY)], "r2", TUESDAY).accepted == 1


def test_a_run_that_was_at_work_when_the_backup_was_taken_may_have_gone_on(
    own_settings: Settings,
) -> None:
    ledger = ledger_of(own_settings)
    name = runs.start(ledger, "mass", MONDAY, runs.Versions(), clock=lambda: MONDAY)
    path, _ = operate.back_up(own_settings)
    Outbox(ledger, own_settings.home).emit([row("k1")], name, MONDAY)
    runs.finish(ledger, name, "completed")
    done, _ = operate.bring_back(own_settings, path, force=True)
    assert done.possibly_sent == 1
    assert runs.get(ledger, name).status == "failed"


def test_a_ledger_that_is_worked_on_is_not_replaced(
    own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operate, "PATIENCE_SECONDS", 0.1)
    outbox = do(own_settings, "k1")
    path, _ = operate.back_up(own_settings)
    with emitting(outbox.engine), pytest.raises(RetryLater):
        operate.bring_back(own_settings, path)
    at_work = runs.start(outbox.engine, "mass", MONDAY, runs.Versions())
    with pytest.raises(RetryLater, match="under way"):
        operate.bring_back(own_settings, path)
    runs.finish(outbox.engine, at_work, "failed")
    operate.bring_back(own_settings, path, force=True)


def test_a_ledger_that_does_not_open_is_to_be_moved_away_first(own_settings: Settings) -> None:
    """The error says so; then a backup takes its place."""
    outbox = do(own_settings, "k1")
    path, _ = operate.back_up(own_settings)
    before = outbox.table()
    lose_the_ledger(own_settings)
    broken = own_settings.home / "ledger.db"
    broken.write_bytes(b"x" * 8192)
    with pytest.raises(FixConfig, match=r"no database .* Move it away, then `parley restore`"):
        operate.bring_back(own_settings, path)
    broken.unlink()
    operate.bring_back(own_settings, path)
    assert Outbox(ledger_of(own_settings), own_settings.home).table() == before


def test_what_was_forgotten_is_told(own_settings: Settings) -> None:
    do(own_settings, "k1")
    told = CliRunner().invoke(app, ["retention"])
    assert told.exit_code == 0, told.output
    assert "message_audit" in told.output
