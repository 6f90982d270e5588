"""The loop: emails leave by SMTP, what comes back by email stops the next ones; it is told why.

Five people left a basket at nine on Monday, and are reminded by a real mail server. Lea's email
comes back, Ben writes that he wants no more, Dan complains, for Cem a machine answers, and somebody
reports Cem's email as returned from an address that it never went to. Fay's server says at once
that there is no such mailbox. A plan of Tuesday, made before any of that was read, means to remind
all of them again.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from aiosmtpd.smtp import SMTP
from home_kit import Home, Said
from shop_kit import TinyShop, identify, track, z

from connectors.core.identifiers import node_id

MONDAY = datetime(2024, 3, 4, tzinfo=UTC)
LONG_AGO = datetime(2024, 1, 15, 18, 0, tzinfo=UTC)
NINE, FIRST_PLAN = MONDAY + timedelta(hours=9), MONDAY + timedelta(hours=11, minutes=5)
TUESDAY = MONDAY + timedelta(days=1)
EARLY_PLAN = TUESDAY + timedelta(hours=10, minutes=30)
RETURNED, RUN = TUESDAY + timedelta(hours=10, minutes=40), TUESDAY + timedelta(hours=11, minutes=5)
# With these names nobody is in a holdout: a stable hash of the person's first identifier.
NAMES = ("lea", "ben", "dan", "cem", "fay")
EMIT = """
import json
from connectors.core.sender import DEMO_SENDER
from connectors.destinations import smtp
from connectors.ledger.emission.outbox import emit
from flows.run import load
run = load("{run}")
settings = run.settings.model_copy(update={{"sender": DEMO_SENDER}})
made = {{"smtp": smtp.create(settings)}}
done = emit(run.ledger, run.snapshot_dir, run.run_id, "triggered", made, clock=lambda: run.as_of)
print("RESULT", json.dumps([done.reserved, done.absorbed, done.refused]))
"""
REPORT = """\
Return-Path: <>
From: {sender}
To: hello@brand.example
Date: {date}
Message-ID: <{id}@mx.example>
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type={kind}; boundary="cut"

--cut
Content-Type: message/{kind}

{fields}

--cut
Content-Type: message/rfc822

