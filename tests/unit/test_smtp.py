"""Emails to a real mail server: what it says of each is what is recorded, and nothing else."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from smtp_kit import FROM, Mailbox, certificate, mail_server, message, settings_for
from test_smtp_letter import MONDAY

from connectors.core import live, registry
from connectors.core.delivery import Outcome, OutMessage
from connectors.core.errors import FixConfig, RetryLater
from connectors.core.settings import Settings, load_settings
from connectors.destinations.smtp import SmtpDestination, connecting, create, journal, letter
from connectors.destinations.smtp.pace import Turns

BATCH = "b1"
# What some servers here do on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")


@contextmanager
def sending(port: int, home: Path, **smtp: Any) -> Iterator[SmtpDestination]:
    made = SmtpDestination(settings_for(port, home, **smtp), lambda: MONDAY)
    try:
        yield made
    finally:
        for session in made._sessions:
            session.close(politely=True)


def states(outcomes: Sequence[Outcome]) -> dict[str, str]:
    return {each.message_key: each.state for each in outcomes}


def test_every_message_has_the_outcome_that_the_server_gave_it(tmp_path: Path) -> None:
    keys = ["ok1", "refused1", "spam1", "deferred1", "greylisted1", "full1", "ok2", "cut1", "ok3"]
    with mail_server() as post, sending(post.port, tmp_path) as smtp:
        said = smtp.deliver(BATCH, [message(key) for key in keys])
        assert [each.message_key for each in said] == keys
        assert states(said) == {
            "ok1": "accepted", "ok2": "accepted", "ok3": "accepted",
            "refused1": "rejected", "spam1": "rejected",
            "deferred1": "waiting", "greylisted1": "waiting", "full1": "waiting",
            "cut1": "unknown",
        }  # fmt: skip
        assert post.keys == ["cut1", "ok1", "ok2", "ok3"]
        again = [message(key) for key in ("deferred1", "greylisted1", "full1")]
        assert [each.state for each in smtp.deliver("b2", again)] == [
            "waiting", "accepted", "accepted",
        ]  # fmt: skip
    details = {each.message_key: each.detail for each in said}
    assert details["refused1"] == "550 5.1.1"
    assert details["spam1"] == "554 5.7.1"
    assert details["deferred1"] == "451 4.7.1"
    assert not any("@" in each for each in details.values())


def test_a_refused_message_is_answered_beside_those_that_no_server_sees(tmp_path: Path) -> None:
    with mail_server() as post, sending(post.port, tmp_path) as smtp:
        bad = message("bad", address="a@b.example,c@d.example")
        assert states(smtp.deliver(BATCH, [bad, message("ok")])) == {
            "bad": "rejected", "ok": "accepted",
        }  # fmt: skip
        assert [each.recipients for each in post.mailbox.taken] == [["ok@shop.example"]]


def test_each_email_has_one_recipient_and_dots_at_the_start_of_lines_survive(
    tmp_path: Path,
) -> None:
    with mail_server() as post, sending(post.port, tmp_path) as smtp:
        smtp.deliver(BATCH, [message(f"k{n}", content={"fact": ".dot\n..\n."}) for n in range(20)])
        assert sorted(each.recipients[0] for each in post.mailbox.taken) == sorted(
            f"k{n}@shop.example" for n in range(20)
        )
        for each in post.mailbox.taken:
            assert each.email["To"] == each.recipients[0]
            assert each.sender == FROM
            at = letter.writer(settings_for(post.port, tmp_path), lambda: MONDAY)
            key = each.email["Message-ID"].partition("@")[0][1:]
            sent = at.write(message(key, content={"fact": ".dot\n..\n."})).data
            assert each.data.replace(b"\r\n", b"\n") == sent.replace(b"\r\n", b"\n")


def test_failures_are_asked_for_where_the_server_reports_them(tmp_path: Path) -> None:
    odd = message("k1", address="a+b=c@shop.example")
    with mail_server(None, "250-DSN") as post:
        with sending(post.port, tmp_path, bounces="bounces@brand.example") as smtp:
            assert states(smtp.deliver(BATCH, [odd])) == {"k1": "accepted"}
        (taken,) = post.mailbox.taken
        assert taken.mail == "FROM:<bounces@brand.example> RET=HDRS ENVID=k1"
        assert taken.rcpt == (
            "TO:<a+b=c@shop.example> NOTIFY=FAILURE,DELAY ORCPT=rfc822;a+2Bb+3Dc@shop.example"
        )
    with mail_server() as post, sending(post.port, tmp_path) as smtp:
        smtp.deliver(BATCH, [odd])
        assert post.mailbox.taken[0].rcpt == "TO:<a+b=c@shop.example>"


def test_connections_are_used_again_from_batch_to_batch(tmp_path: Path) -> None:
    with mail_server() as post, sending(post.port, tmp_path, connections=3) as smtp:
        for batch in range(4):
            keys = [f"k{batch}-{n}" for n in range(10)]
            assert {*states(smtp.deliver(f"b{batch}", [message(k) for k in keys])).values()} == {
                "accepted"
            }
        assert post.mailbox.connections <= 3


def test_a_connection_that_the_server_closed_in_between_is_opened_again(tmp_path: Path) -> None:
    box = Mailbox()
    with mail_server(box) as post, sending(post.port, tmp_path, connections=1) as smtp:
        smtp.deliver("b1", [message("k1")])
        first = smtp._sessions[0]._smtp
        assert first is not None
        assert first.sock is not None
        first.sock.shutdown(socket.SHUT_RDWR)
        assert states(smtp.deliver("b2", [message("k2")])) == {"k2": "accepted"}
        assert box.connections == 2


def test_a_server_that_hangs_up_before_it_has_an_email_makes_it_wait(tmp_path: Path) -> None:
    with mail_server() as post, sending(post.port, tmp_path, connections=1) as smtp:
        said = states(smtp.deliver(BATCH, [message("ok1"), message("hung1"), message("ok2")]))
        assert said == {"ok1": "accepted", "hung1": "waiting", "ok2": "accepted"}


def test_a_server_that_fails_at_each_email_leaves_one_unknown_for_each_connection(
    tmp_path: Path,
) -> None:
    with mail_server() as post, sending(post.port, tmp_path, connections=3) as smtp:
        said = states(smtp.deliver(BATCH, [message(f"cut{n}") for n in range(30)]))
        assert sorted(said.values()) == ["unknown"] * 3 + ["waiting"] * 27
        assert {key for key, state in said.items() if state == "unknown"} == {*post.keys}


def test_where_no_server_is_nothing_arrived_and_it_may_be_tried_again(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with sending(free.getsockname()[1], tmp_path) as smtp, pytest.raises(RetryLater) as told:
            smtp.deliver(BATCH, [message("k1")])
    assert "ConnectionRefusedError" in str(told.value)


def test_a_server_that_takes_fewer_connections_gets_all_of_it_by_those(tmp_path: Path) -> None:
    with mail_server(Mailbox(most_connections=1)) as post:
        with sending(post.port, tmp_path, connections=4) as smtp:
            said = smtp.deliver(BATCH, [message(f"k{n}") for n in range(40)])
        assert {*states(said).values()} == {"accepted"}


# --- Encryption, certificates, logins


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("ca"), "127.0.0.1", timedelta(days=9))


@pytest.mark.parametrize("smtps", [False, True])
def test_an_encrypted_server_gets_login_and_email(
    tmp_path: Path, certified: tuple[Path, Path], *, smtps: bool
) -> None:
    given = {"ca_file": certified[0], "user": "me", "password": "right"}
    given["tls"] = "tls" if smtps else "starttls"
    with (
        mail_server(certificate=certified, password="right", smtps=smtps) as post,
        sending(post.port, tmp_path, **given) as smtp,
    ):
        assert states(smtp.deliver(BATCH, [message("k1")])) == {"k1": "accepted"}


@pytest.mark.parametrize("smtps", [False, True])
@pytest.mark.parametrize(
    ("host", "days", "trusted"),
    [("127.0.0.1", 9, False), ("127.0.0.1", -1, True), ("other.example", 9, True)],
)
def test_no_email_and_no_password_leaves_for_a_server_that_is_not_who_it_should_be(
    tmp_path: Path, host: str, days: int, *, trusted: bool, smtps: bool
) -> None:
    files = certificate(tmp_path, host, timedelta(days=days))
    given = {"user": "me", "password": "right", "tls": "tls" if smtps else "starttls"}
    if trusted:
        given["ca_file"] = str(files[0])
    with mail_server(certificate=files, password="right", smtps=smtps) as post:
        with sending(post.port, tmp_path, **given) as smtp, pytest.raises(FixConfig) as told:
            smtp.deliver(BATCH, [message("k1")])
        assert "certificate" in told.value.what
        assert post.mailbox.taken == []


def test_a_server_elsewhere_has_to_encrypt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is in between can take the offer away."""
    monkeypatch.setattr(connecting, "is_loopback", lambda _: False)
    with mail_server() as post:
        with sending(post.port, tmp_path) as smtp, pytest.raises(FixConfig, match="STARTTLS"):
            smtp.deliver(BATCH, [message("k1")])
        assert post.mailbox.taken == []
        with sending(post.port, tmp_path, tls="none") as smtp:
            assert states(smtp.deliver(BATCH, [message("k1")])) == {"k1": "accepted"}
        settings = settings_for(post.port, tmp_path, tls="none", user="u", password="secret")
        with pytest.raises(FixConfig, match="unencrypted"):
            SmtpDestination(settings)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "127.3.2.1"])
