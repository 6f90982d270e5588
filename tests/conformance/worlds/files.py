"""What worlds of files share."""

from __future__ import annotations

import gzip
from abc import abstractmethod
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import orjson

from tests.conformance.worlds.base import SECRET, World


class FilesWorld(World):
    """A folder of events, one compressed file for at most twenty records."""

    source_id = "web"
    stream = "events"
    broken_urls = (f"/nowhere/{SECRET}", f"nosuch://user:{SECRET}@host/x")
    names: ClassVar[str] = "{:04d}.jsonl.gz"

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "web"
        self._folder.mkdir()

    @abstractmethod
    def event(self, key: str, at: str) -> dict[str, Any]:
        """An event of that key that arrived at a moment (ISO 8601)."""

    def url(self) -> str:
        return str(self._folder)

    def put(self, records: dict[str, datetime]) -> None:
        lines = [
            orjson.dumps(self.event(key, f"{at:%Y-%m-%dT%H:%M:%SZ}"))
            for key, at in sorted(records.items(), key=lambda item: item[1])
        ]
        for start in range(0, len(lines), 20):
            self._write(b"\n".join(lines[start : start + 20]) + b"\n")

    def put_garbage(self, key: str, text: str, at: datetime) -> None:  # noqa: ARG002 - has none
        self._write(text.encode() + b"\n")

    def _write(self, data: bytes) -> None:
        number = len([path for path in self._folder.rglob("*") if path.is_file()])
        path = self._folder / self.names.format(number)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(data))
