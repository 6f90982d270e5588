"""Leases: one holder, gone with its process; what a live emission has is left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from outbox_kit import MONDAY, POLICY, Outbox, Recorder, row
from sqlalchemy import text, update

from connectors.core.errors import RetryLater, StopRun
from connectors.ledger.db import open_ledger, write
from connectors.ledger.emission.reserve import reserve
from connectors.ledger.leases import emission_id, is_held, lease, no_emission
from connectors.ledger.models import MessageRow

ROOT = Path(__file__).parents[2]
# Holds a lease until it is killed, and says when it has it.
HOLDER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from connectors.ledger.db import open_ledger
from connectors.ledger.leases import lease
with lease(open_ledger(sys.argv[2]), sys.argv[3]):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def outbox(ledger_url: str, tmp_path: Path) -> Iterator[Outbox]:
    engine = open_ledger(ledger_url)
    yield Outbox(engine, tmp_path)
    engine.dispose()


@contextmanager
def held_by_another(outbox: Outbox, name: str) -> Iterator[subprocess.Popen[str]]:
    url = outbox.engine.url.render_as_string(hide_password=False)
    call = [sys.executable, "-c", HOLDER, str(ROOT), url, name]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def reserved_by(outbox: Outbox, run_id: str, keys: list[str]) -> None:
    """Leave messages as an emission leaves them that has reserved and not yet delivered."""
    audience = outbox.plan([row(key) for key in keys], run_id) / "audience_mass.parquet"
    name = emission_id(run_id, "mass")
    given = {"destinations": ["file"], "at": MONDAY, "emission": name}
    reserve(outbox.engine, audience, run_id, POLICY, **given)


def test_a_lease_has_one_holder_and_is_free_again_after_it(outbox: Outbox) -> None:
    with lease(outbox.engine, "r1/mass") as held:
        held.check()
        assert is_held(outbox.engine, "r1/mass")
        assert not is_held(outbox.engine, "r2/mass")
        with pytest.raises(RetryLater), lease(outbox.engine, "r1/mass", wait_seconds=0.1):
            pass
        with lease(outbox.engine, "r2/mass"):
            pass
        held.check()
    assert not is_held(outbox.engine, "r1/mass")
    with lease(outbox.engine, "r1/mass", wait_seconds=0.1):
        pass


def test_a_lease_ends_with_a_process_that_is_killed(outbox: Outbox) -> None:
    with held_by_another(outbox, "r1/mass") as process:
        assert is_held(outbox.engine, "r1/mass")
        with pytest.raises(RetryLater), lease(outbox.engine, "r1/mass", wait_seconds=0.1):
            pass
        os.kill(process.pid, signal.SIGKILL)
        with lease(outbox.engine, "r1/mass"):
            pass
    assert not is_held(outbox.engine, "r1/mass")


def test_no_file_of_a_lease_stays_behind(outbox: Outbox) -> None:
    outbox.emit([row("k1")])
    assert [*outbox.home.glob("ledger.db.leases/*")] == []


def test_whoever_holds_a_lease_notices_that_it_was_lost(outbox: Outbox) -> None:
    with lease(outbox.engine, "r1/mass") as held:
        if outbox.engine.dialect.name == "sqlite":
            for path in outbox.home.glob("ledger.db.leases/*"):
                path.unlink()
        else:
            query = "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'"
            with write(outbox.engine) as connection:
                connection.execute(text(query)).all()
        with pytest.raises(StopRun):
            held.check()


def test_one_slice_of_one_run_is_emitted_by_one_process(outbox: Outbox) -> None:
    outbox.plan([row("k1")])
    with held_by_another(outbox, "r1/mass"):
        begun = time.monotonic()
        with pytest.raises(RetryLater):
            outbox.again()
        assert time.monotonic() - begun < 20
        assert outbox.emit([row("k2")], "r2").accepted == 1  # another run's does not wait
    assert outbox.again().accepted == 1


def test_what_a_live_emission_has_reserved_or_is_delivering_is_left_alone(outbox: Outbox) -> None:
    outbox.destination = Recorder(batch_size=2, answer=lambda _: _raise())
    with pytest.raises(Dead):
        outbox.emit([row("k1"), row("k2"), row("k3")])
    before = outbox.table()
    outbox.destination = Recorder()
    with held_by_another(outbox, "r1/mass"):
        result = outbox.emit([row("k1"), row("k4")], "r2")
        assert (result.absorbed, result.accepted, result.recovered) == (1, 1, 0)
        assert {key: outbox.table()[key] for key in before} == before
    outbox.emit([], "r3")
    assert outbox.table()["k3"]["refusal"] == "left_over"
    assert not {"reserved", "delivering"} & {*outbox.states().values()}


class Dead(BaseException):
    """What ends an emission as a kill does: nothing catches it."""


def _raise() -> Any:
    raise Dead


def test_a_dead_slice_of_the_run_itself_is_delivered_by_the_other(outbox: Outbox) -> None:
    """It is the same plan."""
    reserved_by(outbox, "r1", ["k1"])
    with write(outbox.engine) as connection:
        connection.execute(update(MessageRow).values(emission=emission_id("r1", "triggered")))
    outbox.plan([row("k1")], "r1", "triggered")
    outbox.plan([row("k2")], "r1", "mass")
    assert (outbox.again().recovered, outbox.states()) == (1, {"k1": "accepted", "k2": "accepted"})


def test_rows_from_before_there_were_leases_are_dead(outbox: Outbox) -> None:
    reserved_by(outbox, "r1", ["k1", "k2"])
    with write(outbox.engine) as connection:
        connection.execute(update(MessageRow).values(emission=""))
    outbox.emit([row("k2")], "r2")
    assert outbox.states() == {"k1": "cancelled", "k2": "accepted"}


def test_an_emission_that_was_taken_over_in_mid_call_records_nothing(outbox: Outbox) -> None:
    """The other has reserved the batch again and is delivering it: its answer counts."""

    class Slow(Recorder):
        def deliver(self, batch_id: str, messages: Any) -> Any:
            again = {"attempts": MessageRow.attempts + 1}
            with write(outbox.engine) as connection:
                connection.execute(update(MessageRow).values(again))
            return super().deliver(batch_id, messages)

    outbox.destination = Slow()
    with pytest.raises(StopRun, match="took this batch over"):
        outbox.emit([row("k1"), row("k2")])
    assert outbox.states() == {"k1": "delivering", "k2": "delivering"}


def test_a_batch_of_another_emission_by_now_is_not_recorded_either(outbox: Outbox) -> None:
    class Slow(Recorder):
        def deliver(self, batch_id: str, messages: Any) -> Any:
            with write(outbox.engine) as connection:
                connection.execute(update(MessageRow).values(emission="r2/mass"))
            return super().deliver(batch_id, messages)

    outbox.destination = Slow()
    with pytest.raises(StopRun, match="took this batch over"):
        outbox.emit([row("k1")])
    assert outbox.states() == {"k1": "delivering"}


def test_nothing_leaves_once_the_lease_is_lost(outbox: Outbox) -> None:
    class Losing(Recorder):
        def deliver(self, batch_id: str, messages: Any) -> Any:
            for path in outbox.home.glob("ledger.db.leases/*"):
                path.unlink()
            query = "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'"
            if outbox.engine.dialect.name == "postgresql":
                with write(outbox.engine) as connection:
                    connection.execute(text(query)).all()
            return super().deliver(batch_id, messages)

    outbox.destination = Losing(batch_size=1)
    with pytest.raises(StopRun, match="lease"):
        outbox.emit([row("k1"), row("k2")])
    assert outbox.destination.sent == ["k1"]
    assert outbox.states() == {"k1": "accepted", "k2": "reserved"}


def test_two_emissions_are_under_way_at_the_same_time(outbox: Outbox) -> None:
    """The triggered one does not wait until the mass one has ended."""
    inside, other_done = threading.Event(), threading.Event()

    class Waiting(Recorder):
        def deliver(self, batch_id: str, messages: Any) -> Any:
            inside.set()
            assert other_done.wait(20)
            return super().deliver(batch_id, messages)

    mass = replace(outbox, destination=Waiting())
    thread = threading.Thread(target=lambda: mass.emit([row("k1")], "r1"))
    thread.start()
    assert inside.wait(20)
    assert outbox.emit([row("k2")], "r2").accepted == 1
    assert outbox.states() == {"k1": "delivering", "k2": "accepted"}
    other_done.set()
    thread.join()
    assert outbox.states() == {"k1": "accepted", "k2": "accepted"}


def test_while_nobody_may_emit_nobody_does(outbox: Outbox, monkeypatch: Any) -> None:
    monkeypatch.setattr("connectors.ledger.leases.LONG_SECONDS", 0.2)
    with no_emission(outbox.engine), pytest.raises(RetryLater):
        outbox.emit([row("k1")])
    assert outbox.table() == {}
    with (
        held_by_another(outbox, "emissions"),
        pytest.raises(RetryLater),
        no_emission(outbox.engine, 0.2),
    ):
        pass
