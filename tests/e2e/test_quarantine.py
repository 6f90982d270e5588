"""Gates that stop something: a damaged batch is withheld, a forbidden audience is not sent.

One home, four steps: a batch is damaged between landing and its gate; a run goes on without it;
it is released, but the plan that it makes is spoilt before the audience gate; the next run sends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest
from home_kit import Home, Said
from shop_kit import TinyShop, kettle_in_basket, subscribed, z

MONDAY = datetime(2024, 3, 4, tzinfo=UTC)
LONG_AGO = MONDAY - timedelta(days=40)
LANDED, RELEASED, MENDED = (z(MONDAY + timedelta(hours=11, minutes=m)) for m in (5, 10, 15))
# Device and address are in no holdout, see test_one_person_two_runs.
PHONE, ADA = "ada-phone", "ada@example.com"

# What a run does before its landing gate, and then nothing: as if it had been killed there.
LAND_ONLY = f"""
from flows import run, work
begun = run.begin("triggered", "{LANDED}")
for source_id, stream in work.streams(begun.settings):
    work.land_stream(begun, source_id, stream)
"""
# A whole run, in which all permissions vanish from the staged snapshot before its gate looks.
SPOILT = f"""
import sys
import pyarrow.parquet as pq
from connectors.core.errors import StopRun
from connectors.core.settings import get_settings
from flows.pipeline import PlainSteps, execute

class Spoilt(PlainSteps):
    def publish(self, run, staged):
        path = staged / "permission_now.parquet"
        pq.write_table(pq.read_table(path).slice(0, 0), path)
        super().publish(run, staged)

try:
    execute("triggered", Spoilt(get_settings()), "{RELEASED}")
except StopRun as error:
    sys.exit(f"StopRun: {{error}}")