def test_this_machine_needs_no_encryption(host: str) -> None:
    assert connecting.is_loopback(host)
    assert not connecting.is_loopback("mail.example")
    assert not connecting.is_loopback("localhost.example")
    assert not connecting.is_loopback("10.0.0.1")


def test_a_wrong_login_is_told_of_without_secret_or_address(tmp_path: Path) -> None:
    given = {"user": "me@secret.example", "password": "wrong-secret"}
    with (
        mail_server(password="right") as post,
        sending(post.port, tmp_path, **given) as smtp,
        pytest.raises(FixConfig, match="login: 535") as told,
    ):
        smtp.deliver(BATCH, [message("k1")])
    shown = f"{told.value}{told.value.__cause__}{told.value.__context__}{smtp!r}{smtp._sessions}"
    assert "secret" not in shown


def test_a_login_that_is_missing_is_a_setting_and_rejects_nobody(tmp_path: Path) -> None:
    with (
        mail_server(password="right") as post,
        sending(post.port, tmp_path) as smtp,
        pytest.raises(FixConfig, match="530"),
    ):
        smtp.deliver(BATCH, [message("k1"), message("k2")])


def test_a_login_that_is_asked_for_late_rejects_nobody_either(tmp_path: Path) -> None:
    with mail_server() as post, sending(post.port, tmp_path, connections=1) as smtp:
        with pytest.raises(FixConfig, match="530"):
            smtp.deliver("b1", [message("login1"), message("ok1")])
        said = smtp.deliver("b2", [message("ok1"), message("login1"), message("ok2")])
        assert states(said) == {"ok1": "accepted", "login1": "waiting", "ok2": "waiting"}
        assert post.keys == ["ok1"]


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"host": ""}, "PARLEY_SMTP__HOST"),
        ({"sender": ""}, "PARLEY_SMTP__SENDER"),
        ({"user": "me"}, "PARLEY_SMTP__USER"),
        ({"password": "secret"}, "PARLEY_SMTP__USER"),
        ({"ca_file": "/nowhere"}, "PARLEY_SMTP__CA_FILE"),
    ],
)
def test_what_is_not_set_up_is_barred_and_says_what_is_missing(
    tmp_path: Path, given: dict[str, str], where: str
) -> None:
    settings = settings_for(25, tmp_path, **given)
    with pytest.raises(FixConfig, match=where) as told:
        create(settings)
    assert "secret" not in str(told.value)
    settings = settings.model_copy(update={"environment": "production"})
    made = live.destinations(settings, ["smtp"], live=True)
    assert where in live.barred(made)["smtp"]


