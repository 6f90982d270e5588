"""I13: whatever somebody writes stays text, in every place where it could become more than that.

Each payload of `injection_kit` is put wherever its kind could enter; the number of escapes is 0.
"""

from __future__ import annotations

import csv
import json
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from email import message_from_bytes, policy
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from handout_kit import message, settings
from injection_kit import (
    CLIMBS,
    CORPUS,
    FORMULAS,
    HEADERS,
    INSIDE,
    MARK,
    SQL,
    TEMPLATES,
    is_formula,
)
from outbox_kit import Outbox, row
from pydantic import SecretStr, ValidationError
from sqlalchemy import func, select

from connectors.core import registry
from connectors.core.accounts import DestinationSettings, SourceSettings
from connectors.core.audience import Member
from connectors.core.delivery import OutMessage
from connectors.core.errors import FixConfig, ParleyError, SkipRecord, StopRun
from connectors.core.files.archive import Archive
from connectors.core.http import HttpClient
from connectors.core.http.reach import refuse_inner_address
from connectors.core.live import destinations
from connectors.core.mail_server import SmtpSettings
from connectors.core.settings import Settings
from connectors.core.spec import ReadContext
from connectors.core.warehouse.embedded import scratch
from connectors.destinations import call_list, file, list_file, meeting, post_list, render, webhook
from connectors.destinations.smtp.letter import writer
from connectors.ledger.db import open_ledger
from connectors.ledger.models import MessageRow
from connectors.sources import database

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SPEC_CUSTOMERS = next(each for each in database.SPEC.streams if each.name == "customers")
ORGANISER = "hello@brand.example"
TEXTS = ("person_id", "campaign_id", "variant", "language", "contact_hours", "programme")


def test_the_corpus_is_large_enough() -> None:
    assert sum(len({*payloads}) for payloads in CORPUS.values()) >= 300
    assert all(len({*payloads}) == len(payloads) for payloads in CORPUS.values())


def spoiled(payload: str, key: str = "k1", channel: str = "email", **changes: Any) -> OutMessage:
    """A message whose every text is the payload, but for the parts that name a file."""
    texts = dict.fromkeys((*TEXTS[:-1],), payload)
    parts = ("subject", "fact", "text", "items", "talking_points", "content_id", "path", "button")
    content = {**dict.fromkeys(parts, payload), "starts_at": "2126-03-05T10:00Z", payload: payload}
    return message(key, channel, **{**texts, "content": content, "evidence": content, **changes})


# Formulas: every destination that writes files, every cell.

