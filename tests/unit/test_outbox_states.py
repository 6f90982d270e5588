"""The states of a message: their edges, their numbers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from outbox_kit import MONDAY, Outbox, row
from sqlalchemy import select

from connectors.core.delivery import Outcome
from connectors.core.errors import StopRun
from connectors.ledger.db import open_ledger, write
from connectors.ledger.emission.transitions import EDGES, Move, move
from connectors.ledger.models import STATES, MessageRow


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """Open an empty ledger."""
    engine = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    yield Outbox(engine, tmp_path)
    engine.dispose()


def test_every_change_gets_a_higher_number(outbox: Outbox) -> None:
    """A reader who asks for more than the last number it saw misses nothing."""
    outbox.emit([row("k1"), row("k2", person_id="p-k1")])
    numbers = [sorted(each["change_seq"] for each in outbox.table().values())]
    outbox.emit([row("k2", person_id="p-k1")], "r2", MONDAY + timedelta(days=1))
    table = outbox.table()
    assert table["k2"]["change_seq"] > numbers[0][-1]
    assert len({each["change_seq"] for each in table.values()}) == len(table)
    with write(outbox.engine) as connection:  # retention must not give numbers out twice
        connection.exec_driver_sql("delete from messages")
    outbox.emit([row("k9")], "r3", MONDAY + timedelta(days=30))
    assert outbox.table()["k9"]["change_seq"] > table["k2"]["change_seq"]


@pytest.mark.parametrize(
    ("detail", "is_stopped"),
    [("550 5.1.1", True), ("556 5.1.10", True), ("550 5.7.1", False), ("552 5.2.2", False)],
)
def test_an_address_that_a_server_calls_nobodys_is_suppressed_at_once(
    outbox: Outbox, detail: str, *, is_stopped: bool
) -> None:
    """A full mailbox, or a server that wants no mail of ours, says nothing of the address."""
    outbox.destination.answer = lambda each: Outcome(
        each.message_key, "rejected" if each.message_key == "k1" else "accepted", detail
    )
    outbox.emit([row("k1"), row("k2")])
    later = outbox.emit(
        [row("k3", address_node="a-k1"), row("k4", address_node="a-k2")],
        "r2",
        MONDAY + timedelta(days=1),
    )
    assert later.refused == ({"suppressed": 1} if is_stopped else {})


def test_there_is_no_other_way_between_states(outbox: Outbox) -> None:
    """Every pair that is not an edge stops the run, even when reading back."""
    for way in set(product(STATES, STATES)) - set(EDGES):
        step = Move(*way, "r1", MONDAY, is_reconciled=True)
        with write(outbox.engine) as connection, pytest.raises(StopRun):
            move(connection, select(MessageRow.message_key), step)


def test_some_ways_are_for_reading_back_only(outbox: Outbox) -> None:
    """Nothing goes back to reserved, and nothing unknown is settled, without asking."""
    guarded = {way for way, needs_reading_back in EDGES.items() if needs_reading_back}
    assert guarded == {
        ("delivering", "reserved"),
        ("unknown", "accepted"),
        ("unknown", "rejected"),
    }
    keys = select(MessageRow.message_key)
    for way in guarded:
        step = Move(*way, "r1", MONDAY)
        with write(outbox.engine) as connection, pytest.raises(StopRun):
            move(connection, keys, step)
        with write(outbox.engine) as connection:
            move(connection, keys, replace(step, is_reconciled=True))


def test_a_message_in_another_state_stops_the_run_and_changes_nothing(outbox: Outbox) -> None:
    """The edge is allowed, but the message does not stand at its start."""
    outbox.emit([row("k1")])
    keys = select(MessageRow.message_key)
    with pytest.raises(StopRun), write(outbox.engine) as connection:
        move(connection, keys, Move("reserved", "delivering", "r1", MONDAY))
    assert outbox.states() == {"k1": "accepted"}
