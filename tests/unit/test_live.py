"""Live or not: nothing real leaves unless everything that has to hold does."""

from __future__ import annotations

import itertools
import json
import re
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from guards_kit import letters, publish
from leaving_kit import left, no_waits
from outbox_kit import MONDAY, Outbox, row
from sqlalchemy import func, select
from typer.testing import CliRunner

from connectors import destinations
from connectors.core import live, registry
from connectors.core.clock import iso_z
from connectors.core.delivery import OutMessage
from connectors.core.erasure.request import Request
from connectors.core.erasure.sought import Sought
from connectors.core.errors import FixConfig
from connectors.core.live import Barred, Redirected
from connectors.core.settings import Settings, get_settings
from connectors.destinations import proofs, render
from connectors.ledger.emission.outbox import EmitResult, emit
from connectors.ledger.emission.outgoing import out_messages
from connectors.ledger.guards.pushes import PushRow
from connectors.ledger.models import MessageRow, RunRow
from connectors.ledger.reports import refusals
from flows import copies, erase, notices, summary, work
from flows import refusals as words
from flows.cli import app
from flows.pipeline import Outcome
from flows.run import Run, begin

__all__ = ["no_waits"]

# A vendor of its own: it reaches people, wants a key, and writes down what left.
RECORDING = """
import json, os
from connectors.core.delivery import Outcome
from connectors.core.errors import FixConfig

class Recording:
    name, batch_size, idempotent, is_live = "recording", 7, True, True

    def deliver(self, batch_id, messages):
        with open(os.environ["RECORDED"], "a") as file:
            for each in messages:
                said = [each.address, each.message_key, each.person_id, each.is_test]
                file.write(json.dumps(said) + "\\n")
        return [Outcome(each.message_key, "accepted") for each in messages]

    def lookup(self, batch_id):
        return []

def create(settings):
    if "RECORDING_KEY" not in os.environ:
        raise FixConfig("it has no key", "RECORDING_KEY", "Set it.")
    return Recording()
"""
TESTER = "tester@company.example"
ENVIRONMENTS = ("production", "test", "development")
MATRIX = list(itertools.product(ENVIRONMENTS, *[(True, False)] * 3))
Configured = Callable[..., Settings]


@pytest.fixture
def configured(
    own_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Configured]:
    """Set the installation up as told; the vendor is among the destinations."""
    assert own_settings.environment == "development"
    folder = tmp_path / "vendors"
    folder.mkdir()
    (folder / "recording.py").write_text(RECORDING)
    monkeypatch.setattr(destinations, "__path__", [*destinations.__path__, str(folder)])
    monkeypatch.setenv("RECORDED", str(tmp_path / "recorded.jsonl"))

    def configure(environment: str, *, has_key: bool = True, test: bool = False) -> Settings:
        monkeypatch.setenv("PARLEY_ENVIRONMENT", environment)
        if has_key:
            monkeypatch.setenv("RECORDING_KEY", "secret")
        if test:
            monkeypatch.setenv("PARLEY_TEST_ADDRESS", TESTER)
        get_settings.cache_clear()
        return get_settings()

    yield configure
    get_settings.cache_clear()


