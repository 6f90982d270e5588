"""Backup and restore of the ledger: nothing is lost, and nothing sent since is sent again."""

import multiprocessing
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ledger_kit import TUESDAY, dump, fill, open_at
from outbox_kit import MONDAY, Outbox, Recorder, row
from sqlalchemy import Engine, text

from connectors.core.delivery import Outcome
from connectors.core.errors import FixConfig, StopRun
from connectors.ledger.db import open_ledger
from connectors.ledger.erasures import ErasedNode, refuse
from connectors.ledger.keeping import backup, possibly_sent
from connectors.ledger.keeping.backup import back_up, read_label
from connectors.ledger.keeping.possibly_sent import Plan
from connectors.ledger.keeping.restore import restore
from connectors.ledger.reports import message_history
from connectors.ledger.suppressions import Suppression, suppress

BOTH = ("sqlite", "postgresql")
NewLedger = Callable[..., Engine]


@pytest.fixture
def ledger(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[NewLedger]:
    """Opens ledgers, empty ones, in either database."""
    opened: list[Engine] = []

    def new(kind: str = "sqlite") -> Engine:
        if kind == "sqlite":
            url = f"sqlite:///{tmp_path}/ledger{len(opened)}.db"
        else:
            url = request.getfixturevalue("postgres").engine_url()
        opened.append(open_ledger(url))
        return opened[-1]

    yield new
    for engine in opened:
        engine.dispose()


def crash(outbox: Outbox) -> None:
    """Emit k1 to k4 in batches of two to a destination that dies on the first."""

    def die(_: object) -> None:
        raise KeyboardInterrupt

    outbox.destination = Recorder(answer=die, batch_size=2)
    with pytest.raises(KeyboardInterrupt):
        outbox.emit(row(f"k{n}") for n in range(1, 5))
    assert sorted(outbox.states().values()) == ["delivering", "delivering", "reserved", "reserved"]
    outbox.destination = Recorder()


def without_restores(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """Everything but the note that it was restored."""
    return {**dump(engine), "restores": []}


@pytest.mark.parametrize("to", BOTH)
@pytest.mark.parametrize("kind", BOTH)
def test_every_row_comes_back_in_either_database(
    kind: str, to: str, ledger: NewLedger, tmp_path: Path
) -> None:
    """So it is the way from SQLite to PostgreSQL, and back."""
    outbox = fill(ledger(kind), tmp_path)
    before = dump(outbox.engine)
    empty = {name for name, rows in before.items() if not rows}
    file = tmp_path / "backup" / "b.db"
    label = back_up(outbox.engine, file, TUESDAY)
    assert label == read_label(file)
    assert label.taken_at == TUESDAY
    assert {name for name, rows in label.row_counts.items() if not rows} == empty
    assert [path.name for path in file.parent.iterdir()] == ["b.db"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    other = ledger(to)
    restored = restore(other, file, [], TUESDAY)
    assert (restored.possibly_sent, restored.kept) == (0, 0)
    assert without_restores(other) == before
    # It goes on where the other ended: numbers, keys, states.
    moved = Outbox(other, tmp_path, Recorder())
    assert moved.emit([row("k1"), row("k9")], "later", TUESDAY).accepted == 1
    assert moved.destination.sent == ["k9"]


def test_a_backup_taken_while_another_process_sends_is_of_one_moment(
    ledger: NewLedger, tmp_path: Path
) -> None:
    engine = ledger()
    context = multiprocessing.get_context("spawn")
    worker = context.Process(target=_send, args=(str(engine.url), str(tmp_path)))
    worker.start()
    taken = []
    while worker.is_alive():
        file = tmp_path / f"b{len(taken)}.db"
        back_up(engine, file, MONDAY)
        taken.append(_told(file))
    worker.join()
    assert worker.exitcode == 0
    middle = {each for each in taken if 0 < each[0] < SENT}
    assert len(middle) > 1, taken
    assert _told_by(engine)[0] == SENT


SENT = 30 * 25


def _send(url: str, home: str) -> None:
    outbox = Outbox(open_ledger(url), Path(home), Recorder(batch_size=5))
    for run in range(30):
        outbox.emit((row(f"r{run}k{n}") for n in range(25)), f"r{run}")


def _told(file: Path) -> tuple[int, int]:
    """Check that the file is of one moment: the audit and the numbers are those of the states."""
    with closing(sqlite3.connect(file)) as connection:

        def one(query: str) -> int:
            return int(connection.execute(query).fetchone()[0] or 0)

        messages = one("select count(*) from messages")
        accepted = one("select count(*) from messages where state = 'accepted'")
        audited = "select sum(messages) from message_audit where to_state ="
        assert one(f"{audited} 'reserved'") == messages
        assert one(f"{audited} 'accepted'") == accepted
        last = one("select max(change_seq) from messages")
        assert one("select value from counters where name = 'change_seq'") == last
    return messages, accepted


def _told_by(engine: Engine) -> tuple[int, int]:
    return _told(Path(str(engine.url.database)))


@pytest.mark.parametrize("kind", BOTH)
def test_what_was_on_its_way_when_the_backup_was_taken_is_never_sent_again(
    kind: str, ledger: NewLedger, tmp_path: Path
) -> None:
    """It may have been sent in the meantime: it is unknown, unless the destination tells."""
    outbox = Outbox(ledger(kind), tmp_path)
    crash(outbox)
    back_up(outbox.engine, tmp_path / "b.db", MONDAY)
    other = Outbox(ledger(kind), tmp_path)
    assert restore(other.engine, tmp_path / "b.db", [], TUESDAY).possibly_sent == 4
    assert set(other.states().values()) == {"unknown"}
    [history] = message_history(other.engine, ["a-k4"])
    assert history.state == "unknown"
    result = other.emit((row(f"k{n}") for n in range(1, 6)), "r2", TUESDAY)
    assert (result.absorbed, other.destination.sent) == (4, ["k5"])
    batch = other.table()["k1"]["batch_id"]
    other.destination.found = lambda asked: (
        [Outcome("k1", "accepted"), Outcome("k2", "accepted")] if asked == batch else None
    )
    other.emit([], "r3", TUESDAY)
    states = other.states()
    assert [states[f"k{n}"] for n in range(1, 5)] == ["accepted", "accepted", "unknown", "unknown"]


@pytest.mark.parametrize("kind", BOTH)
def test_what_plans_since_the_backup_wanted_to_send_is_unknown_and_counts_for_caps(
    kind: str, ledger: NewLedger, tmp_path: Path
) -> None:
    outbox = Outbox(ledger(kind), tmp_path)
    outbox.emit([row("k1"), row("k2", person_id="p-k1")])  # k2 is refused by a cap
    file = tmp_path / "b.db"
    back_up(outbox.engine, file, MONDAY)
    later = [row("k2"), row("k3"), row("k4", verdict="hold"), row("k1")]
    outbox.emit(later, "r2", TUESDAY)
    assert outbox.destination.sent == ["k1", "k2", "k3"]
    other = Outbox(ledger(kind), tmp_path)
    plan = Plan("r2", (tmp_path / "runs" / "r2" / "audience_mass.parquet",))
    assert restore(other.engine, file, [plan], TUESDAY).possibly_sent == 2
    assert other.states() == {"k1": "accepted", "k2": "unknown", "k3": "unknown"}
    assert other.table()["k3"]["planned_as_of"] == TUESDAY
    soon = TUESDAY + timedelta(hours=1)
    result = other.emit([*later, row("k5", person_id="p-k3")], "r3", soon)
    assert (result.absorbed, result.refused, result.held) == (3, {"contact_window": 1}, 1)
    assert other.destination.sent == []


@pytest.mark.parametrize("kind", BOTH)
def test_where_nobody_knows_the_plans_since_the_backup_what_occurred_before_is_not_answered(
    kind: str, ledger: NewLedger, tmp_path: Path
) -> None:
    """Service messages are no exception; what occurs from then on is answered as ever."""
    outbox = Outbox(ledger(kind), tmp_path)
    back_up(outbox.engine, tmp_path / "b.db", MONDAY)
    other = Outbox(ledger(kind), tmp_path)
    restore(other.engine, tmp_path / "b.db", None, TUESDAY)
    later = TUESDAY + timedelta(hours=1)
    before, now = TUESDAY - timedelta(seconds=1), TUESDAY
    result = other.emit(
        [
            row("k1", occurred_at=before),
            row("k2", occurred_at=before, purpose="service"),
            row("k3", occurred_at=now),
            row("k4", occurred_at=None),  # a plan that does not say when
        ],
        "r2",
        later,
    )
    assert result.refused == {"before_restore": 2}
    assert sorted(other.destination.sent) == ["k3", "k4"]
    # A plan of before the restore may have been emitted then.
    again = other.emit([row("k5", occurred_at=None)], "r3", before)
    assert again.refused == {"before_restore": 1}


def test_a_push_that_a_guard_held_may_have_been_let_through_since(
    ledger: NewLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(possibly_sent, "LET_THROUGH_LATER", ("contact_window",))
    outbox = Outbox(ledger(), tmp_path)
    outbox.emit([row("k1"), row("k2", person_id="p-k1")])
    back_up(outbox.engine, tmp_path / "b.db", MONDAY)
    other = Outbox(ledger(), tmp_path)
    restore(other.engine, tmp_path / "b.db", [], TUESDAY)
    assert other.states() == {"k1": "accepted", "k2": "unknown"}


def test_a_ledger_that_knows_more_is_not_replaced_unless_someone_insists(
    ledger: NewLedger, tmp_path: Path
) -> None:
    """And then nobody who must not be contacted is forgotten."""
    outbox = fill(ledger(), tmp_path)
    file = tmp_path / "b.db"
    back_up(outbox.engine, file, MONDAY)
    assert restore(outbox.engine, file, [], TUESDAY).kept == 0  # it knows no more
    suppress(outbox.engine, [Suppression("a-k9", "complaint", "t", TUESDAY)])
    before = dump(outbox.engine)
    with pytest.raises(FixConfig, match="suppressions"):
        restore(outbox.engine, file, [], TUESDAY)
    outbox.emit([row("k7")], "r7", TUESDAY)
    with pytest.raises(FixConfig, match="changes of messages"):
        restore(outbox.engine, file, [], TUESDAY)
    assert len(dump(outbox.engine)["messages"]) == len(before["messages"]) + 1
    assert restore(outbox.engine, file, [], TUESDAY, force=True).kept == 1
    assert without_restores(outbox.engine) == {**before, "restores": []}
    assert outbox.emit([row("k9")], "r9", TUESDAY).refused == {"suppressed": 1}
    refuse(outbox.engine, "late", [ErasedNode("a-k8", "email")], TUESDAY)
    assert restore(outbox.engine, file, [], TUESDAY, force=True).kept == 3
    assert {each["node_id"] for each in dump(outbox.engine)["erasures"]} == {"a-gone", "a-k8"}


def test_a_restore_that_fails_changes_nothing(ledger: NewLedger, tmp_path: Path) -> None:
    outbox = fill(ledger(), tmp_path)
    file = tmp_path / "b.db"
    back_up(outbox.engine, file, MONDAY)
    outbox.emit([row("k7")], "r7", TUESDAY)
    before = dump(outbox.engine)
    gone = Plan("r8", (tmp_path / "runs" / "r8" / "audience_mass.parquet",))
    with pytest.raises(StopRun):
        restore(outbox.engine, file, [gone], TUESDAY, force=True)
    assert dump(outbox.engine) == before


def test_only_a_sound_backup_is_restored(ledger: NewLedger, tmp_path: Path) -> None:
    outbox = fill(ledger(), tmp_path)
    file = tmp_path / "b.db"
    back_up(outbox.engine, file, MONDAY)
    with pytest.raises(FixConfig, match="a file of that name"):
        back_up(outbox.engine, file, MONDAY)
    whole = file.read_bytes()
    spoiled = {
        "no backup": b"nonsense",
        "damaged": whole[:-4096],
        "missing": None,
        "of nothing": b"",
    }
    for name, content in spoiled.items():
        other = tmp_path / f"{name}.db"
        if content is not None:
            other.write_bytes(content)
        with pytest.raises(FixConfig):
            restore(outbox.engine, other, [], MONDAY)
        assert other.exists() == (content is not None)
    _change(file, "delete from suppressions")
    with pytest.raises(FixConfig, match="damaged"):
        read_label(file)
    file.write_bytes(whole)
    _change(file, f"update {backup.LABEL} set revision = '9999'")
    with pytest.raises(FixConfig, match="newer version"):
        read_label(file)


def _change(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement)


def test_a_copy_that_is_not_whole_gets_no_name(
    ledger: NewLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = ledger()
    outbox = fill(engine, tmp_path)
    copy = backup._copy_file

    def lossy(source: Engine, part: Path) -> dict[str, int]:
        counts = copy(source, part)
        _change(part, "delete from messages where message_key = 'k1'")
        return counts

    monkeypatch.setattr(backup, "_copy_file", lossy)
    with pytest.raises(StopRun, match="not sound"):
        back_up(outbox.engine, tmp_path / "out" / "b.db", MONDAY)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_backup_of_an_earlier_version_is_brought_up_to_date(
    ledger: NewLedger, tmp_path: Path
) -> None:
    old = open_at(f"sqlite:///{tmp_path}/old.db", "0005")
    entry = "'a-k9', 'complaint', 't', '2011-12-05 11:05:00'"
    with old.begin() as connection:
        connection.execute(text(f"insert into suppressions values ({entry})"))
    old.dispose()
    file = tmp_path / "old.db"
    backup._finish(file, backup.Label(MONDAY, "0005", {"suppressions": 1, "messages": 0}))
    before = file.read_bytes()
    outbox = Outbox(ledger(), tmp_path)
    assert restore(outbox.engine, file, [], TUESDAY).label.revision == "0005"
    assert file.read_bytes() == before
    assert outbox.emit([row("k9"), row("k1")]).refused == {"suppressed": 1}
