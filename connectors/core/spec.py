"""The values that sources, the lake and the ledger exchange."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from connectors.core.accounts import SourceSettings

Op = Literal["upsert", "delete"]
BatchStatus = Literal["landed", "quarantined", "released"]


class Record(NamedTuple):
    """One version of one thing, as its vendor told it.

    `key` is the vendor's id, or a hash of the payload where there is none. `at` is the vendor's
    change time (aware UTC) or None. `payload` is the vendor's record as text, JSON if it was JSON.
    """

    key: str
    at: datetime | None
    op: Op
    payload: str


@dataclass(frozen=True, slots=True)
class Page:
    """Records that are committed together with the cursor that resumes after them.

    `cursor` is opaque JSON text; None leaves the part's cursor where it was. `part` names the file
    or partition inside the stream that the cursor belongs to. `done`: the part is read to its end.

    `snapshot`: the page belongs to a pass over everything that the part holds now. Landing keeps
    the records that are new or changed, and at the end (`done`) adds a deletion for each that is
    gone. "consistent": one query saw it all. "paged": pages that may shift while they are read, so
    a record counts as gone when two passes in a row did not find it. `held` are the keys of those
    that are there, but happened after `as_of`.
    """

    records: list[Record]
    cursor: str | None
    part: str = ""
    done: bool = False
    snapshot: Literal["consistent", "paged"] | None = None
    held: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of record of a source.

    `key` and `cursor` name the columns or fields that hold a record's id and its change time.
    `identifiers` says at which dotted JSON paths of the payload emails and phones stand:
    {"email": ("email", "traits.email"), "phone": ("phone",)}.
    `people` says the same of user ids, devices and loyalty cards, and of nodes that stand there as
    they are: {"user_id": ("customer_id",), "device": (...), "loyalty_card": (...), "node": (...)}.
    `part_of` names the stream whose record this one is a part of, and the field with its key.
    """

    name: str
    key: str
    cursor: str | None = None
    identifiers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    people: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    part_of: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ReadContext:
    """What a source needs to read one stream, from where the last run stopped up to `as_of`.

    `cursors` maps part to cursor, `done_parts` are the parts read to their end. A time after
    `latest` can't be true (no clock says so yet): such a record lands with no time of its own
    instead of holding up what follows it. None means every time is believed.

    Databases are read up to `settled`, a minute behind the wall clock, so that the rows of
    transactions still open are not passed over.
    """

    source_id: str
    settings: SourceSettings
    stream: Stream
    cursors: Mapping[str, str]
    done_parts: frozenset[str]
    as_of: datetime
    settled: datetime
    page_size: int
    latest: datetime | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a source's check; `remedy` is empty where nothing has to be done."""

    level: Literal["ok", "warning", "error"]
    what: str
    remedy: str = ""


Read = Callable[[ReadContext], Iterator[Page]]
Check = Callable[[str, SourceSettings], list[Finding]]


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A source: its vendor's name, its streams, how to read one, and how to check the connection.

    `read` yields pages in an order that can be resumed, takes nothing that happened after
    `as_of`, and rejects nothing. `check(source_id, settings)` raises nothing and shows no secret.
    `about` says in a line what it reads and how it is connected; `options` names the settings
    under `options` and what each means.
    """

    vendor: str
    streams: tuple[Stream, ...]
    read: Read
    check: Check
    about: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    def stream(self, name: str) -> Stream:
        """The stream of that name; KeyError if the source has none."""
        for stream in self.streams:
            if stream.name == name:
                return stream
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Batch:
    """A file in the lake = a row of the manifest. `path` is relative to the lake's root.

    Times are aware UTC; `bytes` and `sha256` are those of the file.
    """

    batch_id: str
    vendor: str
    source_id: str
    stream: str
    path: str
    rows: int
    bytes: int
    sha256: str
    first_record_at: datetime | None
    last_record_at: datetime | None
    landed_at: datetime
    status: BatchStatus = "landed"


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a part of a stream has been landed, and by the run of which `as_of`."""

    vendor: str
    source_id: str
    stream: str
    part: str
    position: str
    done: bool
    updated_as_of: datetime


class CursorState(NamedTuple):
    """A stored cursor: its position (opaque text) and whether the part is read to its end."""

    position: str
    done: bool


@dataclass(frozen=True, slots=True)
class KnownRow:
    """What is known of a record of a snapshot: the digest of its contents (32 hex digits).

    `missed`: how many passes in a row did not find it. A None digest: it is gone.
    """

    key: str
    digest: str | None
    missed: int = 0


@runtime_checkable
class Manifest(Protocol):
    """What landing asks of the ledger database. A scope is vendor/source_id/stream/part."""

    def cursors(self, vendor: str, source_id: str, stream: str) -> dict[str, CursorState]:
        """The stored cursors of a stream by part; empty when it was never read."""
        ...

    def commit(
        self,
        batches: Sequence[Batch],
        cursors: Sequence[Cursor],
        known: Mapping[str, Sequence[KnownRow]] | None = None,
    ) -> None:
        """Record batches, cursors and (by scope) known rows in ONE transaction: all or none.

        A batch may hold pages of several parts (files), hence several cursors. A batch_id that
        is already there is replaced: a window repeated after a crash has the same id and rows.
        """
        ...

    def erased(self) -> Mapping[str, bool]:
        """The nodes of people who were erased; true where other people's records name it too."""
        ...

    def known(self, scope: str, keys: Sequence[str]) -> dict[str, KnownRow]:
        """What is known of these records, by key."""
        ...

    def all_known(self, scope: str) -> Iterator[list[KnownRow]]:
        """Everything that is known of a scope, in pages; it may be committed to in between."""
        ...

    def shape(self, vendor: str, source_id: str, stream: str) -> dict[str, Any]:
        """What the stream's records looked like so far (`connectors.core.drift`)."""
        ...

    def note_shape(
        self, vendor: str, source_id: str, stream: str, shape: Mapping[str, Any]
    ) -> None:
        """Remember what they look like now."""
        ...