def recorded(tmp_path: Path) -> list[tuple[str, str, str, bool]]:
    """What left through the vendor: address, key, person, whether it says that it is a test."""
    path = tmp_path / "recorded.jsonl"
    return (
        [tuple(json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []
    )


def planned(run: Run, *rows: dict[str, Any]) -> None:
    """Publish the plan of a run."""
    outbox = Outbox(run.ledger, run.settings.home)
    publish(outbox, rows, run.run_id, run.as_of)


def begun(*, is_live: bool, at: Any = MONDAY) -> Run:
    return begin("mass", iso_z(at), live=is_live)


def rows(run: Run) -> int:
    """Rows in the ledger that a test must not leave."""
    with run.ledger.connect() as connection:
        tables = (MessageRow, PushRow)
        counts = [connection.scalar(select(func.count()).select_from(each)) for each in tables]
        return sum(count or 0 for count in counts)


@pytest.mark.parametrize(("environment", "is_live", "has_key", "test"), MATRIX)
def test_nothing_real_leaves_unless_all_of_it_holds(
    environment: str, *, is_live: bool, has_key: bool, test: bool, configured: Configured,
    tmp_path: Path,
) -> None:  # fmt: skip
    configured(environment, has_key=has_key, test=test)
    if is_live and not test and environment != "production":
        with pytest.raises(FixConfig, match="Run without --live"):
            begun(is_live=True)
    else:
        run = begun(is_live=is_live)
        planned(run, *letters(9, "w1", destination="recording"))
        work.emit_slice(run, "mass")
    real = [each for each in recorded(tmp_path) if each[0] != TESTER]
    all_hold = environment == "production" and is_live and has_key and not test
    assert len(real) == (9 if all_hold else 0)
    copies_ = [each for each in recorded(tmp_path) if each[0] == TESTER]
    assert len(copies_) == (9 if test and is_live and has_key else 0)


def test_a_run_that_is_not_live_refuses_and_says_why(
    configured: Configured, tmp_path: Path
) -> None:
    configured("production")
    run = begun(is_live=False)
    service = {"purpose": "service", "occasion": "download"}
    mine = row("s-1", destination="recording", **service)
    planned(run, *letters(3, "w1", destination="recording"), mine, *letters(2, "w2"))
    result = work.emit_slice(run, "mass")
    assert (result.accepted, result.refused) == (2, {"not_live": 4})
    assert refusals(run.ledger, run.run_id) == {"not_live": 4}
    assert notices.lines(run, [result]) == [
        "nothing went to recording: it contacts people, and this run is not live (`--live`)."
    ]
    later = begun(is_live=True, at=MONDAY + timedelta(hours=1))
    planned(later, *letters(3, "w1", destination="recording"))
    assert work.emit_slice(later, "mass").accepted == 3
    assert len(recorded(tmp_path)) == 3


def test_without_credentials_a_live_run_refuses_that_destination_alone(
    configured: Configured,
) -> None:
    configured("production", has_key=False)
    run = begun(is_live=True)
    planned(run, *letters(3, "w1", destination="recording"), *letters(2, "w2"))
    result = work.emit_slice(run, "mass")
    assert (result.accepted, result.refused) == (2, {"not_live": 3})
    [said] = notices.lines(run, [result])
    assert said.startswith("nothing went to recording: it is not set up: it has no key")


def test_what_a_live_run_left_waits_for_a_live_run(configured: Configured, tmp_path: Path) -> None:
    """Neither delivered nor asked about, so that it does not become unknown for good."""
    settings = configured("production")
    run = begun(is_live=True)
    planned(run, *letters(20, "w1", destination="recording"))
    made = live.destinations(settings, ["recording"], live=True)
    recording: Any = made["recording"]

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    recording.deliver = die
    with pytest.raises(KeyboardInterrupt):
        emit(run.ledger, run.snapshot_dir, run.run_id, "mass", made, clock=lambda: run.as_of)
    barred = live.destinations(settings, ["recording"], live=False)
    emit(run.ledger, run.snapshot_dir, run.run_id, "mass", barred, clock=lambda: run.as_of)
    assert recorded(tmp_path) == []
    with run.ledger.connect() as connection:
        states = connection.scalars(select(MessageRow.state)).all()
    assert states.count("delivering") == 7
    assert "unknown" not in states
    work.emit_slice(run, "mass")
    assert len({each[1] for each in recorded(tmp_path)}) == len(recorded(tmp_path)) == 20


def test_a_test_sends_a_few_marked_copies_and_leaves_the_ledger_as_it_is(
    configured: Configured, tmp_path: Path
) -> None:
    configured("development", test=True)
    run = begun(is_live=True)
    assert run.is_shadow
    call = row("call-1", channel="call", destination="recording")
    held = row("held-1", destination="recording", verdict="hold")
    welcome = letters(2, "w9", programme="welcome", destination="recording")
    planned(run, *letters(90, "w1", destination="recording"), *welcome, call, held)
    result = work.emit_slice(run, "mass")
    assert result == EmitResult(accepted=copies.MOST)
    sent = recorded(tmp_path)
    assert len(sent) == len({key for _, key, _, _ in sent}) == copies.MOST
    assert {(address, person, marked) for address, _, person, marked in sent} == {
        (TESTER, live.TESTER, True)
    }
    assert all(key.startswith("test-") for _, key, _, _ in sent)
    assert rows(run) == 0
    with run.ledger.connect() as connection:
        assert connection.scalars(select(RunRow.is_shadow)).all() == [True]


def test_every_programme_gets_its_turn_in_a_test(configured: Configured) -> None:
    settings = configured("test", test=True)
    run = begun(is_live=False)
    plan = [each for n in range(30) for each in letters(3, f"c{n}", programme=f"p{n:02}")]
    planned(run, *plan)
    work.emit_slice(run, "mass")
    assert len([*settings.tests_dir.rglob("*.csv")]) == copies.MOST
    assert not settings.out_dir.exists()
    texts = [path.read_text() for path in settings.tests_dir.rglob("*.csv")]
    assert all(TESTER in text and "@example.com" not in text for text in texts)


def test_an_erasure_removes_copies_which_do_not_say_whose_they_were(
    configured: Configured,
) -> None:
    settings = configured("test", test=True)
    run = begun(is_live=False)
    planned(run, *letters(3, "w1"))
    work.emit_slice(run, "mass")
    assert [*settings.tests_dir.rglob("*.csv")]
    erase._clear_files(settings, Request(MONDAY, Sought({})))
    assert not settings.tests_dir.exists()


def test_a_test_says_that_it_was_one(configured: Configured) -> None:
    configured("test", test=True)
    run = begun(is_live=False)
    told = summary.markdown(Outcome(run, emitted={"mass": EmitResult(accepted=3)}), [])
    assert "Only copies to the test address: this was a test." in told
    assert "Nothing: this was a shadow." in summary.markdown(Outcome(run), [])


@pytest.mark.parametrize(("is_live", "sent"), [(True, 0), (False, 3)])
def test_what_people_get_is_never_too_late_while_a_file_is_the_same_whenever_it_is_written(
    configured: Configured, *, is_live: bool, sent: int
) -> None:
    configured("production")
    run = begun(is_live=is_live)
    soon = MONDAY + timedelta(hours=1)
    to = "recording" if is_live else "file"
    planned(run, *letters(3, "w1", destination=to, expires_at=soon))
    assert work.emit_slice(run, "mass").accepted == sent


def message(**changes: Any) -> OutMessage:
    return OutMessage(
        **{
            "message_key": "k1", "address": "a@example.com", "person_id": "p1",
            "programme": "newsletter", "campaign_id": "w1", "step": 1, "variant": None,
            "channel": "email", "send_after": None, "content": {"subject": "News"},
            "evidence": {}, **changes,
        }
    )  # fmt: skip


def test_the_subject_of_a_copy_says_that_it_is_a_test(own_settings: Settings) -> None:
    assert own_settings.is_demo
    plain = render.render(message(), own_settings)
    copy = render.render(message(is_test=True), own_settings)
    assert copy.subject == f"[test] {plain.subject}"
    assert not proofs.proof(message(), own_settings).subject.startswith("[test]")


def test_a_barred_destination_lets_nothing_through_whoever_asks() -> None:
    barred = Barred("mail", "it is not live")
    with pytest.raises(FixConfig, match="it is not live"):
        barred.deliver("b1", [message()])
    assert barred.lookup("b1") is None


def test_a_redirected_destination_shows_nobodys_address() -> None:
    seen: list[OutMessage] = []

    class Inner:
        name, batch_size, idempotent = "mail", 5, True

        def deliver(self, _batch_id: str, messages: Any) -> list[Any]:
            seen.extend(messages)
            return []

        def lookup(self, batch_id: str) -> None:
            raise AssertionError(batch_id)

    redirected = Redirected(Inner(), TESTER)
    redirected.deliver("b1", [message(), message()])
    assert {each.address for each in seen} == {TESTER}
    assert len({each.message_key for each in seen}) == 2
    assert redirected.lookup("b1") is None
    assert redirected.batch_size == 5


def test_files_contact_nobody_and_need_no_flag(own_settings: Settings) -> None:
    made = live.destinations(own_settings, ["file"], live=False)
    assert live.barred(made) == {}
    assert {*live.usable(made)} == {"file"}


@pytest.mark.parametrize("reason", ["paused", "held_by_guard", "ceiling", "not_live"])
def test_why_it_did_not_go_is_told_in_explain_and_in_the_funnel(reason: str) -> None:
    assert words.SENTENCES[reason]
    [line] = words.lines({reason: 3})
    assert line == f"3 refused by the ledger, {reason}: {words.SENTENCES[reason]}"


def test_the_command_refuses_before_anything_runs(configured: Configured) -> None:
    settings = configured("development")
    with pytest.raises(FixConfig, match="this installation is development"):
        CliRunner().invoke(app, ["run", "daily", "--live"], catch_exceptions=False)
    assert not (settings.home / "lake").exists()


# Every destination of the registry, with whatever credentials it wants.

KINDS = registry.known_destinations()
SETUPS = [
    (environment, is_live, test)
    for environment, is_live, test in itertools.product(ENVIRONMENTS, (True, False), (True, False))
]


@pytest.mark.parametrize(("environment", "is_live", "test"), SETUPS)
@pytest.mark.parametrize("name", KINDS)
@pytest.mark.usefixtures("no_waits")
def test_no_destination_reaches_a_real_address_unless_all_of_it_holds(
    name: str, environment: str, *, is_live: bool, test: bool, tmp_path: Path
) -> None:
    """I15: also with the right credentials. What reaches nobody needs no flag."""
    with left(name, tmp_path) as made:
        update = {"environment": environment, "test_address": TESTER if test else ""}
        settings = made.world.settings().model_copy(update=update)
        if is_live and environment != "production" and not test:
            with pytest.raises(FixConfig, match="Run without --live"):
                live.destinations(settings, [name], live=is_live)
            return
        destination = live.destinations(settings, [name], live=is_live)[name]
        folder = made.outbox.plan(made.rows("m1", "m2"), "direct")
        [batch] = pq.read_table(folder / "audience_mass.parquet").to_batches()
        try:
            said = destination.deliver("b1", list(out_messages(batch)))
        except FixConfig:
            said = []
        reaches_people = bool(getattr(made.world.make(), "is_live", False))
        all_hold = environment == "production" and is_live
        if test:
            assert not {"m1", "m2"} & {*made.world.arrived()}
            assert_nobody_is_in(settings.tests_dir)
        elif reaches_people and not all_hold:
            assert (said, made.world.arrived()) == ([], [])
        else:
            assert sorted(made.world.arrived()) == ["m1", "m2"]


def assert_nobody_is_in(folder: Path) -> None:
    """No file of a test holds anybody's address or key."""
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".parquet":
            assert not {"m1@", "m2@", "p-m1"} & {*re.split(r"[^a-z0-9@-]+", path.read_text())}
            assert "@shop.example" not in path.read_text()


@pytest.mark.parametrize("name", KINDS)
def test_what_does_not_say_that_it_reaches_people_connects_to_nobody(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is taken for harmless because somebody forgot a line."""
    with left(name, tmp_path) as made:
        destination = made.world.make()
        if getattr(destination, "is_live", False):
            return
        folder = made.outbox.plan(made.rows("m1"), "direct")
        [batch] = pq.read_table(folder / "audience_mass.parquet").to_batches()
        monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("it connects"))
        assert [each.state for each in destination.deliver("b1", list(out_messages(batch)))] == [
            "accepted"
        ]


@pytest.mark.parametrize("name", [each for each in registry.known_targets() if each != "file"])
def test_lists_of_people_elsewhere_reach_people(name: str, tmp_path: Path) -> None:
    with left(name, tmp_path) as made:
        target = registry.target(name)(made.world.settings())
        assert getattr(target, "is_live", True)
