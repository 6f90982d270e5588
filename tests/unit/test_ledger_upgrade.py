"""A ledger of any earlier version, with messages in every state, is upgraded and goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ledger_kit import TUESDAY, open_at
from outbox_kit import MONDAY, Outbox, Recorder, row
from sqlalchemy import Engine, MetaData, insert, update

from connectors.core.delivery import Outcome
from connectors.ledger import runs
from connectors.ledger.db import MIGRATIONS, newest_revision, open_ledger
from connectors.ledger.models import STATES

REVISIONS = sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))[:-1]
# On PostgreSQL the first, and those around the newer ways of working.
CASES = [("sqlite", each) for each in REVISIONS]
CASES += [("postgresql", each) for each in ("0001", "0007", REVISIONS[-1])]
WHEN = MONDAY.replace(tzinfo=None)
BATCHES = {"delivering": "b-delivering", "accepted": "b-accepted", "unknown": "b-unknown"}


@pytest.fixture(params=CASES, ids="-".join)
def outbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Outbox]:
    """A ledger that was filled by an earlier version, opened by this one."""
    kind, revision = request.param
    url = f"sqlite:///{tmp_path}/ledger.db"
    if kind == "postgresql":
        url = request.getfixturevalue("postgres").engine_url()
    old = open_at(url, revision)
    fill(old)
    old.dispose()
    opened = open_ledger(url)
    yield Outbox(opened, tmp_path, Recorder())
    opened.dispose()


def fill(engine: Engine) -> None:
    """A run that died at work: a message in each state, with the columns that there were."""
    tables = MetaData()
    tables.reflect(engine)
    messages, audit = tables.tables["messages"], tables.tables["message_audit"]
    rows = [message(number, state) for number, state in enumerate(STATES, 1)]
    with engine.begin() as connection:
        there = [{name: each[name] for name in messages.c.keys() & each.keys()} for each in rows]
        connection.execute(insert(messages), there)
        last = {"value": len(rows)}
        connection.execute(update(tables.tables["counters"]).values(last))
        audited = {"run_id": "r1", "to_state": "reserved", "at": WHEN, "messages": len(rows)}
        connection.execute(insert(audit), [audited])
        connection.execute(insert(tables.tables["runs"]), [run(tables)])


def message(number: int, state: str) -> dict[str, Any]:
    """Message k-<state>, as its audience has it."""
    told = row(f"k-{state}")
    told |= {"address_hash": told["address_node"], "campaign_id": "winter", "variant": ""}
    stamp = WHEN if state in ("accepted", "rejected") else None
    return told | {
        "run_id": "r1",
        "planned_as_of": WHEN,
        "state": state,
        "refusal": "contact_window" if state == "cancelled" else None,
        "reserved_at": WHEN,
        "accepted_at": stamp,
        "batch_id": BATCHES.get(state),
        "change_seq": number,
        "attempts": 0 if state in ("reserved", "held", "cancelled") else 1,
    }


def run(tables: MetaData) -> dict[str, Any]:
    """The row of the run that died."""
    columns = tables.tables["runs"].c
    values = {each.name: "v" for each in columns if each.name.endswith("_version")}
    values |= {"run_id": "r1", "kind": "mass", "as_of": WHEN, "started_at": WHEN}
    values |= {"engine": "e", "status": "running", "rows": {}, "full_refresh": False}
    return values


def told_by_the_destination(batch_id: str) -> list[Outcome] | None:
    """What was under way arrived; of what was unknown it knows nothing."""
    arrived = {"b-delivering": [Outcome("k-delivering", "accepted")], "b-unknown": None}
    return arrived.get(batch_id, [])


PLAN = [row(f"k-{state}") for state in STATES if state != "held"]
PLAN += [row("k-held", verdict="hold"), row("k-new")]
SETTLED = {
    "k-accepted": "accepted",
    "k-delivering": "accepted",
    "k-rejected": "rejected",
    "k-unknown": "unknown",
    "k-held": "held",
}


def test_the_run_itself_goes_on_where_it_was(outbox: Outbox) -> None:
    """What waited leaves, what was under way is read back, nothing leaves twice."""
    outbox.destination.found = told_by_the_destination
    before = outbox.table()
    assert {each["state"] for each in before.values()} == set(STATES)
    assert {each["emission"] for each in before.values()} == {""}
    assert runs.fail_dead(outbox.engine) == ["r1"]
    outbox.emit(PLAN, "r1")
    left = {"k-reserved": "accepted", "k-cancelled": "accepted", "k-new": "accepted"}
    assert outbox.states() == SETTLED | left
    assert sorted(outbox.destination.sent) == sorted(left)
    outbox.again()
    assert len(outbox.destination.sent) == len(left)


def test_a_later_run_settles_what_the_dead_one_left(outbox: Outbox) -> None:
    """What never left is cancelled, and leaves with a plan that still wants it."""
    outbox.destination.found = told_by_the_destination
    outbox.emit([], "r2", TUESDAY)
    assert outbox.states() == SETTLED | {"k-reserved": "cancelled", "k-cancelled": "cancelled"}
    assert outbox.table()["k-reserved"]["refusal"] == "left_over"
    outbox.emit(PLAN, "r3", TUESDAY)
    assert outbox.states()["k-reserved"] == "accepted"
    assert sorted(outbox.destination.sent) == ["k-cancelled", "k-new", "k-reserved"]
    outbox.destination.found = lambda batch: (
        [Outcome("k-unknown", "accepted")] if batch == "b-unknown" else None
    )
    outbox.emit([], "r4", TUESDAY)
    assert outbox.states()["k-unknown"] == "accepted"


def test_every_earlier_version_is_tried() -> None:
    assert REVISIONS[0] == "0001"
    assert int(newest_revision()) == len(REVISIONS) + 1
