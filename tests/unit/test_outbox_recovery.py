"""Killed anywhere, the next emission settles it: nothing lost, nothing doubled."""

import csv
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from outbox_kit import MONDAY, Outbox, Recorder, row
from sqlalchemy import insert

from connectors.core.delivery import Outcome
from connectors.destinations.file import FileDestination
from connectors.ledger.db import open_ledger, write
from connectors.ledger.models import SuppressionRow
from connectors.ledger.reports import message_history, open_destinations, refusals

HERE = Path(__file__).parent
MESSAGES = 40
POINTS = pytest.mark.parametrize(
    "point", ["reserved", "delivering", "half", "written", "recording"]
)
# The process kills itself at the named point of the delivery of its third batch.
DRIVER = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [sys.argv[3], sys.argv[4]]
from connectors.destinations import file
from connectors.ledger.emission import batches, deliver
from connectors.ledger.db import open_ledger
from outbox_kit import Outbox

home, point = Path(sys.argv[1]), sys.argv[2]
calls = []

def die(): os.kill(os.getpid(), signal.SIGKILL)

class Killer(file.FileDestination):
    def deliver(self, batch_id, messages):
        calls.append(batch_id)
        last = len(calls) == 3
        if last and point == "delivering": die()
        outcomes = super().deliver(batch_id, messages)
        if last and point == "written": die()
        return outcomes

whole = file._whole
def dying_whole(path, write):
    if point == "half" and len(calls) == 3 and any(path.parent.glob(path.stem + ".*")): die()
    whole(path, write)
file._whole = dying_whole

record = batches.record
def dying_record(*given):
    record(*given)
    if point == "recording" and len(calls) == 3: die()
batches.record = dying_record
if point == "reserved":
    deliver.Delivery._add = lambda *given: die()

