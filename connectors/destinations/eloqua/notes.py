"""Which messages a batch has on which list: Eloqua tells what became of rows, not of keys.

A file a batch, written before anything of it can be accepted. It holds keys of messages in the
order of their rows, and nothing of anybody.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import orjson

from connectors.core.errors import FixConfig
from connectors.core.handout.whole import whole, write_text
from connectors.destinations.eloqua.options import WHERE

BATCH: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,100}")
KEPT_SECONDS: Final = 30 * 24 * 3600.0


@dataclass(frozen=True)
class Notes:
    """The folder of these files; it need not exist yet."""

    folder: Path

    def write(self, batch_id: str, keys: Mapping[str, Sequence[str]]) -> None:
        """Note a batch: the keys of messages by list. Raises `FixConfig` where it cannot be."""
        path, text = self._path(batch_id), orjson.dumps(dict(keys)).decode()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            whole(path, partial(write_text, text=text))
        except OSError:
            what = "what leaves cannot be noted: the file cannot be written"
            problem = FixConfig(what, WHERE, "Make room, or give the right to write there.")
        else:
            self._forget_old()
            return
        raise problem

    def read(self, batch_id: str) -> dict[str, list[str]] | None:
        """The keys of a batch; None where nothing was noted here."""
        try:
            found: dict[str, list[str]] = orjson.loads(self._path(batch_id).read_bytes())
        except (OSError, ValueError):
            return None
        return found

    def _path(self, batch_id: str) -> Path:
        if not BATCH.fullmatch(batch_id):
            what = "a batch has a name that cannot be a file's"
            raise FixConfig(what, WHERE, "Use letters, digits, _ and - only.")
        return self.folder / f"{batch_id}.json"

    def _forget_old(self) -> None:
        oldest = time.time() - KEPT_SECONDS
        for path in self.folder.glob("*.json"):
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()
