"""Who belongs on a list, by a plan, beside who is on it, by the ledger: one walk over both, by key.

Both come in the order of their keys, so that a list of any size takes the same memory.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.core.errors import StopRun
from connectors.ledger.lists.held import CHUNK_ROWS, Held, HeldList

COLUMNS = ("audience", "destination", "address_node", "address", "properties")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Somebody who belongs on a list. `properties` is JSON text, `digest` its hash."""

    member_key: str
    address: str
    properties: str
    digest: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Somebody who belongs on a list, is on it, or both. `must_leave`: the ledger says so."""

    member_key: str
    wanted: Wanted | None
    held: Held | None
    must_leave: bool = False


@dataclass(frozen=True)
class Audience:
    """An audience as a plan has it; without a `file` it is kept by nobody: people only leave it."""

    name: str
    destination: str
    purpose: str
    planned_as_of: datetime
    file: Path | None = None

    def wanted(self) -> Iterator[Wanted]:
        """Whoever belongs on it, by key. Raises `StopRun` where the snapshot has no such table."""
        if self.file is None:
            return
        if not self.file.exists():
            what = "The snapshot holds no members of audiences"
            raise StopRun(what, str(self.file), "Run the pipeline again, then sync.")
        last = ""
        with pq.ParquetFile(self.file) as opened:
            for chunk in opened.iter_batches(batch_size=CHUNK_ROWS, columns=list(COLUMNS)):
                is_mine = pc.and_(
                    pc.equal(chunk["audience"], self.name),
                    pc.equal(chunk["destination"], self.destination),
                )
                for row in chunk.filter(is_mine).to_pylist():
                    if row["address_node"] <= last:
                        what = "The members of an audience are not in the order of their keys"
                        raise StopRun(what, str(self.file), "Run the pipeline again, then sync.")
                    last = row["address_node"]
                    yield _wanted(row)


def _wanted(row: dict[str, Any]) -> Wanted:
    text = row["properties"]
    digest = sha256(text.encode()).hexdigest()[:32]
    return Wanted(row["address_node"], row["address"], text, digest)


def pairs(audience: Audience, list_: HeldList) -> Iterator[Pair]:
    """Whoever belongs on the list or is on it; who must not be is not wanted."""
    for chunk in _chunks(_merged(audience, list_)):
        keys = [each.member_key for each in chunk]
        stopped = list_.stopped(keys, audience.purpose, audience.planned_as_of)
        for each in chunk:
            if each.member_key in stopped:
                yield Pair(each.member_key, None, each.held, must_leave=True)
            else:
                yield each


def _merged(audience: Audience, list_: HeldList) -> Iterator[Pair]:
    if audience.file is None:
        yield from (_kept(held) for held in list_.held())
        return
    ours, theirs = iter(audience.wanted()), iter(list_.held())
    wanted, held = next(ours, None), next(theirs, None)
    while wanted or held:
        key = min(each.member_key for each in (wanted, held) if each)
        one = wanted if wanted and wanted.member_key == key else None
        other = held if held and held.member_key == key else None
        yield Pair(key, one, other)
        wanted = next(ours, None) if one else wanted
        held = next(theirs, None) if other else held


def _kept(held: Held) -> Pair:
    """Whoever is on a list that no audience is kept in any more stays as they are."""
    stays = Wanted(held.member_key, "", "{}", held.digest) if held.state != "putting" else None
    return Pair(held.member_key, stays, held)


def _chunks(found: Iterable[Pair]) -> Iterator[list[Pair]]:
    numbered = enumerate(found)
    for _, group in groupby(numbered, lambda each: each[0] // CHUNK_ROWS):
        yield list(map(itemgetter(1), group))
