"""What every world of the conformance suite is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

AS_OF = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
ROWS = {f"k{n:03d}": AS_OF - timedelta(minutes=100 - n) for n in range(50)}
SECRET = "c4nary-s3cret"


class World(ABC):
    """A small outside world for one source: a place with records, and how it is connected.

    `has_clock`: the records' own times say when they happened. `broken_urls` cannot work, and
    hold a secret. `secrets` are the settings user, password and token, `options` the source's.
    """

    vendor: ClassVar[str]
    stream: ClassVar[str]
    source_id: ClassVar[str]
    has_clock: ClassVar[bool] = True
    broken_urls: ClassVar[tuple[str, ...]]
    secrets: ClassVar[Mapping[str, str]] = {}
    options: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def __init__(self, folder: Path) -> None: ...

    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def put(self, records: dict[str, datetime]) -> None: ...

    @abstractmethod
    def put_garbage(self, key: str, text: str, at: datetime) -> None: ...

    def name_of(self, row: dict[str, Any]) -> str:
        """The key that a record was put under, from its row in the lake."""
        return str(row["record_key"])