def test_it_is_used_only_in_a_live_run(tmp_path: Path) -> None:
    settings = settings_for(25, tmp_path).model_copy(update={"environment": "production"})
    assert "smtp" in registry.known_destinations()
    assert live.barred(live.destinations(settings, ["smtp"], live=False))
    assert not live.barred(live.destinations(settings, ["smtp"], live=True))


def test_settings_come_from_the_environment_and_show_no_secret(
    own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    del own_settings
    for name, value in {
        "HOST": "mail.example", "SENDER": FROM, "USER": "secret-user", "PASSWORD": "secret-word",
        "TLS": "tls", "CONNECTIONS": "2", "DKIM_KEY": "secret-key", "DKIM_SELECTOR": "s1",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"PARLEY_SMTP__{name}", value)
    settings = load_settings()
    assert (settings.smtp.used_port, settings.smtp.domain) == (465, "brand.example")
    assert "secret" not in f"{settings!r}{settings}{settings.model_dump_json()}"
    monkeypatch.setenv("PARLEY_SMTP__SENDER", "a@b.example\r\nBcc: secret@c.example")
    with pytest.raises(FixConfig, match="PARLEY_SMTP__SENDER") as told:
        load_settings()
    assert "secret" not in str(told.value)


# --- Pace


class Time:
    """A clock that goes on only while somebody sleeps."""

    def __init__(self) -> None:
        self.at = 100.0

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def test_a_recipients_domain_gets_no_more_than_its_share_and_others_do_not_wait() -> None:
    time_ = Time()
    turns = Turns(2.0, lambda: time_.at, time_.sleep)
    given = [message(f"a{n}", address=f"a{n}@Big.example") for n in range(5)]
    others = [message(f"b{n}", address=f"b{n}@small{n}.example") for n in range(5)]
    seen: dict[str, float] = {}

    def take_all(messages: Sequence[OutMessage]) -> None:
        turns.fill(messages)
        while taken := turns.take():
            seen[taken.message_key] = time_.at

    take_all([*given, *others])
    assert [seen[f"b{n}"] for n in range(5)] == [100.0] * 5
    assert [seen[f"a{n}"] for n in range(5)] == [100.0, 100.5, 101.0, 101.5, 102.0]
    take_all([message("a9", address="a9@big.example")])  # the next batch goes on at the same pace
    assert seen["a9"] == 102.5


def test_a_real_server_gets_them_at_that_pace(tmp_path: Path) -> None:
    with mail_server() as post, sending(post.port, tmp_path, per_domain_per_second=20) as smtp:
        began = time.monotonic()
        smtp.deliver(BATCH, [message(f"k{n}") for n in range(9)])
        assert time.monotonic() - began >= 8 / 20
        assert len(post.keys) == 9


# --- What is noted


def test_what_a_process_that_died_had_sent_is_read_back(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "smtp"
    noted = journal.begin(folder, BATCH)
    for outcome in (Outcome("k1", "accepted", "250"), Outcome("k2", "rejected", "550 5.1.1")):
        noted.leaves(outcome.message_key)
        noted.said(outcome)
    noted.said(Outcome("k3", "waiting", "451"))
    noted.leaves("k4")
    with pytest.raises(RetryLater):  # its process lives
        journal.read(folder, BATCH)
    noted.close()
    smtp = SmtpDestination(settings_for(25, tmp_path))
    found = smtp.lookup(BATCH)
    assert found is not None
    assert states(found) == {"k1": "accepted", "k2": "rejected", "k4": "unknown"}
    assert smtp.lookup("another") is None


def test_a_batch_that_was_announced_and_never_left_is_known_not_to_have(tmp_path: Path) -> None:
    smtp = SmtpDestination(settings_for(25, tmp_path))
    smtp.announce(BATCH)
    smtp._end()
    assert smtp.lookup(BATCH) == []


@pytest.mark.parametrize(
    "spoilt",
    [b"", b"parley smtp\tanother-boot\n", b"parley smtp\n", None],
)
def test_notes_that_may_be_incomplete_say_nothing(tmp_path: Path, spoilt: bytes | None) -> None:
    """After the machine stopped, or where a line is torn, anything may have left."""
    folder = tmp_path / "out" / "smtp"
    noted = journal.begin(folder, BATCH)
    noted.leaves("k1")
    noted.close()
    path = folder / f"{BATCH}.journal"
    whole = path.read_bytes()
    path.write_bytes(whole[:-3] if spoilt is None else spoilt + whole.split(b"\n", 1)[1])
    assert journal.read(folder, BATCH) is None


def test_nothing_leaves_that_cannot_be_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, write = threading.Event(), journal.os.write

    def written(handle: int, data: bytes) -> int:
        return 0 if full.is_set() and data.startswith(b"leaves") else write(handle, data)

    with mail_server() as post, sending(post.port, tmp_path, connections=1) as smtp:
        monkeypatch.setattr(journal.os, "write", written)
        assert states(smtp.deliver("b1", [message("k1")])) == {"k1": "accepted"}
        full.set()
        with pytest.raises(FixConfig, match="noted"):
            smtp.deliver("b2", [message("k2"), message("k3")])
        assert post.keys == ["k1"]


def test_notes_of_batches_that_are_recorded_are_forgotten(tmp_path: Path) -> None:
    with mail_server() as post, sending(post.port, tmp_path) as smtp:
        for batch in range(5):
            smtp.announce(f"b{batch}")
            smtp.deliver(f"b{batch}", [message(f"k{batch}")])
        files = [*(tmp_path / "out" / "smtp").iterdir()]
        assert [each.name for each in files] == ["b4.journal"]
        text = files[0].read_text()
        assert "k4" in text
        assert "@" not in text


def test_what_nobody_thought_of_harms_one_message_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = letter.render

    def odd(given: OutMessage, settings: Settings) -> Any:
        if given.message_key == "odd":
            raise ZeroDivisionError
        return render(given, settings)

    monkeypatch.setattr(letter, "render", odd)
    with mail_server() as post, sending(post.port, tmp_path) as smtp:
        said = smtp.deliver(BATCH, [message("odd"), *(message(f"k{n}") for n in range(9))])
        assert states(said).pop("odd") == "waiting"
        assert len(post.keys) == 9


def test_in_test_mode_copies_go_to_one_address(tmp_path: Path) -> None:
    with mail_server() as post:
        settings = settings_for(post.port, tmp_path)
        settings = settings.model_copy(update={"test_address": "me@brand.example"})
        made = live.destinations(settings, ["smtp"], live=True)["smtp"]
        said = made.deliver("0" * 32, [message("k1"), message("k2")])
        assert {*states(said).values()} == {"accepted"}
        assert {each.recipients[0] for each in post.mailbox.taken} == {"me@brand.example"}
        assert all(each.email["Subject"].startswith("[test]") for each in post.mailbox.taken)