WRITERS: dict[str, tuple[Callable[[Settings], Any], str]] = {
    "file": (file.create, "email"), "call_list": (call_list.create, "call"),
    "post_list": (post_list.create, "post"), "meeting": (meeting.create, "meeting"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITERS)
def test_no_cell_is_a_formula(name: str, tmp_path: Path) -> None:
    create, channel = WRITERS[name]
    options = {"organiser": ORGANISER} if name == "meeting" else {}
    made = create(settings(tmp_path, name, **options))
    sent = [spoiled(payload, f"k{n:03}", channel) for n, payload in enumerate(FORMULAS)]
    said = {each.message_key: each for each in made.deliver("b1", sent)}
    # A call whose hours are blank is rightly refused.
    refused = {key for key, each in said.items() if each.state != "accepted"}
    assert not refused
    [path] = made.root.glob("*/b1.csv")
    with path.open(newline="", encoding="utf-8") as opened:
        rows = list(csv.reader(opened))
    assert len(rows) == len(FORMULAS) + 1
    assert [cell for cells in rows for cell in cells if is_formula(cell)] == []
    assert {len(cells) for cells in rows} == {len(rows[0])}


def test_no_cell_of_an_audiences_list_is_a_formula(tmp_path: Path) -> None:
    made = list_file.create_audience(settings(tmp_path))
    people = [
        Member(payload + str(n), f"{n}@example.com", {"stage": payload})
        for n, payload in enumerate(FORMULAS)
    ]
    made.put("vip", people)
    [path] = tmp_path.rglob("vip.csv")
    with path.open(newline="", encoding="utf-8") as opened:
        cells = [cell for row_ in csv.reader(opened) for cell in row_]
    assert [cell for cell in cells if is_formula(cell)] == []


# Headers: emails, invitations, webhooks.


def mail_settings(home: Path) -> Settings:
    server = SmtpSettings(host="127.0.0.1", sender=ORGANISER)
    return settings(home).model_copy(update={"smtp": server})


@pytest.mark.parametrize("payload", [*HEADERS, *FORMULAS[:40]])
@pytest.mark.parametrize("place", ["content", "address", "message_key", "programme", "texts"])
def test_no_header_is_added(tmp_path: Path, payload: str, place: str) -> None:
    made = writer(mail_settings(tmp_path), lambda: NOW)
    names = {name for name, _ in _headers(made.write(message()).data)}
    changes = {
        "content": {"content": dict.fromkeys(("subject", "fact", "text", "items"), payload)},
        "texts": dict.fromkeys(("person_id", "variant", "campaign_id"), payload),
    }.get(place) or {place: payload}
    data, refused = b"", ""
    try:
        data = made.write(message(**changes)).data
    except SkipRecord as error:
        refused = str(error)
    if refused:
        assert payload not in refused
        return
    headers = _headers(data)
    assert {name for name, _ in headers} == names
    assert len(headers) == len(names)
    email = message_from_bytes(data, policy=policy.default)
    assert [part.get_content_type() for part in email.walk()] == [
        "multipart/alternative", "text/plain", "text/html",
    ]  # fmt: skip
    assert b"evil.example" not in dict(headers)["To"].encode()


def _headers(data: bytes) -> list[tuple[str, str]]:
    """The headers as a server reads them: by lines, without unfolding tricks of a library."""
    head = data.partition(b"\r\n\r\n")[0]
    lines = [line for line in head.split(b"\r\n") if line[:1] not in (b" ", b"\t")]
    assert b"\n" not in head.replace(b"\r\n", b"")
    assert b"\r" not in head.replace(b"\r\n", b"")
    return [(name.decode(), rest.decode()) for name, _, rest in (x.partition(b":") for x in lines)]


@pytest.mark.parametrize("payload", HEADERS)
def test_no_line_is_added_to_an_invitation(tmp_path: Path, payload: str) -> None:
    made = meeting.create(settings(tmp_path, "meeting", organiser=ORGANISER, location=payload))
    sent = [spoiled(payload, "k1", "meeting"), message("k2", "meeting", address=payload)]
    states = {each.message_key: each.state for each in made.deliver("b1", sent)}
    assert states["k1"] == "accepted"
    assert states["k2"] == "rejected"
    [path] = made.root.glob("*/*.k1.ics")
    lines = path.read_bytes().replace(b"\r\n ", b"").split(b"\r\n")
    heads = [line.partition(b":")[0].partition(b";")[0] for line in lines if line]
    assert sorted(heads) == sorted(
        [
            b"BEGIN", b"BEGIN", b"END", b"END", b"VERSION", b"PRODID", b"CALSCALE", b"METHOD",
            b"UID", b"DTSTAMP", b"DTSTART", b"DTEND", b"SUMMARY", b"DESCRIPTION", b"LOCATION",
            b"ORGANIZER", b"ATTENDEE", b"SEQUENCE", b"STATUS", b"TRANSP",
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    "payload", [*HEADERS, *(each for each in CLIMBS if each not in ("-rf", "_x"))]
)
def test_no_batch_becomes_a_header_of_a_webhook(payload: str) -> None:
    account = DestinationSettings(
        url=SecretStr("https://hooks.example/x"), token=SecretStr("whsec_" + "QUJD" * 8)
    )
    made = webhook.create(
        settings(Path(), "x").model_copy(update={"destinations": {"webhook": account}})
    )
    with pytest.raises(FixConfig, match="name cannot be a webhook's id"):
        made.deliver(payload, [message()])


# Templates: what a source wrote is never one.


@pytest.mark.parametrize("payload", TEMPLATES)
@pytest.mark.parametrize("programme", ["abandoned_cart", "content_download", "unheard_of"])
def test_nothing_that_is_written_is_worked_out(
    tmp_path: Path, payload: str, programme: str
) -> None:
    given = settings(tmp_path)
    made = render.render(spoiled(payload, programme=programme), given)
    plain = render.render(spoiled("payload", programme=programme), given)
    for shown in (made.subject, made.text, made.html):
        assert MARK not in shown
        assert "root:" not in shown
        assert "Settings(" not in shown
    assert payload in unescape(made.html)
    assert made.html.count("<") == plain.html.count("<")


@pytest.mark.parametrize("payload", [each for each in TEMPLATES if each[:2] in ("{{", "{%")])
def test_words_of_our_own_reach_no_machinery(payload: str) -> None:
    """A marketer may edit the words; the sandbox keeps those from the interpreter."""
    try:
        shown = render._filled(payload, {}, "test")
    except FixConfig as error:
        shown = str(error)
    assert "class" not in shown
    assert "built-in" not in shown
    assert "uid=" not in shown


# SQL: names from settings, values from data, folders.


@pytest.mark.parametrize("payload", [each for each in SQL if each != "select"])
def test_no_setting_that_becomes_a_name_takes_it(payload: str) -> None:
    source = {"vendor": "segment", "url": "x"}
    for wrong in (
        {"schema_prefix": payload}, {"sources": {payload: source}},
        {"sources": {"web": {**source, "vendor": payload}}},
        {"sources": {"web": {**source, "id_space": payload}}}, {"destinations": {payload: {}}},
        {"default_country": payload}, {"default_language": payload},
    ):  # fmt: skip
        with pytest.raises(ValidationError):
            Settings(_env_file=None, **wrong)  # type: ignore[call-arg]


@pytest.mark.parametrize("payload", SQL)
def test_no_value_is_read_as_sql(tmp_path: Path, payload: str) -> None:
    """By a shop's database, whose columns and values are somebody else's."""
    shop = tmp_path / "shop.db"
    with closing(sqlite3.connect(shop)) as connection:
        connection.execute(
            "create table customers (customer_id text, email text, updated_at text,"
            ' "x""; drop table customers; --" text)'
        )
        for number in range(5):
            values = (f"{payload}{number}", payload, "2026-01-01 10:00:00", payload)
            connection.execute("insert into customers values (?, ?, ?, ?)", values)
        connection.commit()
    given = SourceSettings(vendor="database", url=SecretStr(f"sqlite:///{shop}"))
    context = ReadContext("shop", given, SPEC_CUSTOMERS, {}, frozenset(), NOW, NOW, 2)
    records = [each for page in database.read(context) for each in page.records]
    assert sorted(each.key for each in records) == [f"{payload}{n}" for n in range(5)]
    assert {json.loads(each.payload)["email"] for each in records} == {payload}


def test_the_ledger_takes_any_text_for_text(tmp_path: Path) -> None:
    engine = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    payloads = [each for each in (*SQL, *TEMPLATES, *FORMULAS) if "\0" not in each]
    rows = [
        row(f"k{n:03}", person_id=f"p{n}{text}", occasion=text, campaign_id=text, variant=text,
            address_node=f"{n}{text}", account_id=text, product_key=text)
        for n, text in enumerate(payloads)
    ]  # fmt: skip
    outbox = Outbox(engine, tmp_path)
    outbox.emit(rows)
    assert {*outbox.states().values()} == {"accepted"}
    assert len(outbox.states()) == len(payloads)
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(MessageRow)) == len(payloads)
        kept = {*connection.scalars(select(MessageRow.campaign_id))}
    assert kept == {*payloads}
    engine.dispose()


@pytest.mark.parametrize("payload", [each for each in SQL if not {"/", "\0"} & {*each}])
def test_a_folder_is_no_sql_and_opens_no_other_one(tmp_path: Path, payload: str) -> None:
    folder, other = tmp_path / payload, tmp_path / "other"
    for each in (folder, other):
        each.mkdir()
        pq.write_table(pa.table({"a": [payload]}), each / "t.parquet")
    with closing(scratch([folder])) as connection:
        [[found]] = connection.read_parquet(str(folder / "t.parquet")).fetchall()
        assert found == payload
        with pytest.raises(Exception, match=r"(?i)permission|disabled"):
            connection.read_parquet(str(other / "t.parquet")).fetchall()


# Where a vendor may send us.


@pytest.mark.parametrize("url", INSIDE)
def test_no_vendor_sends_us_inside(url: str) -> None:
    with pytest.raises(StopRun):
        refuse_inner_address(url, "https://1.1.1.1/")


class Inner(Thread):
    """A server that must not hear of us; `asked` holds what it heard."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.asked: list[str] = []
        inner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                inner.asked.append(f"{self.path} {self.headers}")
                self.send_response(302 if inner.to else 200)
                if inner.to:
                    self.send_header("Location", inner.to)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        self.to = ""
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.start()

    def run(self) -> None:
        self.server.serve_forever(0.01)


@pytest.fixture
def inner() -> Iterator[Inner]:
    made = Inner()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What each name leads to, one time after the other; a name that is not there leads nowhere."""
    led: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def lead(host: Any, port: Any, *rest: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name not in led:
            return real(name, port, socket.AF_UNSPEC, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
        to = led[name].pop(0) if len(led[name]) > 1 else led[name][0]
        return real(to, port, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", lead)
    return led


def test_a_name_that_leads_inside_once_it_was_looked_at(
    inner: Inner, names: dict[str, list[str]]
) -> None:
    """Rebinding: the address that is connected to is the one that counts."""
    names["api.vendor.example"] = ["1.1.1.1"]
    names["files.example"] = ["1.0.0.1", "127.0.0.1"]
    client = HttpClient("https://api.vendor.example/", {"Authorization": SecretStr("s3cret")})
    with pytest.raises(StopRun, match="not on a public https host"):
        list(client.lines(f"https://files.example:{inner.port}/f"))
    assert inner.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "https://{}\\@api.vendor.example/x", "https://{}#@api.vendor.example/x",
        "https://{}?@api.vendor.example/x", "https://{}/@api.vendor.example", "//{}/x", "http://{}/x",
        "https://api.vendor.example@{}/x", "https://api.vendor.example%00@{}/", "\\\\{}\\x",
        "https:\\\\{}\\x", "https://{}:443\\@api.vendor.example/x", "https://api.vendor.example.{}/",
    ],
)  # fmt: skip
def test_no_reading_of_an_address_takes_credentials_elsewhere(
    inner: Inner, names: dict[str, list[str]], url: str
) -> None:
    names["api.vendor.example"] = names["evil.example"] = ["127.0.0.1"]
    names["api.vendor.example.evil.example"] = ["127.0.0.1"]
    client = HttpClient(
        f"http://api.vendor.example:{inner.port}/", {"Authorization": SecretStr("s3cret")}
    )
    for evil in (f"evil.example:{inner.port}", "evil.example"):
        for scheme in ("https", "http"):
            named = url.format(evil).replace("https:", f"{scheme}:")
            named = named.replace("api.vendor.example/", f"api.vendor.example:{inner.port}/")
            inner.asked.clear()
            try:
                client.get(named)
            except (ParleyError, ValueError):
                continue
            assert all(f"Host: api.vendor.example:{inner.port}" in each for each in inner.asked)


@pytest.mark.parametrize("to", [each for each in INSIDE if "//" in each])
def test_no_redirect_leads_elsewhere(inner: Inner, to: str) -> None:
    inner.to = to
    client = HttpClient(f"http://127.0.0.1:{inner.port}/", {"Authorization": SecretStr("s3cret")})
    with pytest.raises((StopRun, FixConfig)):
        client.get("/x")
    assert len(inner.asked) == 1


# Names that climb, and archives that lead out.


@pytest.mark.parametrize("name", ["file", "call_list", "post_list", "meeting"])
@pytest.mark.parametrize("payload", CLIMBS)
def test_no_name_climbs_out_of_what_is_handed_out(name: str, payload: str, tmp_path: Path) -> None:
    create, channel = WRITERS[name]
    options = {"organiser": ORGANISER} if name == "meeting" else {}
    made = create(settings(tmp_path / "home", name, **options))
    content = {"subject": "x", "starts_at": "2126-03-05T10:00Z"}
    with pytest.raises(FixConfig):
        made.deliver("b1", [message("k1", channel, programme=payload, content=content)])
    with pytest.raises(FixConfig):
        made.deliver(payload, [message("k1", channel, content=content)])
    with pytest.raises(FixConfig):
        made.lookup(payload)
    made.deliver("b1", [message(payload, channel, content=content)])
    assert all(path.is_relative_to(made.root) for path in tmp_path.rglob("*.*") if path.is_file())


@pytest.mark.parametrize("payload", CLIMBS)
def test_no_name_chooses_a_module(payload: str) -> None:
    for choose in (registry.destination, registry.source, registry.target):
        with pytest.raises(FixConfig):
            choose(payload)
    assert {*destinations(settings(Path()), [], live=False)} == set()


@pytest.mark.parametrize("kind", ["file", "folder", "chain"])
def test_an_archive_does_not_lead_out(tmp_path: Path, kind: str) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "archive"
    outside.mkdir()
    folder.mkdir()
    (outside / "secret.json").write_text("{}")
    (folder / "own.json").write_text("{}")
    (folder / "inside.json").symlink_to(folder / "own.json")
    archive = Archive(SourceSettings(vendor="segment", url=SecretStr(str(folder))), "source web")
    assert [each.part for each in archive.files((".json",))] == ["inside.json", "own.json"]
    if kind == "folder":
        (folder / "more").symlink_to(outside)  # it is not gone into
        assert len(archive.files((".json",))) == 2
        return
    if kind == "chain":
        (folder / "a").symlink_to(outside / "secret.json")
        (folder / "b.json").symlink_to(folder / "a")
    else:
        (folder / "b.json").symlink_to(outside / "secret.json")
    with pytest.raises(FixConfig, match="leads out of it") as caught:
        archive.files((".json",))
    assert "secret" not in str(caught.value)


def test_an_archive_may_be_a_link_itself(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "a.json").write_text("{}")
    (tmp_path / "link").symlink_to(real)
    given = SourceSettings(vendor="segment", url=SecretStr(str(tmp_path / "link")))
    assert [each.part for each in Archive(given, "source web").files((".json",))] == ["a.json"]
