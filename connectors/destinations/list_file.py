"""Lists of the destination `file`: one CSV an audience, for whoever carries it on by hand.

`<out>/lists/<audience>.csv`, one person a row: the node of their address, the address, and what is
to be known of them, a column each. The file is written anew with every call, as a whole, and its
cells are safe to open in a spreadsheet. It contacts nobody.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from connectors.core.audience import Leaver, Member, MemberOutcome, Value
from connectors.core.errors import FixConfig
from connectors.core.handout.cells import write_csv
from connectors.core.handout.whole import whole
from connectors.core.settings import Settings

SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
FIRST = ("member_key", "address")
ONE_ADDRESS = re.compile(r"[^\s,;@]+@[^\s,;@]+")


@dataclass(frozen=True)
class ListFiles:
    """Keeps lists as files under `root`; a member's `vendor_id` is their own key."""

    root: Path
    name: str = "file"
    put_size: int = 10_000
    drop_size: int = 10_000
    is_live: bool = False

    def list_id(self, audience: str) -> str:
        """The audience's own name. Raises `FixConfig` for one that cannot be a file's."""
        if not SAFE_NAME.fullmatch(audience):
            what = "An audience has a name that cannot be a file's"
            raise FixConfig(what, "audiences.csv", "Use letters, digits, _ and - only.")
        return audience

    def put(self, list_id: str, members: Sequence[Member]) -> list[MemberOutcome]:
        """Write the list with these people; without exactly one address they are rejected."""
        rows = self._rows(list_id)
        outcomes = []
        for each in members:
            if not ONE_ADDRESS.fullmatch(each.address):
                outcomes.append(MemberOutcome(each.member_key, "rejected", detail="no one address"))
                continue
            told = {name: _text(value) for name, value in each.properties.items()}
            own = {"member_key": each.member_key, "address": each.address}
            rows[each.member_key] = {**told, **own}
            outcomes.append(MemberOutcome(each.member_key, "done", each.member_key))
        self._write(list_id, rows)
        return outcomes

    def drop(self, list_id: str, leavers: Sequence[Leaver]) -> list[MemberOutcome]:
        """Write the list without these people."""
        rows = self._rows(list_id)
        for each in leavers:
            rows.pop(each.vendor_id, None)
        self._write(list_id, rows)
        return [MemberOutcome(each.member_key, "done", each.vendor_id) for each in leavers]

    def members(self, list_id: str) -> Iterator[str]:
        """Read everyone's key from the file."""
        yield from self._rows(list_id)

    def _path(self, list_id: str) -> Path:
        return self.root / f"{self.list_id(list_id)}.csv"

    def _rows(self, list_id: str) -> dict[str, dict[str, str]]:
        path = self._path(list_id)
        if not path.exists():
            return {}
        with path.open(newline="", encoding="utf-8") as file:
            return {row["member_key"]: row for row in csv.DictReader(file)}

    def _write(self, list_id: str, rows: dict[str, dict[str, str]]) -> None:
        path = self._path(list_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        more = sorted({name for row in rows.values() for name in row}.difference(FIRST))
        listed = [rows[key] for key in sorted(rows)]
        columns = {
            name: pa.array([row.get(name, "") for row in listed], pa.string())
            for name in (*FIRST, *more)
        }
        whole(path, lambda part: write_csv(part, columns))


def create_audience(settings: Settings) -> ListFiles:
    """Make the target for these settings."""
    return ListFiles(settings.out_dir / "lists")


def _text(value: Value) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
