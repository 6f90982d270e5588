"""What is known of a batch if this process ends in the middle: a file that is written as it goes.

A mail server cannot be asked what it took over. So before an email becomes complete for it, the
file says that it leaves, and then what came back. Whoever takes the batch over reads there what was
answered, what was on its way (unknown: one for each connection), and, by what is missing, what
never left. The file holds keys of messages and answers in numbers: nothing of anybody.

It is believed whole or not at all: by the machine that wrote it, since that last started (what it
had not yet put on its disk is gone when it stops), and after the writer ended.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from connectors.core.delivery import Outcome
from connectors.core.errors import FixConfig, RetryLater

WHERE: Final = "destination smtp"
BATCH: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,100}")
LEAVES: Final = "leaves"
LINE: Final = re.compile(r"(leaves|accepted|rejected|waiting|unknown)\t([^\t\n]+)\t([^\t\n]*)\n")
KEPT_SECONDS: Final = 30 * 24 * 3600.0
BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Journal:
    """The file of a batch, held by this process until it is closed."""

    batch_id: str
    path: Path
    handle: int

    def leaves(self, message_key: str) -> None:
        """Say that an email is about to be complete for the server.

        Raises:
            FixConfig: the file cannot be written.
        """
        try:
            self._write(f"{LEAVES}\t{message_key}\t\n")
        except OSError:
            raise _unwritable(self.path.parent) from None

    def said(self, outcome: Outcome) -> None:
        """Say what came back; where that cannot be written, the email stays one that left."""
        with suppress(OSError):
            self._write(f"{outcome.state}\t{outcome.message_key}\t{outcome.detail}\n")

    def close(self) -> None:
        """Let others read it."""
        os.close(self.handle)

    def _write(self, line: str) -> None:
        # One call a line: lines of several threads do not mix.
        if os.write(self.handle, line.encode()) < len(line):
            raise OSError


def begin(folder: Path, batch_id: str) -> Journal:
    """Begin a batch: none of it has left, whatever an earlier attempt at it said.

    Raises:
        RetryLater: another process is at the same batch.
        FixConfig: the file cannot be written.
    """
    path, handle = _path(folder, batch_id), -1
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(handle, 0)
        os.write(handle, _heading().encode())
    except OSError as error:
        is_held = isinstance(error, BlockingIOError)
    else:
        return Journal(batch_id, path, handle)
    if handle >= 0:
        os.close(handle)
    if is_held:
        raise _held()
    raise _unwritable(folder)


def read(folder: Path, batch_id: str) -> list[Outcome] | None:
    """What is known of a batch of a process that ended; what is not mentioned has not left.

    None where nothing can be known. Raises `RetryLater` while its process lives.
    """
    try:
        with _path(folder, batch_id).open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            heading, *lines = file.readlines() or [""]
    except BlockingIOError:
        raise _held() from None
    except (OSError, ValueError):
        return None
    found = [LINE.fullmatch(line) for line in lines]
    if heading != _heading() or not _boot() or not all(found):
        return None
    last = {each[2]: (each[1], each[3]) for each in found if each}
    return [outcome for key, said in last.items() if (outcome := _outcome(key, *said))]


def forget(folder: Path, batch_id: str) -> None:
    """Forget a batch: whoever asks for it from now on hears that nobody knows."""
    with suppress(OSError):
        _path(folder, batch_id).unlink()


def forget_old(folder: Path) -> None:
    """Forget what nobody asked for in a month."""
    oldest = time.time() - KEPT_SECONDS
    for path in folder.glob("*.journal"):
        with suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()


def _outcome(key: str, state: str, detail: str) -> Outcome | None:
    """What the last line about a message means; None where it surely did not arrive."""
    if state == "accepted":
        return Outcome(key, "accepted", detail)
    if state == "rejected":
        return Outcome(key, "rejected", detail)
    if state == "waiting":
        return None
    return Outcome(key, "unknown", detail or "it ended before the server answered")


def _path(folder: Path, batch_id: str) -> Path:
    if not BATCH.fullmatch(batch_id):
        what = "a batch has a name that cannot be a file's"
        raise FixConfig(what, WHERE, "Use letters, digits, _ and - only.")
    return folder / f"{batch_id}.journal"


def _heading() -> str:
    return f"parley smtp\t{_boot()}\n"


def _boot() -> str:
    """Which start of which machine this is; '' where the system does not say."""
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _held() -> RetryLater:
    return RetryLater("another process is at this batch", WHERE, "Wait for it to end.")


def _unwritable(folder: Path) -> FixConfig:
    what = "what leaves cannot be noted: the file cannot be written"
    return FixConfig(what, f"{WHERE}, {folder}", "Make room or give the right to write there.")
