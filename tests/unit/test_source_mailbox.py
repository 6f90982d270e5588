"""The source `mailbox`: a maildir, and a real IMAP conversation over TLS on loopback."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from imap_kit import Box, imap_server
from mail_kit import AT, bounce, complaint, key, letter
from pydantic import SecretStr
from smtp_kit import certificate

from connectors.core.accounts import SourceSettings
from connectors.core.errors import FixConfig, ParleyError, RetryLater
from connectors.core.spec import Page, ReadContext
from connectors.sources.mailbox import SPEC

K1, K2, K3 = key("k1"), key("k2"), key("k3")
AS_OF = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
STREAMS = ("reports", "replies", "unsubscribes")
MAIL = {
    "reports": [bounce(K1, "ada@shop.example"), complaint(K2, "bob@shop.example")],
    "replies": [letter("cem@shop.example", "Thanks!", answers=K3)],
    "unsubscribes": [
        letter("dee@shop.example", "", subject=f"unsubscribe {K3}"),
        letter("eve@shop.example", "Stop.", answers=K3),
        letter("fay@shop.example", "", subject="unsubscribe"),
    ],
    "": [
        letter("cem@shop.example", "I am away.", answers=K3, Auto_Submitted="auto-replied"),
        letter("cem@shop.example", "stop", answers=K3, Precedence="bulk"),
        letter("gil@shop.example", "An offer for you", subject="Windows"),
    ],
}


def read(settings: SourceSettings, stream: str, as_of: datetime = AS_OF, **told: Any) -> list[Page]:
    cursors = {"": told["cursor"]} if told.get("cursor") else {}
    context = ReadContext(
        "box", settings, SPEC.stream(stream), cursors, frozenset(), as_of, as_of,
        told.get("page_size", 100),
    )  # fmt: skip
    return list(SPEC.read(context))


def facts(pages: list[Page]) -> list[dict[str, Any]]:
    return [orjson.loads(record.payload) for page in pages for record in page.records]


def keys(pages: list[Page]) -> list[str]:
    return [record.key for page in pages for record in page.records]


class Maildir:
    """A maildir that letters are delivered to."""

    def __init__(self, path: Path) -> None:
        self.path, self.count = path, 0
        for name in ("new", "cur", "tmp"):
            (path / name).mkdir(parents=True)

    @property
    def settings(self) -> SourceSettings:
        return SourceSettings(vendor="mailbox", url=SecretStr(str(self.path)))

    def put(self, data: bytes, at: datetime = AT, name: str = "") -> Path:
        self.count += 1
        path = self.path / "new" / (name or f"{int(at.timestamp())}.{self.count:04d}.host")
        path.write_bytes(data)
        return path


@pytest.fixture
def maildir(tmp_path: Path) -> Maildir:
    return Maildir(tmp_path / "mail")


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("tls"), "127.0.0.1", timedelta(days=30))


@pytest.fixture
def served(pem: tuple[Path, Path]) -> Iterator[tuple[Box, SourceSettings]]:
    box = Box()
    with imap_server(box, pem) as port:
        yield box, imap(port, pem)


def imap(port: int, pem: tuple[Path, Path], **changes: Any) -> SourceSettings:
    told = {
        "url": SecretStr(f"imaps://127.0.0.1:{port}/INBOX"), "user": SecretStr("ada"),
        "password": SecretStr("open sesame"), "options": {"ca_file": str(pem[0])},
    }  # fmt: skip
    return SourceSettings(vendor="mailbox", **{**told, **changes})


def fill(put: Any) -> None:
    for number, data in enumerate(each for group in MAIL.values() for each in group):
        put(data, AT + timedelta(seconds=number))


def kinds(settings: SourceSettings) -> dict[str, list[tuple[str, str | None, str | None]]]:
    return {
        stream: [
            (each["what"], each["message_key"], each["final_recipient"])
            for each in facts(read(settings, stream))
        ]
        for stream in STREAMS
    }


EXPECTED = {
    "reports": [
        ("delivery-status", K1, "ada@shop.example"), ("feedback-report", K2, "bob@shop.example"),
    ],
    "replies": [("reply", K3, "cem@shop.example")],
    "unsubscribes": [
        ("unsubscribe", K3, "dee@shop.example"), ("unsubscribe", K3, "eve@shop.example"),
        ("unsubscribe", None, "fay@shop.example"),
    ],
}  # fmt: skip


def test_each_letter_is_in_the_stream_that_it_belongs_to_and_machines_in_none(
    maildir: Maildir, served: tuple[Box, SourceSettings]
) -> None:
    box, settings = served
    fill(maildir.put)
    fill(box.put)
    assert kinds(maildir.settings) == EXPECTED
    assert kinds(settings) == EXPECTED


def test_the_same_report_in_two_places_is_one_record(
    maildir: Maildir, served: tuple[Box, SourceSettings]
) -> None:
    box, settings = served
    fill(maildir.put)
    fill(lambda data, at: box.put(data, at + timedelta(minutes=5)))
    for stream in STREAMS:
        one, other = read(maildir.settings, stream), read(settings, stream)
        names = [
            [record.key for page in pages for record in page.records] for pages in (one, other)
        ]
        assert names[0] == names[1]


def test_nothing_is_changed_and_bodies_of_other_mail_are_not_fetched(
    served: tuple[Box, SourceSettings],
) -> None:
    box, settings = served
    fill(box.put)
    read(settings, "reports")
    asked = [each for each in box.asked if each.startswith("UID FETCH")]
    assert [each for each in box.asked if each.startswith(("SELECT", "UID STORE"))] == []
    assert all("BODY.PEEK" in each for each in asked)
    assert len([each for each in asked if "BODY.PEEK[]" in each]) == len(MAIL["reports"])


def test_what_was_read_is_not_read_again_also_where_the_last_number_is_asked_for(
    served: tuple[Box, SourceSettings],
) -> None:
    box, settings = served
    fill(box.put)
    pages = read(settings, "reports", page_size=1)
    assert [len(page.records) for page in pages] == [1, 1, 0]
    assert read(settings, "reports", cursor=pages[-1].cursor) == []
    box.put(bounce(K3, "gil@shop.example"), AT + timedelta(minutes=1))
    [said] = facts(read(settings, "reports", cursor=pages[-1].cursor))
    assert said["final_recipient"] == "gil@shop.example"
    assert len(facts(read(settings, "reports", cursor=pages[0].cursor))) == 2


def test_letters_numbered_anew_are_read_again_under_the_same_names(
    served: tuple[Box, SourceSettings],
) -> None:
    box, settings = served
    fill(box.put)
    before = read(settings, "reports")
    box.renumber()
    after = read(settings, "reports", cursor=before[-1].cursor)
    assert keys(before) == keys(after) != []


def test_a_connection_that_breaks_keeps_what_was_read(served: tuple[Box, SourceSettings]) -> None:
    box, settings = served
    fill(box.put)
    box.hangs_up_at = "UID FETCH 2 "
    context = ReadContext("box", settings, SPEC.stream("reports"), {}, frozenset(), AS_OF, AS_OF, 1)
    pages = []
    with pytest.raises(RetryLater):
        pages += SPEC.read(context)
    box.hangs_up_at = ""
    reader = SPEC.read(context)
    first = next(reader)
    reader.close()
    assert len(first.records) == 1
    assert len(facts(read(settings, "reports", cursor=first.cursor))) == 1


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"password": SecretStr("c4nary")}, FixConfig),
        ({"password": None, "token": SecretStr("c4nary")}, FixConfig),
        ({"options": {}}, RetryLater),
        ({"url": SecretStr("imaps://c4nary@127.0.0.1:1/INBOX")}, RetryLater),
    ],
)
def test_what_is_wrong_is_named_and_no_secret_is_shown(
    served: tuple[Box, SourceSettings], pem: tuple[Path, Path], changes: Any, error: type[Exception]
) -> None:
    _, settings = served
    port = int(settings.url.get_secret_value().rpartition(":")[2].partition("/")[0])
    wrong = imap(port, pem, **changes)
    with pytest.raises(error) as raised:
        read(wrong, "reports")
    assert isinstance(raised.value, ParleyError)
    text = "".join(traceback.format_exception(raised.value)) + repr(SPEC.check("box", wrong))
    assert "c4nary" not in text
    assert "sesame" not in text


def test_a_token_logs_in_and_a_folder_that_is_not_there_is_told(
    served: tuple[Box, SourceSettings], pem: tuple[Path, Path]
) -> None:
    box, settings = served
    port = int(settings.url.get_secret_value().rpartition(":")[2].partition("/")[0])
    fill(box.put)
    assert facts(read(imap(port, pem, password=None, token=SecretStr(box.token)), "replies"))
    missing = imap(port, pem, url=SecretStr(f"imaps://127.0.0.1:{port}/Nowhere"))
    assert [each.level for each in SPEC.check("box", missing)] == ["error"]
    assert [each.level for each in SPEC.check("box", settings)] == ["ok"]


def test_without_tls_only_on_this_machine() -> None:
    box = Box()
    fill(box.put)
    with imap_server(box) as port:
        url = SecretStr(f"imap://ada:open%20sesame@127.0.0.1:{port}")
        assert facts(read(SourceSettings(vendor="mailbox", url=url), "replies"))


def test_a_letter_that_is_moved_or_flagged_is_not_read_again(maildir: Maildir) -> None:
    path = maildir.put(MAIL["reports"][0])
    [page] = read(maildir.settings, "reports")
    path.rename(maildir.path / "cur" / f"{path.name}:2,RS")
    assert read(maildir.settings, "reports", cursor=page.cursor) == []


def test_a_file_that_is_late_by_less_than_a_day_is_still_read(maildir: Maildir) -> None:
    maildir.put(MAIL["reports"][0], AT)
    [page] = read(maildir.settings, "reports")
    maildir.put(MAIL["reports"][1], AT - timedelta(hours=23))
    [later] = read(maildir.settings, "reports", cursor=page.cursor)
    assert len(later.records) == 1
    assert read(maildir.settings, "reports", cursor=later.cursor) == []


def test_a_file_of_another_name_arrived_when_it_was_written(maildir: Maildir) -> None:
    path = maildir.put(MAIL["reports"][0], name="report.eml")
    os.utime(path, (AT.timestamp(), AT.timestamp()))
    [page] = read(maildir.settings, "reports")
    assert page.records[0].at == AT


def test_the_cursor_of_a_full_maildir_stays_small(maildir: Maildir) -> None:
    for number in range(300):
        maildir.put(MAIL["reports"][0], AT - timedelta(days=number))
    pages = read(maildir.settings, "reports", page_size=50)
    assert sum(len(page.records) for page in pages) == 300
    assert max(len(page.cursor or "") for page in pages) < 200


def test_nothing_of_after_the_runs_clock_is_read(
    maildir: Maildir, served: tuple[Box, SourceSettings]
) -> None:
    box, settings = served
    for put in (maildir.put, box.put):
        put(MAIL["reports"][0], AT)
        put(MAIL["reports"][1], AS_OF + timedelta(seconds=1))
    for each in (maildir.settings, settings):
        pages = read(each, "reports")
        assert len(facts(pages)) == 1
        later = read(each, "reports", AS_OF + timedelta(hours=1), cursor=pages[-1].cursor)
        assert len(facts(later)) == 1
