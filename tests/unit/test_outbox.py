"""The outbox: who is reserved, refused, absorbed, and how outcomes are recorded."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from outbox_kit import MONDAY, Outbox, Recorder, row
from sqlalchemy import insert, select

from connectors.core.delivery import Outcome
from connectors.core.errors import FixConfig, StopRun
from connectors.ledger.db import open_ledger, write
from connectors.ledger.models import MessageAuditRow, MessageRow, SuppressionRow
from connectors.ledger.reports import counts_by_state, message_history, refusals


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """Open an empty ledger."""
    engine = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    yield Outbox(engine, tmp_path)
    engine.dispose()


def suppress(outbox: Outbox, address_hash: str, reason: str) -> None:
    """Put an address on the list."""
    with write(outbox.engine) as connection:
        entry = {"address_hash": address_hash, "reason": reason, "source": "t", "since": MONDAY}
        connection.execute(insert(SuppressionRow), [entry])


def test_messages_are_reserved_delivered_and_recorded(outbox: Outbox) -> None:
    """The plain way, over several batches."""
    result = outbox.emit(row(f"k{n:02}") for n in range(25))
    assert (result.reserved, result.accepted, result.unknown) == (25, 25, 0)
    assert set(outbox.states().values()) == {"accepted"}
    assert sorted(len(keys) for keys in outbox.destination.batches.values()) == [5, 10, 10]
    first = outbox.table()["k00"]
    assert first["accepted_at"] == first["reserved_at"] == MONDAY
    assert first["sent_at"] is None  # this destination does not say that accepting is sending
    assert first["attempts"] == 1


def test_a_rerun_absorbs_everything_and_changes_nothing(outbox: Outbox) -> None:
    """Same audience, same ledger: no state, no number and no delivery changes."""
    rows = [row("k1"), row("k2", verdict="hold"), row("k3", person_id="p-k1")]
    outbox.emit(rows)
    before = outbox.table()
    result = outbox.again()
    assert result.absorbed == 2
    assert result.refused == {"contact_window": 1}
    assert (result.reserved, result.held, result.accepted, result.recovered) == (0, 0, 0, 0)
    assert outbox.table() == before
    assert outbox.destination.sent == ["k1"]


def test_campaign_may_be_null_and_still_be_unique(outbox: Outbox) -> None:
    """Nulls never compare equal, so '' is stored."""
    same = {"campaign_id": None, "address_node": "a", "occasion": "cart7", "purpose": "service"}
    result = outbox.emit([row("k1", **same), row("k2", **same)])
    assert (result.reserved, result.absorbed) == (1, 1)
    outbox.emit([row("k3", **same)], "r2")
    assert list(outbox.table()) == ["k1"]
    assert outbox.table()["k1"]["campaign_id"] == ""


def test_a_key_is_absorbed_whatever_else_changed(outbox: Outbox) -> None:
    """The person has another address by now; the message was sent all the same."""
    outbox.emit([row("k1")])
    before = outbox.table()
    assert outbox.emit([row("k1", address_node="a-new", person_id="p-new")], "r2").absorbed == 1
    assert outbox.table() == before


def test_database_refuses_a_second_message_for_one_occasion(outbox: Outbox) -> None:
    """The unique index stands behind the rule."""
    outbox.emit([row("k1")])
    again = {**outbox.table()["k1"], "message_key": "k2", "change_seq": 99}
    with pytest.raises(Exception, match="UNIQUE"), write(outbox.engine) as connection:
        connection.execute(insert(MessageRow), [again])


@pytest.mark.parametrize(
    ("reason", "purpose", "refused"),
    [
        ("complaint", "marketing", {"suppressed": 1}),
        ("complaint", "service", {}),
        ("hard_bounce", "service", {"suppressed": 1}),
        ("erased", "service", {"suppressed": 1}),
    ],
)
def test_suppression(outbox: Outbox, reason: str, purpose: str, refused: dict[str, int]) -> None:
    """Every suppression stops marketing; a bounce or an erasure stops service messages too."""
    suppress(outbox, "a-k1", reason)
    assert outbox.emit([row("k1", purpose=purpose)]).refused == refused
    assert bool(outbox.destination.sent) == (not refused)


@pytest.mark.parametrize("who", ["person_id", "address_node"])
def test_cap_within_one_slice_keeps_the_first_key(outbox: Outbox, who: str) -> None:
    """Two rows of one person, or of one address, compete: the first key wins."""
    result = outbox.emit([row("k2", **{who: "same"}), row("k1", **{who: "same"})])
    assert (result.reserved, result.refused) == (1, {"contact_window": 1})
    assert outbox.states() == {"k1": "accepted", "k2": "cancelled"}
    assert refusals(outbox.engine, "r1") == {"contact_window": 1}


def test_a_refused_rival_does_not_use_up_the_cap(outbox: Outbox) -> None:
    """k1 loses its address to an earlier message; k2 of the same person is free to go."""
    outbox.emit([row("k0", address_node="shared")])
    rows = [row("k1", person_id="p", address_node="shared"), row("k2", person_id="p")]
    assert outbox.emit(rows, "r2").reserved == 1
    assert outbox.states() == {"k0": "accepted", "k1": "cancelled", "k2": "accepted"}


def test_caps_agree_with_one_at_a_time(outbox: Outbox) -> None:
    """The set-based rounds give what a loop over the keys would give."""
    rows = [row(f"k{n:03}", person_id=f"p{n * 7 % 31}", address_node=f"a{n * 11 % 37}")
            for n in range(200)]  # fmt: skip
    taken: set[str] = set()
    wanted = set()
    for each in rows:
        ids = {each["person_id"], each["address_node"]}
        if not ids & taken:
            wanted.add(each["message_key"])
            taken |= ids
    outbox.emit(rows)
    assert {key for key, state in outbox.states().items() if state == "accepted"} == wanted


@pytest.mark.parametrize(
    ("hours", "refused"),
    [(0, 1), (15, 1), (16, 0), (17, 0), (-15, 1), (-16, 0)],
)
def test_window_rolls_and_reaches_both_ways(outbox: Outbox, hours: int, refused: int) -> None:
    """16 hours apart is allowed, less is not, also for a run of an earlier as_of."""
    outbox.emit([row("k1", person_id="p")])
    result = outbox.emit([row("k2", person_id="p")], "r2", MONDAY + timedelta(hours=hours))
    assert sum(result.refused.values()) == refused


def test_caps_by_kind_and_channel(outbox: Outbox) -> None:
    """Two mass emails in a week, three of any kind, one call in 30 days; service is free."""
    reasons: list[str] = []
    for day, kind, channel, purpose in [
        (0, "triggered", "email", "service"),
        (0, "mass", "email", "marketing"),
        (1, "mass", "email", "marketing"),
        (2, "mass", "email", "marketing"),
        (2, "triggered", "email", "marketing"),
        (3, "triggered", "email", "marketing"),
        (3, "triggered", "call", "marketing"),
        (3, "triggered", "call", "marketing"),
        (3, "triggered", "email", "service"),
    ]:
        what = {"kind": kind, "channel": channel, "purpose": purpose, "person_id": "p"}
        key = f"k{len(reasons)}"
        result = outbox.emit([row(key, **what)], f"r{key}", MONDAY + timedelta(days=day))
        reasons.append(next(iter(result.refused), ""))
    assert reasons == ["", "", "", "mass_per_week", "", "per_week", "", "calls", ""]


def test_holdout_consumes_the_cap_and_is_never_delivered(outbox: Outbox) -> None:
    """`held` counts like a send."""
    rows = [row("k1", verdict="hold", person_id="p"), row("k2", person_id="p")]
    result = outbox.emit(rows)
    assert (result.held, result.reserved, result.refused) == (1, 0, {"contact_window": 1})
    assert outbox.states() == {"k1": "held", "k2": "cancelled"}
    assert outbox.destination.sent == []


def test_a_refused_message_may_be_reserved_later(outbox: Outbox) -> None:
    """Once the window has passed it is reserved, or held where the plan holds it out."""
    outbox.emit([row(key, person_id="p") for key in ("k1", "k2", "k3")])
    tuesday, week = MONDAY + timedelta(hours=20), MONDAY + timedelta(days=8)
    assert outbox.emit([row("k2", person_id="p")], "r2", tuesday).accepted == 1
    assert outbox.emit([row("k3", person_id="p", verdict="hold")], "r3", week).held == 1
    assert outbox.states() == {"k1": "accepted", "k2": "accepted", "k3": "held"}
    assert outbox.table()["k2"]["run_id"] == "r2"
    assert outbox.table()["k2"]["refusal"] is None


def test_a_refused_key_does_not_block_its_successor(outbox: Outbox) -> None:
    """After a merge the key of an occasion may differ; the old one was never sent."""
    same = {"address_node": "a", "occasion": "o"}
    suppress(outbox, "a", "complaint")
    outbox.emit([row("k1", **same)])
    with write(outbox.engine) as connection:
        connection.exec_driver_sql("delete from suppressions")
    assert outbox.emit([row("k2", **same)], "r2").accepted == 1
    assert outbox.emit([row("k1", **same)], "r3").absorbed == 1
    assert outbox.destination.sent == ["k2"]


def test_outcomes_are_recorded_one_by_one(outbox: Outbox) -> None:
    """Rejected, unknown, silent and contradictory answers, and their audit."""
    says = {
        "k1": Outcome("k1", "rejected", "no such box"),
        "k2": Outcome("k2", "unknown"),
        "k3": None,
    }
    outbox.destination = Recorder(
        answer=lambda m: says.get(m.message_key, Outcome(m.message_key, "accepted"))
    )
    result = outbox.emit(row(f"k{n}") for n in range(8))
    assert (result.accepted, result.rejected, result.unknown) == (5, 1, 2)
    assert outbox.states()["k3"] == "unknown"
    with outbox.engine.connect() as connection:
        single = select(MessageAuditRow.message_key).where(MessageAuditRow.message_key.is_not(None))
        assert set(connection.scalars(single)) == {"k1", "k2", "k3"}
    (rejected,) = message_history(outbox.engine, ["a-k1"])
    assert [(s.from_state, s.to_state) for s in rejected.steps] == [
        ("reserved", "delivering"),
        ("delivering", "rejected"),
    ]
    (accepted,) = message_history(outbox.engine, person_ids=["p-k0"])
    assert [s.to_state for s in accepted.steps] == ["delivering", "accepted"]
    assert counts_by_state(outbox.engine, "r1") == {"accepted": 5, "rejected": 1, "unknown": 2}


def test_contract_of_the_audience(outbox: Outbox) -> None:
    """Faults of a plan stop the emission before anything is reserved."""
    mixed = [row("k1"), row("k2", planned_as_of=MONDAY + timedelta(days=1))]
    for rows, error in [
        ([row("k1"), row("k1")], StopRun),
        (mixed, StopRun),
        ([row("k1", verdict="defer")], StopRun),
        ([row("k1", destination="nowhere")], FixConfig),
    ]:
        outbox.plan(rows)
        with pytest.raises(error):
            outbox.again()
    assert outbox.table() == {}
    assert outbox.emit([]).reserved == 0
