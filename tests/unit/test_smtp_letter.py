"""What an email looks like on the wire, and what is never one."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from smtp_kit import FROM, message, settings_for

from connectors.core.delivery import OutMessage
from connectors.core.errors import FixConfig, SkipRecord
from connectors.core.sender import DEMO_SENDER, SenderSettings
from connectors.core.settings import Settings
from connectors.destinations import render
from connectors.destinations.smtp import letter
from connectors.destinations.smtp.letter import writer

MONDAY = datetime(2011, 12, 5, 11, 5, tzinfo=UTC)


def written(settings: Settings, given: OutMessage) -> tuple[bytes, EmailMessage]:
    data = writer(settings, lambda: MONDAY).write(given).data
    parsed = message_from_bytes(data, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return data, parsed


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(25, tmp_path)


def pem(key: Any) -> str:
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain).decode()


def test_an_email_says_who_when_which_and_how_to_unsubscribe(settings: Settings) -> None:
    _, email = written(settings, message("k1"))
    assert (email["From"], email["To"]) == (f"Parley's Demo Shop <{FROM}>", "k1@shop.example")
    assert (email["Subject"], email["Message-ID"]) == ("Your basket", "<k1@brand.example>")
    assert parsedate_to_datetime(email["Date"]) == MONDAY
    link = email["List-Unsubscribe"]
    assert link.startswith("<https://mail.shop.example/unsubscribe/k1.")
    assert email["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert email["Auto-Submitted"] == "auto-generated"
    assert email["Feedback-ID"] == "abandoned_cart:marketing:parley:brand.example"
    text, html = email.iter_parts()
    assert (email.get_content_type(), text.get_content_type(), html.get_content_type()) == (
        "multipart/alternative", "text/plain", "text/html",
    )  # fmt: skip
    shown = render.render(message("k1"), settings)
    assert text.get_content().split() == shown.text.split()
    assert html.get_content().splitlines() == shown.html.splitlines()
    assert DEMO_SENDER.postal_address in text.get_content()
    assert link[1:-1] in text.get_content()


def test_only_the_recipient_is_told_of_the_recipient(settings: Settings) -> None:
    """No header holds the person, and the address stands in To alone."""
    data, _ = written(settings, message("k1", person_id="person-77", address="ada@b.example"))
    assert data.count(b"ada@b.example") == 1
    assert b"person-77" not in data


def test_a_service_message_has_no_marketing_headers(settings: Settings) -> None:
    _, email = written(settings, message("k1", purpose="service"))
    assert email["List-Unsubscribe"] is email["List-Unsubscribe-Post"] is None
    assert email["Feedback-ID"].startswith("abandoned_cart:service:")


@pytest.mark.parametrize(
    "subject",
    ["Änderung: 20 % für Zoë", "長い件名" * 30, "words " * 40, "a =?utf-8?q?b?= c", "x" * 300],
)
def test_any_subject_arrives_as_it_was_and_no_line_is_too_long(
    settings: Settings, subject: str
) -> None:
    given = message("k1", content={"subject": subject, "fact": "é" * 3000})
    data, email = written(settings, given)
    assert email["Subject"].split() == subject.split()
    assert "é" * 3000 in next(email.iter_parts()).get_content()
    assert max(map(len, data.split(b"\r\n"))) <= 998
    assert data.isascii()
    assert b"\n" not in data.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "changes",
    [
        {"address": ""},
        {"address": "ada@b.example,eve@c.example"},
        {"address": "ada@b.example eve@c.example"},
        {"address": "ada@b.example\r\nBcc: eve@c.example"},
        {"address": "ada@b.example\n"},
        {"address": "ada@b.example>\r\nRCPT TO:<eve@c.example"},
        {"address": "@b.example"},
        {"address": "ada"},
        {"address": "zoë@b.example"},
        {"message_key": "k1>\r\nBcc: eve@c.example"},
        {"message_key": "k1\n"},
        {"programme": "cart\r\nBcc: eve@c.example"},
        {"channel": "call"},
    ],
)
def test_what_has_not_exactly_one_recipient_or_could_add_a_header_is_refused(
    settings: Settings, changes: dict[str, Any]
) -> None:
    with pytest.raises(SkipRecord) as refused:
        written(settings, message("k1", **changes))
    assert "example" not in str(refused.value)


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\u2028", "\x0b"])
def test_no_text_adds_a_header(settings: Settings, end: str) -> None:
    evil = f"Hello{end}Bcc: eve@c.example{end}{end}<b>hi</b>{end}.{end}QUIT"
    content = {"subject": evil, "fact": evil, "items": evil, "text": evil}
    _, email = written(settings, message("k1", content=content))
    assert email["Bcc"] is None
    assert len(list(email.iter_parts())) == 2


def test_a_subject_with_a_line_break_is_refused_even_where_rendering_let_it_through(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = render.render(message("k1"), settings)
    monkeypatch.setattr(
        letter, "render", lambda *_: replace(shown, subject="a\r\nBcc: e@c.example")
    )
    with pytest.raises(SkipRecord, match="line break"):
        written(settings, message("k1"))


def test_a_domain_in_another_script_is_written_in_ascii(settings: Settings) -> None:
    _, email = written(settings, message("k1", address="ada@bücher.example"))
    assert email["To"] == "ada@xn--bcher-kva.example"


@pytest.mark.parametrize("missing", ["postal_address", "links_url", "company"])
def test_marketing_without_a_sender_does_not_leave_but_service_does(
    settings: Settings, missing: str
) -> None:
    sender = SenderSettings(**{**DEMO_SENDER.model_dump(), missing: ""})
    lacking = settings.model_copy(update={"sender": sender})
    with pytest.raises(FixConfig, match=missing.upper()):
        written(lacking, message("k1"))
    assert written(lacking, message("k1", purpose="service"))[1]["To"]


@pytest.mark.parametrize("gone", ["unsubscribe_url", "postal_address"])
@pytest.mark.parametrize("part", ["text", "html"])
def test_marketing_that_a_template_took_the_foot_from_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, gone: str, part: str
) -> None:
    shown = render.render(message("k1"), settings)
    word = shown.unsubscribe_url if gone == "unsubscribe_url" else DEMO_SENDER.postal_address
    for each in (word, word.replace("&", "&amp;")):
        shown = replace(shown, **{part: getattr(shown, part).replace(each, "")})
    monkeypatch.setattr(letter, "render", lambda *_: shown)
    with pytest.raises(SkipRecord, match="marketing without"):
        written(settings, message("k1"))


def test_a_link_to_unsubscribe_that_is_not_encrypted_is_none(settings: Settings) -> None:
    sender = DEMO_SENDER.model_copy(update={"links_url": "http://mail.shop.example"})
    with pytest.raises(SkipRecord, match="https"):
        written(settings.model_copy(update={"sender": sender}), message("k1"))


@pytest.mark.parametrize("form", ["key", "one line", "file"])
def test_the_signature_is_one_that_others_verify(tmp_path: Path, form: str) -> None:
    key = rsa.generate_private_key(65537, 2048)
    (tmp_path / "key.pem").write_text(pem(key))
    given = {
        "key": pem(key),
        "one line": pem(key).replace("\n", "\\n"),
        "file": str(tmp_path / "key.pem"),
    }
    settings = settings_for(25, tmp_path, dkim_key=given[form], dkim_selector="s1")
    content = {"subject": "Für Zoë", "fact": ".\n..\nFrom here", "text": "  spaced  out "}
    data, email = written(settings, message("k1", content=content))
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    def published(name: bytes, **_: object) -> bytes:
        assert name == b"s1._domainkey.brand.example."
        return b"v=DKIM1; k=rsa; p=" + b64encode(der)

    assert dkim.verify(data, dnsfunc=published)
    tags = email["DKIM-Signature"].replace(" ", "")
    assert f"t={int(MONDAY.timestamp())}" in tags
    signed = tags.partition("h=")[2].partition(";")[0].split(":")
    assert {
        "from", "to", "subject", "date", "message-id", "list-unsubscribe",
        "list-unsubscribe-post", "mime-version", "content-type",
    } <= {*signed}  # fmt: skip
    for changed in (
        data.replace(b"basket", b"casket").replace(b"Zo", b"Yo").replace(b"From here", b"Not here"),
        b"From: eve@c.example\r\n" + data,
        b"Subject: Another\r\n" + data,
        data.replace(b"One-Click", b"Two-Click"),
        data.replace(b"\r\nTo: k1", b"\r\nTo: k2"),
    ):
        assert changed != data
        assert not dkim.verify(changed, dnsfunc=published)


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"dkim_key": "secret-nonsense"}, "DKIM_SELECTOR"),
        ({"dkim_key": "secret-nonsense", "dkim_selector": "s1"}, "DKIM_KEY"),
        ({"dkim_key": "-----BEGIN secret-nonsense", "dkim_selector": "s1"}, "DKIM_KEY"),
        ({"dkim_key": "elliptic", "dkim_selector": "s1"}, "DKIM_KEY"),
    ],
)
def test_a_key_that_cannot_sign_is_told_of_and_not_shown(
    tmp_path: Path, given: dict[str, str], where: str
) -> None:
    if given["dkim_key"] == "elliptic":
        given = {**given, "dkim_key": pem(ec.generate_private_key(ec.SECP256R1()))}
    with pytest.raises(FixConfig, match=where) as told:
        writer(settings_for(25, tmp_path, **given), lambda: MONDAY)
    assert "secret" not in str(told.value)
    assert "PRIVATE" not in str(told.value)
