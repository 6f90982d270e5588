"""Twenty people ask to be forgotten: nothing of them is found again, by whatever way they were in.

One home: the previous tool's files, a run, the erasure, and the next run of a shop that still holds
them. A copy of it is killed at every step of the same erasure, and has to end up the same.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import erase_kit as kit
import pytest
from home_kit import Home, Said, rows_of
from shop_kit import TinyShop, kettle_in_basket, z

IMPORT, RUN, ERASED, NEXT_DAY = (
    z(kit.MONDAY + timedelta(hours=hours, minutes=minutes))
    for hours, minutes in ((11, 0), (11, 5), (12, 0), (35, 5))
)
EMAILS = [canary.spellings[1] for canary in kit.canaries()]
# One process for several commands: the models are read once.
COMMANDS = """
from flows.cli import app
for arguments in {commands!r}:
    app(arguments, standalone_mode=False)
"""
# Each child dies as by kill -9 where it says; the next one goes on with what it left.
KILLED = """
import os
from connectors.core.settings import get_settings
from connectors.core.warehouse import writer_slot
from connectors.ledger import erasures
from connectors.ledger.manifest import LedgerManifest
from flows import build, certificate, erase, holdings

def die(*_, **__):
    os._exit(9)

def after(step):
    def both(*arguments):
        step(*arguments)
        die()
    return both

def second_time(function):
    calls = []
    def called(*arguments):
        calls.append(arguments)
        return die() if len(calls) == 2 else function(*arguments)
    return called

def replace_step(name):
    erase.STEPS[name] = after(erase.STEPS[name])

refuse, lake, *rest = (lambda name=name: replace_step(name) for name in erase.STEPS)
points = [
    refuse,
    lambda: setattr(LedgerManifest, "note_rewritten", second_time(LedgerManifest.note_rewritten)),
    lake,
    lambda: setattr(erasures, "note_audience", die),
    *rest,
    lambda: setattr(holdings, "rebuild", die),
    lambda: setattr(certificate, "write", die),
]
for number, point in enumerate(points):
    child = os.fork()
    if not child:
        point()
        settings = get_settings()
        with writer_slot(settings, 10):
            if number:
                erase.resume(settings, build.plainly)
            else:
                request = erase.look(settings, {emails!r}, build.plainly, {as_of!r})
                erase.carry_out(settings, request, build.plainly)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9, number