"""


@dataclass(frozen=True)
class Steps:
    """What each step said and left behind."""

    home: Home
    batch_id: str
    unreadable_id: str
    withheld: Said
    status: str
    released: str
    stopped: Said
    after_stop: dict[str, int]
    status_after_stop: str
    mended: str


def ada_leaves_a_basket(shop: TinyShop) -> None:
    """Ada may be written to, and left a kettle at ten."""
    shop.product("kettle", "Kettle", 3000, LONG_AGO)
    shop.customer("u1", LONG_AGO, email="bob@example.com", country="GB")
    shop.order("o1", "kettle", 3000, MONDAY - timedelta(hours=10), customer_id="u1", country="GB")
    left = MONDAY + timedelta(hours=10)
    shop.events(subscribed(PHONE, ADA, LONG_AGO), kettle_in_basket("c7", left, device=PHONE))


def landed(home, stream):
    """The id and the file of the one batch of a stream."""
    [row] = home.ledger("select batch_id, path from batches where stream = ?", stream)
    return row["batch_id"], home.path / "lake" / row["path"]


@pytest.fixture(scope="module")
def steps(tmp_path_factory, make_home):
    shop = TinyShop(tmp_path_factory.mktemp("shop"))
    ada_leaves_a_basket(shop)
    home = make_home("damaged", shop.sources)
    done = home.python(LAND_ONLY)
    assert done.code == 0, done.text
    (batch_id, events), (unreadable_id, lines) = landed(home, "events"), landed(home, "order_lines")
    whole = events.read_bytes()
    pq.write_table(pq.read_table(events).slice(1), events)
    lines.write_bytes(lines.read_bytes()[:100])

    withheld = home.parley("run", "triggered", "--as-of", LANDED)
    status = home.ok("status")
    # What was damaged is mended by hand, then let in.
    events.write_bytes(whole)
    released = home.ok("release", batch_id)
    stopped = home.python(SPOILT)
    after_stop = {
        "messages": len(home.message_keys()),
        "files": len(list((home.path / "out").rglob("*.csv"))),
        "published": int((home.path / "runs" / home.last_run()).exists()),
    }
    status_after_stop = home.ok("status")
    mended = home.ok("run", "triggered", "--as-of", MENDED)
    return Steps(
        home, batch_id, unreadable_id, withheld, status, released, stopped, after_stop,
        status_after_stop, mended,
    )  # fmt: skip


def run_of(steps, as_of, status):
    """The id of the run with that clock which ended so."""
    runs = {(z_of(row["as_of"]), row["status"]): row["run_id"] for row in steps.home.runs()}
    return runs[as_of, status]


def z_of(text):
    return z(datetime.fromisoformat(text).replace(tzinfo=UTC))


def test_a_batch_with_fewer_rows_than_its_manifest_says_is_withheld_and_the_run_goes_on(steps):
    assert steps.withheld.code == 0, steps.withheld.text
    assert f"batch {steps.batch_id} is quarantined" in steps.withheld.text
    assert "1 rows, but the manifest says 2" in steps.withheld.text
    run_id = run_of(steps, LANDED, "completed")
    seen = steps.home.ledger("select batch_id from run_batches where run_id = ?", run_id)
    assert steps.batch_id not in {row["batch_id"] for row in seen}
    assert steps.home.snapshot(run_id, "web_events") == []
    assert steps.home.snapshot(run_id, "candidates") == []
    # What is whole is used.
    assert len(steps.home.snapshot(run_id, "orders")) == 1


def test_a_batch_that_cannot_be_read_is_withheld_and_the_run_goes_on(steps):
    assert f"batch {steps.unreadable_id} is quarantined" in steps.withheld.text
    run_id = run_of(steps, LANDED, "completed")
    assert steps.home.snapshot(run_id, "order_lines") == []


def test_a_withheld_batch_is_kept(steps):
    rows = steps.home.ledger("select batch_id, path from batches")
    assert {steps.batch_id, steps.unreadable_id} <= {row["batch_id"] for row in rows}
    assert all((steps.home.path / "lake" / row["path"]).is_file() for row in rows)


def test_status_says_what_is_withheld_why_and_how_to_let_it_in(steps):
    for batch_id in (steps.batch_id, steps.unreadable_id):
        assert f"withheld {batch_id}" in steps.status
    assert "1 rows, but the manifest says 2" in steps.status
    assert "parley release" in steps.status


def test_no_words_about_a_damaged_batch_show_an_address(steps):
    for text in (steps.withheld.text, steps.status, steps.stopped.text, steps.status_after_stop):
        assert "@" not in text


def test_a_released_batch_is_in_the_next_run(steps):
    assert steps.batch_id in steps.released
    run_id = run_of(steps, MENDED, "completed")
    seen = steps.home.ledger("select batch_id from run_batches where run_id = ?", run_id)
    assert steps.batch_id in {row["batch_id"] for row in seen}
    assert len(steps.home.snapshot(run_id, "web_events")) == 2
    assert f"withheld {steps.batch_id}" not in steps.status_after_stop
    assert f"withheld {steps.unreadable_id}" in steps.status_after_stop


def test_an_audience_without_permission_stops_the_run_with_the_reason(steps):
    assert steps.stopped.code == 1
    assert "StopRun: " in steps.stopped.err
    assert "1 marketing messages would go out without a permission" in steps.stopped.err
    assert "Nothing was published or sent" in steps.stopped.err
    kept = steps.home.path / "runs" / f".failed-{run_of(steps, RELEASED, 'stopped')}"
    assert str(kept) in steps.stopped.err
    assert kept.is_dir()
    assert "stopped" in steps.status_after_stop


def test_a_stopped_run_reserves_sends_and_publishes_nothing(steps):
    assert steps.after_stop == {"messages": 0, "files": 0, "published": 0}


def test_the_run_after_a_stopped_one_sends_what_was_due(steps):
    [message] = steps.home.snapshot(run_of(steps, MENDED, "completed"), "audience_triggered")
    assert (message["occasion"], message["verdict"]) == ("main/c7", "send")
    [row] = steps.home.ledger("select * from messages")
    assert (row["message_key"], row["state"]) == (message["message_key"], "accepted")
    assert "1 accepted" in steps.mended
