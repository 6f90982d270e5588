"""Where letters lie: a maildir on this machine, or a mailbox behind IMAP. Both are only read.

Letters are given from the oldest to the newest, first their headers: a letter that nobody wants is
not fetched. Sources: D. J. Bernstein, maildir(5); RFC 3501 (IMAP4rev1), 2.3.1.1 on UIDs.
"""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

import orjson

from connectors.core.accounts import SourceSettings
from connectors.core.errors import FixConfig, RetryLater

# Of a large letter the beginning: reports and replies stand there, attachments after it.
MOST_BYTES: Final = 256 * 1024
CHUNK: Final = 200
TIMEOUT_SECONDS: Final = 60.0
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
# Files that a slow delivery names earlier than those that are there already.
LOOK_BACK: Final = timedelta(days=1)
_STAMP: Final = re.compile(r"(\d{9,11})\.")
_UID: Final = re.compile(rb"\bUID (\d+)")
_DATE: Final = re.compile(rb'INTERNALDATE "([^"]+)"')


@dataclass(frozen=True)
class Letter:
    """A letter: when it arrived (aware UTC), its head, how to get all of it, what resumes after."""

    received_at: datetime
    head: bytes
    whole: Callable[[], bytes]
    cursor: str


class Maildir:
    """The folders `new` and `cur`; a file's name begins with the second of its arrival."""

    def __init__(self, path: Path, where: str) -> None:
        """Look whether it is one. Raises `FixConfig`."""
        if not (path / "new").is_dir() and not (path / "cur").is_dir():
            what = "there is no maildir: a folder with the folders new and cur"
            raise FixConfig(what, where, "Correct the source's url.")
        self._path = path

    def letters(self, stored: str | None) -> Iterator[Letter]:
        """The letters that were not read yet; `stored`: the cursor of the last one that was."""
        told = orjson.loads(stored) if stored else {"reached": 0, "seen": []}
        reached, seen = int(told["reached"]), dict.fromkeys(told["seen"], int(told["reached"]))
        for second, path in self._files(reached - int(LOOK_BACK.total_seconds())):
            name = _short(path)
            data = None if name in seen else _beginning(path)
            if data is None:
                continue
            reached = max(reached, second)
            seen[name] = second
            kept = reached - int(LOOK_BACK.total_seconds())
            seen = {each: at for each, at in seen.items() if at >= kept}
            cursor = orjson.dumps({"reached": reached, "seen": sorted(seen)}).decode()
            yield Letter(datetime.fromtimestamp(second, UTC), data, partial(bytes, data), cursor)

    def _files(self, since: int) -> list[tuple[int, Path]]:
        found = [
            (_second(path), path)
            for folder in ("new", "cur")
            for path in (self._path / folder).glob("[!.]*")
            if path.is_file()
        ]
        return sorted((each for each in found if each[0] >= since), key=lambda f: (f[0], f[1].name))


class Imap:
    """A mailbox on a server, opened to read: no letter is marked as seen."""

    def __init__(self, imap: imaplib.IMAP4, where: str, folder: str) -> None:
        """Open a folder of a connection that is logged in. Raises `FixConfig`."""
        self._imap, self._where = imap, where
        quoted = '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
        if imap.select(quoted, readonly=True)[0] != "OK":
            what = "there is no such mailbox"
            raise FixConfig(what, where, "Correct the url: imaps://host/INBOX.")
        self._validity = b"".join(filter(None, imap.response("UIDVALIDITY")[1])).decode()

    def letters(self, stored: str | None) -> Iterator[Letter]:
        """The letters that arrived since; all of them where the server has numbered them anew."""
        told = orjson.loads(stored) if stored else {}
        reached = int(told.get("uid", 0)) if told.get("validity") == self._validity else 0
        found = self._asked("SEARCH", None, f"UID {reached + 1}:*")
        # `n:*` names the last letter, however low its number.
        uids = sorted(
            uid for uid in map(int, b" ".join(filter(None, found)).split()) if uid > reached
        )
        for start in range(0, len(uids), CHUNK):
            yield from self._letters(uids[start : start + CHUNK])

    def _letters(self, uids: Sequence[int]) -> Iterator[Letter]:
        named = ",".join(map(str, uids))
        found = self._asked("FETCH", named, "(INTERNALDATE BODY.PEEK[HEADER])")
        heads = {uid: (told, data) for told, data in _pairs(found) if (uid := _uid(told))}
        for uid in uids:
            if uid not in heads:  # deleted meanwhile
                continue
            told, data = heads[uid]
            cursor = orjson.dumps({"validity": self._validity, "uid": uid}).decode()
            yield Letter(_arrived(told), data, partial(self._whole, uid), cursor)

    def _whole(self, uid: int) -> bytes:
        asked = self._asked("FETCH", str(uid), f"(BODY.PEEK[]<0.{MOST_BYTES}>)")
        return next((body for _, body in _pairs(asked)), b"")

    def _asked(self, command: str, *arguments: str | None) -> list[Any]:
        answer, data = self._imap.uid(command, *arguments)  # type: ignore[arg-type]
        if answer != "OK":
            what = f"the mail server refuses {command}"
            raise RetryLater(what, self._where, "Run again later.")
        return data


