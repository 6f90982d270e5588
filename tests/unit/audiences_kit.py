"""What tests of audience sync share: a plan's file, a vendor with lists, a sync between them."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from outbox_kit import MONDAY
from sqlalchemy import Engine

from connectors.core.audience import Leaver, Member, MemberOutcome
from connectors.ledger.db import open_ledger
from connectors.ledger.lists.asking import Asking
from connectors.ledger.lists.held import Held, HeldList
from connectors.ledger.lists.sync import Sync, SyncResult
from connectors.ledger.lists.wanted import Audience

NAMES = ("audience", "address_node", "person_id", "destination", "purpose", "address", "properties")
SCHEMA = pa.schema([(name, pa.string()) for name in NAMES])


class Vendor:
    """A vendor's lists in a database of its own, so that it outlives whoever syncs.

    People have ids that are not ours, found by their address; `calls` counts what was asked.
    """

    name = "vendor"
    put_size = 20
    drop_size = 20
    is_live = False

    def __init__(self, file: Path, pause: float = 0.0) -> None:
        self.file, self.pause = file, pause
        self.put_calls: list[list[Member]] = []
        self.drop_calls: list[list[Leaver]] = []
        self.faults: list[Exception] = []
        with self._open() as vendor:
            vendor.execute("create table if not exists people (address unique, properties)")
            vendor.execute("create table if not exists lists (name unique)")
            vendor.execute(
                "create table if not exists on_list (list, person, unique(list, person))"
            )

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self.file, timeout=30)

    def list_id(self, audience: str) -> str:
        with self._open() as vendor:
            vendor.execute("insert or ignore into lists values (?)", (audience,))
            [[found]] = vendor.execute("select rowid from lists where name = ?", (audience,))
        return f"L{found}"

    def put(self, list_id: str, members: Sequence[Member]) -> list[MemberOutcome]:
        self._trouble()
        assert 0 < len(members) <= self.put_size
        self.put_calls.append(list(members))
        outcomes = []
        with self._open() as vendor:
            for each in members:
                if each.address.startswith("bad"):
                    outcomes.append(MemberOutcome(each.member_key, "rejected", detail="invalid"))
                    continue
                known = "insert into people values (?, ?) on conflict (address) do update set"
                told = (each.address, str(dict(each.properties)))
                vendor.execute(f"{known} properties = excluded.properties", told)
                [[who]] = vendor.execute("select rowid from people where address = ?", told[:1])
                vendor.execute("insert or ignore into on_list values (?, ?)", (list_id, who))
                outcomes.append(MemberOutcome(each.member_key, "done", f"V{who}"))
        time.sleep(self.pause)
        return outcomes

    def drop(self, list_id: str, leavers: Sequence[Leaver]) -> list[MemberOutcome]:
        self._trouble()
        assert 0 < len(leavers) <= self.drop_size
        self.drop_calls.append(list(leavers))
        with self._open() as vendor:
            for each in leavers:
                who = (list_id, int(each.vendor_id[1:]))
                vendor.execute("delete from on_list where list = ? and person = ?", who)
        time.sleep(self.pause)
        return [MemberOutcome(each.member_key, "done", each.vendor_id) for each in leavers]

    def members(self, list_id: str) -> Iterator[str]:
        with self._open() as vendor:
            found = vendor.execute(
                "select person from on_list where list = ?", (list_id,)
            ).fetchall()
        yield from (f"V{person}" for (person,) in found)

    def _trouble(self) -> None:
        if self.faults:
            raise self.faults.pop(0)

    def addresses(self, audience: str = "vip") -> set[str]:
        """Who is on a list, by address."""
        query = "select address from people join on_list on person = people.rowid where list = ?"
        with self._open() as vendor:
            return {address for (address,) in vendor.execute(query, (self.list_id(audience),))}

    def forget_calls(self) -> None:
        self.put_calls.clear()
        self.drop_calls.clear()


def people(number: int, **changes: Any) -> dict[str, dict[str, Any]]:
    """So many people by the node of their address."""
    return {
        f"n{n:05}": {"address": f"p{n:05}@example.com", "properties": '{"country":"GB"}', **changes}
        for n in range(number)
    }


def plan(file: Path, wanted: Mapping[str, Mapping[str, Any]], audience: str = "vip") -> Path:
    """Write an audience as a snapshot has it, beside one of the same people."""
    rows = [
        {"audience": name, "address_node": key, "person_id": f"p-{key}", "destination": "vendor",
         "purpose": "marketing", **each}
        for name in sorted((audience, "another"))
        for key, each in sorted(wanted.items())
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), file, row_group_size=50)
    return file


@dataclass
class Lists:
    """A ledger, a vendor, and a plan that may change."""

    engine: Engine
    folder: Path
    vendor: Any
    waits: list[float] = field(default_factory=list)

    @property
    def list_(self) -> HeldList:
        return HeldList(self.engine, "vendor", "vip", MONDAY)

    def sync(self, wanted: Mapping[str, Mapping[str, Any]] | None, **how: Any) -> SyncResult:
        """Sync with a plan of these people; None: the audience is no longer kept."""
        file = None if wanted is None else plan(self.folder / "members.parquet", wanted)
        audience = Audience("vip", "vendor", "marketing", MONDAY, file)
        asking = Asking("vendor", sleep=self.waits.append)
        return Sync(self.list_, audience, self.vendor, asking=asking, **how).run()

    def held(self) -> dict[str, Held]:
        return {each.member_key: each for each in self.list_.held()}


def main(folder: Path) -> None:
    """Sync once, slowly, as a process that may be killed."""
    engine = open_ledger(f"sqlite:///{folder}/ledger.db")
    vendor = Vendor(folder / "vendor.db", pause=0.002)
    audience = Audience("vip", "vendor", "marketing", MONDAY, folder / "members.parquet")
    Sync(HeldList(engine, "vendor", "vip", MONDAY), audience, vendor, confirmed=True).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
