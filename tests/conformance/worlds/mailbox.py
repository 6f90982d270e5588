"""A maildir in which a mail server reports what it could not deliver."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime
from hashlib import md5
from pathlib import Path
from typing import Any

import orjson

from tests.conformance.worlds.base import SECRET, World

REPORT = """\
From: MAILER-DAEMON@mx.example
Message-ID: <{name}@mx.example>
Date: {date}
Content-Type: multipart/report; report-type=delivery-status; boundary="cut"

--cut
Content-Type: text/plain

It did not work.
--cut
Content-Type: message/delivery-status

{status}
--cut
Content-Type: text/rfc822-headers

Message-ID: <{key}@brand.example>
--cut--
"""
STATUS = """\
Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {name}@shop.example
Action: failed
Status: 5.1.1"""


class MailboxWorld(World):
    vendor = "mailbox"
    stream = "reports"
    source_id = "bounces"
    broken_urls = (
        f"/nowhere/{SECRET}",
        f"imaps://user:{SECRET}@127.0.0.1:1/INBOX",
        f"imap://user:{SECRET}@127.0.0.1:no/INBOX",
        f"http://user:{SECRET}@127.0.0.1/",
    )

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "maildir"
        for name in ("new", "cur", "tmp"):
            (self._folder / name).mkdir(parents=True)

    def url(self) -> str:
        return self._folder.as_uri()

    def put(self, records: dict[str, datetime]) -> None:
        for name, at in records.items():
            self._write(name, STATUS.format(name=name), at)

    def put_garbage(self, key: str, text: str, at: datetime) -> None:
        self._write(key, text, at)

    def name_of(self, row: dict[str, Any]) -> str:
        recipient = orjson.loads(row["payload"]).get("final_recipient") or ""
        return str(recipient.partition("@")[0])

    def _write(self, name: str, status: str, at: datetime) -> None:
        key = md5(name.encode(), usedforsecurity=False).hexdigest()
        text = REPORT.format(name=name, date=format_datetime(at), status=status, key=key)
        # A mail program may have looked at some of them.
        place = "new/{}.{}.mx" if len(name) % 2 else "cur/{}.{}.mx:2,S"
        path = self._folder / place.format(int(at.timestamp()), name)
        path.write_text(text, encoding="utf-8")


WORLDS = (MailboxWorld,)
