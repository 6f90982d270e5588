"""Whom a request is about, the files of the lake, and what they turn out to hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connectors.core.identifiers import IDENTIFIERS
from connectors.core.registry import stream
from connectors.core.settings import OWN_VENDOR
from connectors.core.spec import Batch, Stream
from connectors.core.subjects import Subjects

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connectors.core.lake import Lake
    from connectors.core.settings import Settings

PLACE = 3  # folders that say whose a file is: vendor, source_id, stream


@dataclass(frozen=True)
class Sought:
    """Some people: their nodes with their types, and their person ids.

    `nobodys` are nodes that belong to no person: a value that many give, or one never seen with
    anything else. Records that name somebody else too are that other person's.
    """

    nodes: Mapping[str, str]
    people: frozenset[str] = frozenset()
    nobodys: frozenset[str] = frozenset()

    def __contains__(self, node: str) -> bool:
        """Whether a node, or a person id, is theirs."""
        return node in self.nodes or node in self.people


@dataclass(frozen=True)
class Guards:
    """The rules of identity: how many others of a type a node may have, and what names nobody."""

    limits: Mapping[tuple[str, str], int] = field(default_factory=dict)
    blocked: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class LakeFile:
    """A file of the lake; `batch` is None where the manifest does not name it."""

    path: str
    vendor: str
    source_id: str
    stream: str
    batch: Batch | None = None

    @property
    def place(self) -> str:
        """vendor/source_id/stream."""
        return f"{self.vendor}/{self.source_id}/{self.stream}"


@dataclass
class Found:
    """What the lake holds of those sought.

    `remove` and `redact` are the seqs of records by file: the first are theirs, the others are
    somebody else's and name them. `gone`: keys of records by place of which no version stays.
    `spellings`: how their emails and phones are written. `shared`: nodes of theirs that others'
    records name too. `records` and `redacted`: how many there are, by place.
    """

    remove: dict[str, set[int]] = field(default_factory=dict)
    redact: dict[str, set[int]] = field(default_factory=dict)
    gone: dict[str, set[str]] = field(default_factory=dict)
    spellings: set[str] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)
    records: Counter[str] = field(default_factory=Counter)
    redacted: Counter[str] = field(default_factory=Counter)

    def take(self, file: LakeFile, seq: int) -> None:
        """Note a record as theirs."""
        seqs = self.remove.setdefault(file.path, set())
        self.records[file.place] += seq not in seqs
        seqs.add(seq)

    def mark(self, file: LakeFile, seq: int) -> None:
        """Note a record as somebody else's that names them."""
        seqs = self.redact.setdefault(file.path, set())
        self.redacted[file.place] += seq not in seqs
        seqs.add(seq)


def lake_files(lake: Lake, batches: Iterable[Batch]) -> list[LakeFile]:
    """All batches, and files that no batch names: a landing died before it was recorded."""
    named = {
        each.path: LakeFile(each.path, each.vendor, each.source_id, each.stream, each)
        for each in batches
    }
    loose = [path for path in lake.paths() if path not in named and path.endswith(".parquet")]
    parts = [(path, path.split("/")) for path in loose]
    found = [LakeFile(path, n[0], n[1], n[2]) for path, n in parts if len(n) > PLACE]
    return [*(file for file in named.values() if lake.has(file.path)), *found]


def stream_of(file: LakeFile) -> Stream:
    """The stream of a file; one that nobody reads any more has no known paths."""
    if (file.vendor, file.stream) == (OWN_VENDOR, IDENTIFIERS.name):
        return IDENTIFIERS
    return stream(file.vendor, file.stream) or Stream(file.stream, "")


def subjects_of(file: LakeFile, settings: Settings) -> Subjects:
    """What tells whose the records of a file are."""
    # Also of sources that are no longer read: what they brought keeps its meaning.
    connected = {**settings.connected_sources(), **settings.sources}
    space = connected[file.source_id].id_space if file.source_id in connected else "main"
    key = settings.hash_key.get_secret_value()
    return Subjects(stream_of(file), file.source_id, space, key, settings.default_country)
