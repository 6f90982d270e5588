"""A hundred thousand people on a list: within Marketo's limits, by the fewest requests.

`LONG=1`: all of them, which takes minutes at Marketo's rate; the short form has two thousand. The
account runs in a process of its own, so that this one's memory is the destination's.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from math import ceil
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from pydantic import SecretStr

from connectors.core.accounts import DestinationSettings
from connectors.core.audience import Member, MemberOutcome
from connectors.core.settings import Settings
from connectors.destinations.marketo import bulk, create_audience
from tests.conformance.apis.marketo.store import PASSWORD, USER, Marketo
from tests.conformance.http_kit import Asked, Server, Told

IS_LONG = bool(os.environ.get("LONG"))
PEOPLE = 100_000 if IS_LONG else 2_000
CHUNK = 25_000 if IS_LONG else 1_000
MOST_MB = 120


def people() -> Iterator[Member]:
    for number in range(PEOPLE):
        address = f"somebody.{number:06d}@shop.example"
        yield Member(f"n{number}", address, {"stage": "customer", "country": "GB"})


def changed(put: Sequence[Member], told: Sequence[MemberOutcome]) -> list[Member]:
    """One in a hundred of those who were put, as the next sync has them."""
    pairs = list(zip(put, told, strict=True))[::100]
    return [
        replace(each, properties={"stage": "lost"}, is_listed=True, vendor_id=outcome.vendor_id)
        for each, outcome in pairs
    ]


def serve(told: Connection) -> None:
    """The account, with its limits; `/told` says what was asked of it."""
    account = Marketo(rate=100)
    account.put_list("loyal")
    server = Server(account)

    def answer(asked: Asked) -> Told:
        if asked.path != "/told":
            return account(asked)
        calls: dict[str, int] = {}
        for each in server.asked:
            name = f"{each.method} {each.path}"
            calls[name] = calls.get(name, 0) + (each.path != "/told")
        server.asked.clear()
        members = len(account.members_of(1159))
        return Told({"calls": calls, "members": members, "refusals": account.refusals})

    server.app = answer
    told.send(server.url)
    told.recv()


@contextmanager
def account() -> Iterator[str]:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=serve, args=(there,), daemon=True)
    process.start()
    yield here.recv()
    process.kill()
    process.join()


def asked(url: str) -> dict[str, Any]:
    with urlopen(f"{url}/told") as answer:  # noqa: S310 - loopback
        found: dict[str, Any] = json.load(answer)
    return {**found, "total": sum(found["calls"].values())}


def memory_mb() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


@pytest.mark.parametrize("by_file", [False, True], ids=["by rows", "by files"])
def test_many_people_are_put_on_a_list_and_then_only_what_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, by_file: bool
) -> None:
    monkeypatch.setattr(bulk, "POLLS", (0.01,))
    options = {"fields": "stage:parleyStage,country:country"}
    options["bulk_from"] = "500" if by_file else "1000000"
    with account() as url:
        named = DestinationSettings(
            url=SecretStr(url), user=SecretStr(USER), password=SecretStr(PASSWORD), options=options
        )
        target = create_audience(Settings(home=tmp_path, destinations={"marketo": named}))
        list_id = target.list_id("loyal")
        found, before, grown, everybody = 0, memory_mb(), 0, people()
        others: list[Member] = []
        while part := list(islice(everybody, CHUNK)):
            told = target.put(list_id, part)
            found += sum(each.state == "done" for each in told)
            others += changed(part, told)
            grown = max(grown, memory_mb() - before)
        first = asked(url)
        states = {each.state for each in target.put(list_id, others)}
        second = asked(url)
    print(f"{PEOPLE:,} people: {first['total']:,} calls, then {second['total']}; +{grown} MB")
    assert found == first["members"] == PEOPLE
    assert not first["refusals"], "no limit was met"
    assert states == {"done"}
    assert grown < MOST_MB
    pages = ceil(CHUNK / 300) * PEOPLE // CHUNK
    # A token, the list's id; then pages of 300, or files and a look at what the leads are called.
    most = 2 + (pages * 2 if not by_file else 5 * PEOPLE // CHUNK + pages * 2)
    assert first["total"] <= most
    assert second["total"] == ceil(PEOPLE / 100 / 300)
