"""Looks through the lake for what it holds of some people.

Everything that landed is looked at, readable or not, withheld or not: whose a record is, is told by
the identifiers in it, and those are found without the warehouse.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import pyarrow.compute as pc

from connectors.core.erasure.sought import Found, LakeFile, stream_of, subjects_of
from connectors.core.identifiers import normalise_email, normalise_phone
from connectors.core.payload import at_path
from connectors.core.subjects import ADDRESSES, Named, parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from connectors.core.erasure.sought import Guards, Sought
    from connectors.core.lake import Lake
    from connectors.core.settings import Settings
    from connectors.core.subjects import Subjects

COLUMNS = ("record_key", "op", "payload", "seq")
Row = tuple[str, str, str, int]
# Shorter texts stand in a record by chance.
MIN_PHONE = 7


class Hit(NamedTuple):
    """A record that names somebody sought: as its own (`named`) or in its text alone."""

    file: LakeFile
    key: str
    seq: int
    named: tuple[str, ...]
    has_others: bool


@dataclass
class Scan:
    """One look through all files. `tell` hears how many records were looked at."""

    settings: Settings
    lake: Lake
    files: Sequence[LakeFile]
    sought: Sought
    guards: Guards
    tell: Callable[[int], None] = lambda _: None
    _others: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))

    def run(self) -> Found:
        """What there is of those sought. Raises OSError where the lake can't be read."""
        found = Found()
        hits = [hit for file in self.files for hit in self._hits(file, found)]
        found.shared = {node for node in self.sought.nodes if self._is_shared(node)}
        for hit in hits:
            is_own = any(node not in found.shared for node in hit.named)
            if is_own or (hit.named and not hit.has_others):
                found.take(hit.file, hit.seq)
                found.gone.setdefault(hit.file.place, set()).add(hit.key)
            else:
                found.mark(hit.file, hit.seq)
        self._settle_versions(found)
        self._take_parts(found)
        self._find_phones(found)
        return found

    def _hits(self, file: LakeFile, found: Found) -> Iterator[Hit]:
        subjects = subjects_of(file, self.settings)
        for key, _, payload, seq in self._rows(file):
            named = self._named(subjects, payload)
            mine = [each for each in named if each.node_id in self.sought]
            mentioned = [e for e in subjects.mentioned(payload) if e.node_id in self.sought]
            if not mine and not mentioned:
                continue
            _learn(found, [*mine, *mentioned], self.settings.default_country)
            others = [each for each in named if each.node_id not in self.sought]
            for each in mine:
                for other in others:
                    self._others[each.node_id, other.type].add(other.node_id)
            yield Hit(file, key, seq, tuple(each.node_id for each in mine), bool(others))

    def _named(self, subjects: Subjects, payload: str) -> list[Named]:
        found = subjects.named(parsed(payload))
        return [each for each in found if (each.type, each.raw.lower()) not in self.guards.blocked]

    def _is_shared(self, node: str) -> bool:
        """Whether others' records name it: more of them than one person has."""
        type_, is_nobodys = self.sought.nodes[node], node in self.sought.nobodys
        return any(
            is_nobodys or len(others) > self.guards.limits.get((type_, other_type), len(others))
            for (mine, other_type), others in self._others.items()
            if mine == node
        )

    def _settle_versions(self, found: Found) -> None:
        """A deletion names a key alone: it goes with the last version of its record."""
        stay: dict[str, set[str]] = defaultdict(set)
        deletions: list[tuple[LakeFile, str, int]] = []
        for file in self.files:
            gone, taken = found.gone.get(file.place, set()), found.remove.get(file.path, set())
            for key, op, _, seq in self._rows(file) if gone else ():
                if key not in gone or seq in taken:
                    continue
                if op == "delete":
                    deletions.append((file, key, seq))
                else:
                    stay[file.place].add(key)
        for file, key, seq in deletions:
            if key not in stay[file.place]:
                found.take(file, seq)
        for place, keys in stay.items():
            found.gone[place] -= keys

    def _take_parts(self, found: Found) -> None:
        """Lines of an order or a basket name nobody, but belong to who owns it."""
        for file in self.files:
            whole, column = stream_of(file).part_of or ("", "")
            parents = found.gone.get(f"{file.vendor}/{file.source_id}/{whole}", set())
            for key, _, payload, seq in self._rows(file) if parents else ():
                if str(at_path(parsed(payload), column)) in parents:
                    found.take(file, seq)
                    found.gone.setdefault(file.place, set()).add(key)

    def _find_phones(self, found: Found) -> None:
        """Numbers in sentences, as they were written elsewhere; emails were found by themselves."""
        for file in self.files if found.phones else ():
            taken = found.remove.get(file.path, set())
            for part in self.lake.read(file.path, ["payload", "seq"]):
                for phone in found.phones:
                    holds = pc.match_substring(part["payload"], phone)
                    for seq in set(part["seq"].filter(holds).to_pylist()) - taken:
                        found.mark(file, seq)

    def _rows(self, file: LakeFile) -> Iterator[Row]:
        for part in self.lake.read(file.path, COLUMNS):
            self.tell(part.num_rows)
            yield from zip(*(part[name].to_pylist() for name in COLUMNS), strict=True)


def _learn(found: Found, named: list[Named], country: str) -> None:
    """Note how addresses are written, and how they are written when they are normalised."""
    for each in named:
        if each.type in ADDRESSES:
            texts = {each.raw, *_normalised(each.type, each.raw, country)}
            found.spellings |= texts
            if each.type == "phone":
                found.phones |= {text for text in texts if len(text) >= MIN_PHONE}


@lru_cache(maxsize=5_000)
def _normalised(type_: str, raw: str, country: str) -> frozenset[str]:
    found = normalise_email(raw) if type_ == "email" else normalise_phone(raw, country)
    return frozenset(text for text in (found.value, found.address) if text)