engine = open_ledger(f"sqlite:///{home}/ledger.db")
Outbox(engine, home, Killer(home / "out", batch_size=8)).again()
"""


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """Open an empty ledger with the file destination."""
    engine = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    yield Outbox(engine, tmp_path, FileDestination(tmp_path / "out", batch_size=8))
    engine.dispose()


def delivered(home: Path) -> Counter[str]:
    """How often each message stands in a file."""
    counts: Counter[str] = Counter()
    for path in (home / "out").glob("*/*.csv"):
        with path.open(newline="") as file:
            counts.update(each["message_key"] for each in csv.DictReader(file))
    return counts


def kill(outbox: Outbox, point: str) -> list[dict[str, Any]]:
    """Emit as r1 in a process that kills itself there; return what it planned."""
    rows = [row(f"k{n:02}") for n in range(MESSAGES)]
    outbox.plan(rows)
    call = [sys.executable, "-c", DRIVER, str(outbox.home), point, str(HERE.parents[1]), str(HERE)]
    assert subprocess.run(call, check=False).returncode == -signal.SIGKILL
    assert set(outbox.states().values()) - {"accepted"}
    return rows


def check_files(outbox: Outbox, rows: list[dict[str, Any]]) -> None:
    """Every message stands in one file, and every file is whole."""
    assert set(outbox.states().values()) == {"accepted"}
    assert delivered(outbox.home) == Counter({each["message_key"]: 1 for each in rows})
    files = (outbox.home / "out").rglob("*")
    twins = Counter(path.with_suffix("") for path in files if path.is_file())
    assert set(twins.values()) == {2}  # a CSV and its Parquet file, and nothing half done


@POINTS
def test_kill_9_then_a_rerun_of_the_same_run_finishes(outbox: Outbox, point: str) -> None:
    """It is the same plan: what it reserved, it delivers."""
    rows = kill(outbox, point)
    result = outbox.again()
    assert result.unknown == 0
    assert result.recovered == result.accepted > 0
    check_files(outbox, rows)
    files = sorted((outbox.home / "out").rglob("*"))
    stamps = [path.stat().st_mtime_ns for path in files]
    outbox.again()
    assert [path.stat().st_mtime_ns for path in files] == stamps
    assert sorted((outbox.home / "out").rglob("*")) == files


@POINTS
def test_kill_9_then_a_later_run_cancels_what_never_left(outbox: Outbox, point: str) -> None:
    """Each message was accepted, or waits for a plan that still wants it."""
    rows = kill(outbox, point)
    result = outbox.emit([], "r2")
    assert result.unknown == 0
    assert result.recovered == result.accepted
    ends = {(each["state"], each["refusal"]) for each in outbox.table().values()}
    assert ("cancelled", "left_over") in ends
    assert ends <= {("accepted", None), ("cancelled", "left_over")}
    accepted = [key for key, state in outbox.states().items() if state == "accepted"]
    assert delivered(outbox.home) == Counter(accepted)
    later = outbox.emit(rows, "r3")
    assert (later.accepted, later.absorbed) == (MESSAGES - len(accepted), len(accepted))
    check_files(outbox, rows)


class Killed(BaseException):
    """Ends an emission as a kill does: nothing catches it."""


def crash(outbox: Outbox, keys: list[str], batch_size: int = 10) -> Recorder:
    """Emit to a destination that takes the batch and loses its answer with the process."""

    def raise_(_: object) -> Outcome:
        raise Killed

    outbox.destination = Recorder(answer=raise_, batch_size=batch_size)
    with pytest.raises(Killed):
        outbox.emit([row(key) for key in keys])
    assert Counter(outbox.states().values())["delivering"] == min(batch_size, len(keys))
    again = outbox.destination = Recorder()
    return again


def test_what_the_destination_cannot_tell_is_unknown_and_never_retried(outbox: Outbox) -> None:
    """A blind retry could double; the message keeps its slot."""
    destination = crash(outbox, ["k1", "k2"])
    destination.found = lambda _: None
    result = outbox.again()
    assert (result.unknown, result.absorbed) == (2, 2)
    assert outbox.states() == {"k1": "unknown", "k2": "unknown"}
    before = outbox.table()
    assert outbox.again().unknown == 0
    assert outbox.table() == before
    destination.found = lambda _: []  # not there yet proves nothing once an answer was lost
    outbox.again()
    assert outbox.table() == before
    destination.found = lambda _: [Outcome("k1", "accepted"), Outcome("k2", "rejected")]
    assert outbox.again().recovered == 2
    assert outbox.states() == {"k1": "accepted", "k2": "rejected"}
    assert destination.sent == []


def test_a_batch_that_never_arrived_is_delivered_as_the_same_batch(outbox: Outbox) -> None:
    """Same id, same messages: a destination with idempotency keys absorbs a late arrival."""
    destination = crash(outbox, ["k1", "k2", "k3", "k4", "k5"], batch_size=2)
    first = outbox.table()["k1"]["batch_id"]
    assert outbox.again().accepted == 5
    assert destination.batches.pop(first) == ["k1", "k2"]
    assert list(destination.batches.values()) == [["k3", "k4", "k5"]]
    assert outbox.table()["k1"]["attempts"] == 2


def test_the_rest_of_a_batch_that_arrived_in_part_is_a_new_batch(outbox: Outbox) -> None:
    """What was found is recorded; the rest is delivered under another id."""
    destination = crash(outbox, ["k1", "k2", "k3"])
    first = outbox.table()["k1"]["batch_id"]
    destination.found = lambda _: [Outcome("k1", "accepted")]
    assert outbox.again().accepted == 3
    assert destination.sent == ["k2", "k3"]
    assert first not in destination.batches
    (history,) = message_history(outbox.engine, ["a-k1"])
    assert [step.to_state for step in history.steps] == ["delivering", "accepted"]


def test_suppressed_after_the_crash_is_not_delivered(outbox: Outbox) -> None:
    """What waits from the run itself is looked at again."""
    destination = crash(outbox, ["k1", "k2"])
    entry = {"address_hash": "a-k1", "reason": "complaint", "source": "t", "since": MONDAY}
    with write(outbox.engine) as connection:
        connection.execute(insert(SuppressionRow), [entry])
    outbox.again(at=MONDAY + timedelta(hours=1))
    assert outbox.states() == {"k1": "cancelled", "k2": "accepted"}
    assert destination.sent == ["k2"]


def test_waiting_without_its_audience_is_cancelled_and_may_be_planned_again(
    outbox: Outbox,
) -> None:
    """Nothing hangs in `reserved`: the content is gone, so the message is not sent."""
    crash(outbox, ["k1"])
    outbox.plan([])
    outbox.again()
    assert outbox.table()["k1"]["refusal"] == "not_deliverable"
    assert outbox.emit([row("k1")], "r3").accepted == 1


def test_what_never_left_is_judged_anew_by_a_later_plan(outbox: Outbox) -> None:
    """Whose permission was withdrawn since is not in it, and is not sent to."""
    destination = crash(outbox, ["k1", "k2", "k3"], batch_size=2)
    later = MONDAY + timedelta(days=1)
    result = outbox.emit([row("k2")], "r2", later)
    assert (result.accepted, result.recovered) == (1, 0)
    assert destination.sent == ["k2"]
    assert outbox.states() == {"k1": "cancelled", "k2": "accepted", "k3": "cancelled"}
    assert outbox.table()["k2"]["run_id"] == "r2"
    assert refusals(outbox.engine, "r1") == {"left_over": 2}


def test_where_a_dead_run_was_sending_to_is_known_while_anything_is_open(outbox: Outbox) -> None:
    """Only that destination can tell what arrived."""
    destination = crash(outbox, ["k1"])
    assert open_destinations(outbox.engine) == ["file"]
    destination.found = lambda _: None
    outbox.emit([], "r2")
    assert outbox.states() == {"k1": "unknown"}
    assert open_destinations(outbox.engine) == ["file"]
    destination.found = lambda _: [Outcome("k1", "accepted")]
    outbox.emit([], "r3")
    assert open_destinations(outbox.engine) == []