print(len(points), "times dead")
"""


@dataclass
class Story:
    """The home, and what it was before; what the commands said, and the ids of the runs."""

    home: Home
    before: Path
    killed: Home
    said: dict[str, Said] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    hits: dict[str, list[str]] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)

    def do(self, name: str, *commands: list[str]) -> None:
        """Give several commands to one process; all have to succeed."""
        said = self.home.python(COMMANDS.format(commands=list(commands)))
        assert said.code == 0, said.text
        self.said[name], self.runs[name] = said, self.home.last_run()


@pytest.fixture(scope="module")
def story(tmp_path_factory, make_home):
    shop = TinyShop(tmp_path_factory.mktemp("shop"))
    home = make_home("erased", shop.sources)
    kit.open_shop(shop)
    files = kit.history(home.folder)
    told = Story(home, home.folder / "before", replace(home, folder=home.folder / "killed"))
    imports = [
        ["import-history", kind, f"{kind}.csv", "--source", "old_tool", "--as-of", IMPORT]
        for kind in files
    ]
    told.do("run", *imports, ["run", "triggered", "--as-of", RUN])
    shutil.copytree(home.path, told.before)
    shutil.copytree(home.path, told.killed.path)
    export = ["export-person", kit.Canary(3).email, "--out", str(home.folder / "export.json")]
    told.do("erase", export, ["erase", *EMAILS, "--yes", "--as-of", ERASED])
    told.hits["erase"] = kit.hits(home.path, kit.texts())
    told.state["erase"] = state(home)
    come_back(shop)
    again = ["import-history", "consents", "consents.csv", "--source", "tool", "--as-of", NEXT_DAY]
    told.do("next_day", again, ["run", "triggered", "--as-of", NEXT_DAY])
    told.hits["next_day"] = kit.hits(home.path, kit.texts())
    told.said["replay"] = home.parley("replay", told.runs["run"])
    return told


def come_back(shop: TinyShop) -> None:
    """The shop still holds them: it changes their rows, sells to them, and its web sees them."""
    tuesday = kit.MONDAY + timedelta(hours=34)
    for canary in kit.canaries():
        shop.customer(f"{canary.user}-again", tuesday, email=canary.spellings[3], country="GB")
        shop.order(f"again-{canary.number}", "kettle", 3000, tuesday, customer_id=canary.user)
        shop.events(kettle_in_basket(f"c2-{canary.number}", tuesday, device=canary.device))
    shop.change("customers", tuesday)
    shop.change("orders", tuesday)
    shop.events(kettle_in_basket("c2-lea", tuesday, device="d-lea"))


def state(home: Home) -> dict[str, Any]:
    """What a home holds, but for when it was written."""
    audiences = sorted((home.path / "runs").glob("*/*.parquet"))
    handed_out = [path for path in (home.path / "out").rglob("*") if path.is_file()]
    bi = home.bi("select table_name as t from duckdb_tables() where not internal order by 1")
    ledger = ("messages", "message_audit", "suppressions", "erasures", "known_rows")
    return {
        "lake": kit.lake(home.path),
        "batches": home.ledger("select path, rows, sha256 from batches order by 1"),
        "runs": {p.name: rows_of(":memory:", f"from read_parquet('{p}')") for p in audiences},
        "hashes": home.ledger("select run_id, audience_sha256 from runs order by 1"),
        "out": {path.name: path.read_bytes() for path in handed_out},
        "bi": {row["t"]: home.bi(f"from marts.{row['t']} order by all") for row in bi},
        "people": home.warehouse("from marts.people_nodes order by all"),
        **{name: home.ledger(f"select * from {name} order by 1, 2, 3") for name in ledger},
    }


def test_the_search_finds_each_of_them_before_and_in_every_kind_of_place(story):
    found = kit.hits(story.before, kit.texts())
    for canary in kit.canaries():
        for text in canary.texts:
            assert any(hit.endswith(f": {text}") for hit in found), text
    places = {hit.split("/")[0].split(":")[0] for hit in found}
    assert places >= {"lake", "warehouse.duckdb", "runs", "out"}


def test_after_the_erasure_no_byte_of_them_is_left(story):
    assert story.hits["erase"] == []


def test_what_the_shop_still_holds_stays_out_and_nothing_is_sent(story):
    assert story.hits["next_day"] == []
    nodes = {row["node_id"] for row in story.home.ledger("select node_id from erasures")}
    people = story.home.snapshot(story.runs["next_day"], "people_nodes")
    assert nodes.isdisjoint({row["node_id"] for row in people})
    messages = story.home.ledger("select address_hash from messages")
    assert nodes.isdisjoint({row["address_hash"] for row in messages})
    landed = [row for row in kit.lake(story.home.path) if "canary" in json.dumps(row, default=str)]
    assert landed == []
    assert f"{kit.CANARIES} rows of people who were erased stayed out" in story.said["next_day"].out


def test_they_are_on_the_list_by_keyed_hash_and_by_nothing_else(story):
    listed = story.home.ledger("select * from suppressions where reason = 'erased'")
    assert len(listed) == 2 * kit.CANARIES
    erased = story.home.ledger("select * from erasures")
    assert {row["node_type"] for row in erased} == {
        "email", "phone", "user_id", "device", "loyalty_card",
    }  # fmt: skip
    assert {row["address_hash"] for row in listed} == {
        row["node_id"] for row in erased if row["node_type"] in ("email", "phone")
    }


def test_what_others_did_stays_as_it_was(story):
    def theirs(rows: list[dict[str, Any]]) -> list[str]:
        told = [json.dumps(row, default=str, sort_keys=True) for row in rows]
        words = ("example.com", *(f"u-{name}" for name in ("mum", "dad", *kit.OTHERS)))
        return [text for text in told if any(word in text for word in words)]

    before, after = theirs(kit.lake(story.before)), theirs(story.state["erase"]["lake"])
    spoken = [text for text in before if kit.Canary(1).email in text]
    assert len(spoken) == len(kit.OTHERS)
    assert [text for text in before if text not in spoken] == [
        text for text in after if "[erased]" not in text
    ]
    assert len(before) == len(after)
    run = story.runs["run"]
    path = story.before / "runs" / run / "audience_triggered.parquet"
    was = rows_of(":memory:", f"from read_parquet('{path}')")
    others = [row for row in was if row["address"].endswith("@example.com")]
    assert 0 < len(others) < len(was)
    assert story.home.snapshot(run, "audience_triggered") == others
    assert {m["state"] for m in story.home.ledger("select state from messages")} <= {
        "accepted", "held", "cancelled",
    }  # fmt: skip


def test_the_next_run_has_candidates_of_others_alone(story):
    proposed = story.home.snapshot(story.runs["next_day"], "candidates")
    baskets = {row["occasion"] for row in proposed if row["programme"] == "abandoned_cart"}
    assert "main/c2-lea" in baskets
    assert not [name for name in baskets if name.startswith("main/c2-") and name != "main/c2-lea"]


def test_a_replay_of_the_run_before_gives_the_same_audience_without_them(story):
    assert story.said["replay"].code == 0, story.said["replay"].text
    assert "the same audience" in story.said["replay"].out


def test_killed_at_every_step_it_ends_up_the_same(story):
    said = story.killed.python(
        KILLED.replace("{emails!r}", repr(EMAILS)).replace("{as_of!r}", repr(ERASED))
    )
    assert "times dead" in said.out, said.text
    assert list((story.killed.path / "erasures").glob("*.pending"))
    # Whoever comes next finishes it; here the command, as a run would.
    assert "certificate" in story.killed.ok("erase")
    assert kit.hits(story.killed.path, kit.texts()) == []
    ended = state(story.killed)
    for name, expected in story.state["erase"].items():
        assert ended[name] == expected, name


def test_the_certificate_counts_and_tells_nobody(story):
    [path] = (story.home.path / "erasures").glob("*.json")
    told = json.loads(path.read_text())
    removed = told["removed_rows"]
    assert removed["lake"]["database/shop/customers"] == kit.CANARIES
    assert removed["lake"]["database/shop/orders"] == 3 * kit.CANARIES
    assert removed["lake"]["history/old_tool/consents"] == kit.CANARIES
    assert removed["lake, of others"] == {"segment/web/events": len(kit.OTHERS)}
    assert removed["files out"]["csv"] == removed["files out"]["parquet"] > 0
    assert any("shop, web" in line for line in told["out_of_reach"])
    readable = path.with_suffix(".md").read_text()
    hidden = {row["node_id"] for row in story.home.ledger("select node_id from erasures")}
    for text in (path.read_text(), readable):
        assert not [node for node in hidden if node in text]
        assert "@" not in text


def test_an_export_has_everything_of_one_and_nothing_of_anybody_else(story):
    text = (story.home.folder / "export.json").read_text()
    told, canary = json.loads(text), kit.Canary(3)
    for each in kit.canaries():
        for word in each.texts:
            assert (word in text.lower()) == (each == canary), word
    assert not [name for name in kit.OTHERS if f"{name}@example.com" in text]
    counts = {place: len(rows) for place, rows in told["records"].items()}
    assert counts == {
        "database/shop/customers": 1, "database/shop/orders": 3, "database/shop/order_lines": 3,
        "database/shop/consents": 1, "database/shop/carts": 1, "database/shop/cart_lines": 1,
        "history/old_tool/consents": 1, "parley/identifiers/identifiers": 8 + 2,
        "parley/ledger/messages": len(told["messages"]), "segment/web/events": 6,
    }  # fmt: skip
    assert {"people", "people_nodes", "orders", "permissions", "memory"} <= told["tables"].keys()
    assert all(row["proof"] for row in told["tables"]["permissions"])
    assert set(canary.spellings) <= set(told["spellings"])


def test_whoever_is_unknown_is_told_so_without_the_address(story):
    said = story.home.parley("erase", "nobody.at.all@example.com", "--yes")
    assert said.code == 1
    assert "FixConfig" in said.err
    assert "nobody.at.all" not in said.text