{original}
--cut--
"""
STATUS = """\
Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {0}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <{0}>: no such user"""


@dataclass
class Post:
    """A mail server's mailbox: what it took, by the recipient's name."""

    taken: dict[str, bytes] = field(default_factory=dict)

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        if address.startswith("fay@"):
            return f"550 5.1.1 <{address}>: no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        [address] = envelope.rcpt_tos
        self.taken[address.partition("@")[0]] = envelope.content
        return "250 queued"

    def key(self, name: str) -> str:
        """The key of the message that somebody got."""
        return str(self._email(name)["Message-ID"]).strip("<>").partition("@")[0]

    def headers(self, name: str) -> str:
        """The headers of an email, as a server returns them."""
        return self.taken[name].partition(b"\r\n\r\n")[0].decode().replace("\r\n", "\n")

    def _email(self, name: str) -> Any:
        return message_from_bytes(self.taken[name], policy=policy.default)


@contextmanager
def mail_server(box: Post) -> Iterator[int]:
    """Run a real server in a thread; its port."""
    loop = asyncio.new_event_loop()
    listening = loop.create_server(lambda: SMTP(box, loop=loop), "127.0.0.1", 0)
    server = loop.run_until_complete(listening)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()


def letters(box: Post) -> list[str]:
    """What comes back."""
    date = format_datetime(RETURNED - timedelta(minutes=5))

    def report(name: str, number: int, kind: str, fields: str) -> str:
        told = {"id": f"r{number}", "date": date, "kind": kind, "fields": fields}
        return REPORT.format(sender="MAILER-DAEMON@mx.example", original=box.headers(name), **told)

    def letter(name: str, subject: str, text: str, *more: str) -> str:
        lines = (f"From: {name}@example.com", "To: hello@brand.example", f"Subject: {subject}",
                 f"Date: {date}", f"Message-ID: <l-{name}@example.com>", *more)  # fmt: skip
        return "\n".join(lines) + f"\n\n{text}\n"

    bounced = report("lea", 1, "delivery-status", STATUS.format("lea@example.com"))
    forged = report("cem", 2, "delivery-status", STATUS.format("lea@example.com"))
    named = "Feedback-Type: abuse\nVersion: 1\nOriginal-Rcpt-To: <dan@example.com>"
    complained = report("dan", 3, "feedback-report", named)
    answers = f"In-Reply-To: <{box.key('cem')}@brand.example>"
    away = letter("cem", "Re: Your basket", "stop", answers, "Auto-Submitted: auto-replied")
    leaves = letter("ben", f"unsubscribe {box.key('ben')}", "")
    # Reports come twice where two servers stand one behind the other.
    return [bounced, bounced, forged, complained, away, leaves]


def send_by_smtp(home: Home, run_id: str) -> tuple[int, int, dict[str, int]]:
    """Emit a plan by the mail server, which no programme names by itself."""
    path = home.path / "runs" / run_id / "audience_triggered.parquet"
    changed = path.with_suffix(".changed")
    duckdb.sql(
        f"copy (select * replace ('smtp' as destination) from read_parquet('{path}'))"
        f" to '{changed}' (format parquet)"
    )
    changed.replace(path)
    said = home.python(EMIT.format(run=run_id))
    assert said.code == 0, said.text
    return _result(said)


def _result(said: Said) -> tuple[int, int, dict[str, int]]:
    [line] = [each for each in said.out.splitlines() if each.startswith("RESULT ")]
    reserved, absorbed, refused = json.loads(line.split(" ", 1)[1])
    return reserved, absorbed, refused


@dataclass(frozen=True)
class Story:
    """The home at the end; what came of the two plans that left by SMTP; what is said of whom."""

    home: Home
    box: Post
    first: tuple[int, int, dict[str, int]]
    early: tuple[int, int, dict[str, int]]
    explained: dict[str, str]


def shop_at_nine(shop: TinyShop) -> None:
    """Everybody allowed email long ago, and left a kettle."""
    shop.product("kettle", "Kettle", 3000, LONG_AGO)
    for name in NAMES:
        email, user = f"{name}@example.com", f"u-{name}"
        shop.customer(user, LONG_AGO, email=email, country="GB")
        shop.consent(user, email, LONG_AGO)
        shop.events(
            identify(NINE, device=f"d-{name}", user=user, email=email),
            track(
                "Product Added", NINE, device=f"d-{name}", cart_id=f"c-{name}", product_id="kettle",
                price=30.0, quantity=1, currency="GBP",
            ),
        )  # fmt: skip


@pytest.fixture(scope="module")
def story(tmp_path_factory, make_home):
    folder = tmp_path_factory.mktemp("shop")
    shop, mail, box = TinyShop(folder), folder / "mail", Post()
    for name in ("new", "cur", "tmp"):
        (mail / name).mkdir(parents=True)
    shop_at_nine(shop)
    with mail_server(box) as port:
        home = make_home("feedback", {**shop.sources, **settings(port, mail)})
        home.ok("run", "triggered", "--as-of", z(FIRST_PLAN), "--shadow")
        first = send_by_smtp(home, home.last_run())
        home.ok("run", "triggered", "--as-of", z(EARLY_PLAN), "--shadow")
        early = home.last_run()
        for number, text in enumerate(letters(box)):
            path = mail / "new" / f"{int(RETURNED.timestamp())}.{number}.mx"
            path.write_text(text, encoding="utf-8")
        home.ok("run", "triggered", "--as-of", z(RUN))
        explained = {name: home.ok("explain", f"{name}@example.com") for name in ("lea", "ben")}
        again = send_by_smtp(home, early)
    return Story(home, box, first, again, explained)


def settings(port: int, mail: Path) -> dict[str, str]:
    return {
        "PARLEY_SOURCES__RETURNS__VENDOR": "mailbox",
        "PARLEY_SOURCES__RETURNS__URL": mail.as_uri(),
        "PARLEY_SOURCES__RETURNS__OPTIONS__DOMAIN": "brand.example",
        "PARLEY_SMTP__HOST": "127.0.0.1",
        "PARLEY_SMTP__PORT": str(port),
        "PARLEY_SMTP__TLS": "none",
        "PARLEY_SMTP__SENDER": "hello@brand.example",
    }


def node(name: str) -> str:
    return node_id("email", f"{name}@example.com", "parley-demo")


def test_the_emails_left_but_for_one_that_was_refused(story):
    assert story.first == (5, 0, {})
    assert set(story.box.taken) == {"lea", "ben", "dan", "cem"}
    state = "select state from messages where step = 1 and address_hash = ?"
    assert story.home.ledger(state, node("fay")) == [{"state": "rejected"}]


def test_messages_show_what_came_back(story):
    told = {
        row["address_node"]: (row["bounced_at"] is not None, row["unsubscribed_at"] is not None)
        for row in story.home.bi("from marts.messages where step = 1")
    }
    assert told[node("lea")] == (True, False)
    assert told[node("ben")] == (False, True)
    assert told[node("cem")] == told[node("dan")] == (False, False)
    found = story.home.bi("select kind, message_key from marts.engagements order by 1")
    assert [(each["kind"], each["message_key"]) for each in found] == [
        ("complained", story.box.key("dan")),
        ("unsubscribed", story.box.key("ben")),
    ]


def test_what_is_forged_has_no_effect_and_is_counted(story):
    rejects = story.home.bi("select kind, problem from marts.feedback_rejects")
    assert rejects == [{"kind": "bounced", "problem": "not_its_address"}]


def test_the_ledger_knew_it_before_the_run_sent_anything(story):
    known = story.home.ledger("select address_hash, reason, source from suppressions")
    assert {(row["address_hash"], row["reason"], row["source"]) for row in known} == {
        (node("lea"), "hard_bounce", "returns"),
        (node("dan"), "complaint", "returns"),
        (node("fay"), "hard_bounce", "smtp"),
    }
    withdrawn = story.home.ledger("select subject from facts where what = 'email/marketing'")
    assert [row["subject"] for row in withdrawn] == [node("ben")]


def test_the_next_run_reminds_only_who_may_be(story):
    sent = story.home.ledger(
        "select address_hash from messages where step = 2 and state = 'accepted'"
    )
    to = {row["address_hash"] for row in sent}
    assert node("cem") in to
    assert to.isdisjoint({node(name) for name in ("lea", "ben", "dan", "fay")})


def test_a_plan_of_before_is_refused_to_whom_it_no_longer_fits(story):
    reserved, absorbed, refused = story.early
    assert reserved == 0
    assert absorbed >= 1
    assert refused == {"suppressed": 3, "withdrawn": 1}


def test_it_is_explained(story):
    assert "not sent: mail to this address came back" in story.explained["lea"]
    assert "not sent: the permission was withdrawn" in story.explained["ben"]
    assert "unsubscribed from a message" in story.explained["ben"]