@contextmanager
def opened(source_id: str, settings: SourceSettings) -> Iterator[Maildir | Imap]:
    """Open the place that a source's url names: a path, file://, imaps:// or imap://.

    Raises:
        FixConfig: there is no such place, or the login is wrong.
        RetryLater: the server is away, or the connection was lost.
    """
    where, url = f"source {source_id}", settings.url.get_secret_value()
    parts = _split(url, where)
    if parts.scheme in ("", "file"):
        yield Maildir(Path(unquote(parts.path) if parts.scheme else url), where)
        return
    if parts.scheme not in ("imaps", "imap") or not parts.hostname:
        what = "its url is neither a folder nor imaps://"
        raise FixConfig(what, where, "Write imaps://mail.example.com/INBOX, or a maildir's path.")
    imap, told = None, ""
    try:
        imap = _connected(parts, settings)
        _log_in(imap, parts, settings, where)
        yield Imap(imap, where, unquote(parts.path).strip("/") or "INBOX")
    except (OSError, imaplib.IMAP4.error) as error:
        told = f"the mail server is away or broke off ({type(error).__name__})"
    finally:
        _close(imap)
    if told:
        raise RetryLater(told, where, "Look whether it is up; the next run goes on from here.")


def _connected(parts: SplitResult, settings: SourceSettings) -> imaplib.IMAP4:
    """A connection with TLS; without it only on this machine."""
    context = ssl.create_default_context(cafile=settings.options.get("ca_file"))
    host, port = str(parts.hostname), parts.port
    if parts.scheme == "imaps":
        return imaplib.IMAP4_SSL(host, port or 993, ssl_context=context, timeout=TIMEOUT_SECONDS)
    imap = imaplib.IMAP4(host, port or 143, timeout=TIMEOUT_SECONDS)
    if host not in LOOPBACK:
        imap.starttls(context)
    return imap


def _log_in(imap: imaplib.IMAP4, parts: SplitResult, settings: SourceSettings, where: str) -> None:
    user = settings.user.get_secret_value() if settings.user else unquote(parts.username or "")
    password = settings.password or settings.token
    secret = password.get_secret_value() if password else unquote(parts.password or "")
    try:
        if settings.token:  # Google's and Microsoft's: user=…^Aauth=Bearer …^A^A
            said = f"user={user}\x01auth=Bearer {secret}\x01\x01".encode()
            imap.authenticate("XOAUTH2", lambda _: said)
        else:
            imap.login(user, secret)
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error:
        pass
    else:
        return
    what = "the mail server refuses the login"
    raise FixConfig(what, where, "Correct user and password, or token.")


def _close(imap: imaplib.IMAP4 | None) -> None:
    if imap is not None:
        with suppress(OSError, imaplib.IMAP4.error):
            imap.logout()


def _split(url: str, where: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = None
    if parts is None:
        what = "its url is none"
        raise FixConfig(what, where, "Write imaps://mail.example.com/INBOX.")
    return parts


def _beginning(path: Path) -> bytes | None:
    """What is read of a file; None where it was just moved: the next run finds it."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES)
    except FileNotFoundError:
        return None


def _second(path: Path) -> int:
    stamp = _STAMP.match(path.name)
    return int(stamp[1]) if stamp else int(path.stat().st_mtime)


def _short(path: Path) -> str:
    """A file by its name without the flags, which change."""
    return sha256(path.name.partition(":")[0].encode(errors="replace")).hexdigest()[:16]


def _pairs(data: Sequence[Any]) -> list[tuple[bytes, bytes]]:
    """What is told of each letter, before its text or after it, and the text."""
    return [
        (one[0] + b" " + (after if isinstance(after, bytes) else b""), one[1])
        for one, after in zip(data, [*data[1:], b""], strict=True)
        if isinstance(one, tuple)
    ]


def _uid(told: bytes) -> int:
    found = _UID.search(told)
    return int(found[1]) if found else 0


def _arrived(told: bytes) -> datetime:
    found = _DATE.search(told)
    text = found[1].decode("ascii", "replace").strip() if found else ""
    try:
        return datetime.strptime(text, "%d-%b-%Y %H:%M:%S %z").astimezone(UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
