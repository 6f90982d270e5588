"""Audience sync: only what changed is carried over, and nobody is on a list against their word."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import audiences_kit
import pytest
from audiences_kit import Lists, Vendor, people, plan
from outbox_kit import MONDAY

from connectors.core.audience import AudienceTarget, MemberOutcome
from connectors.core.errors import FixConfig, RetryLater, SkipRecord, StopRun
from connectors.destinations.list_file import ListFiles
from connectors.ledger import erasures, facts
from connectors.ledger.db import open_ledger
from connectors.ledger.leases import lease
from connectors.ledger.lists.sync import Sync
from connectors.ledger.lists.wanted import Audience
from connectors.ledger.suppressions import Suppression, suppress

ROOT = Path(__file__).parents[2]


@pytest.fixture
def lists(ledger_url: str, tmp_path: Path) -> Iterator[Lists]:
    engine = open_ledger(ledger_url)
    yield Lists(engine, tmp_path, Vendor(tmp_path / "vendor.db"))
    engine.dispose()


def addresses(wanted: dict[str, dict[str, str]]) -> set[str]:
    return {each["address"] for each in wanted.values()}


def test_only_what_changed_is_carried_over_in_the_targets_own_sizes(lists: Lists) -> None:
    wanted = people(45)
    done = lists.sync(wanted)
    assert (done.added, done.same) == (45, 0)
    assert [len(call) for call in lists.vendor.put_calls] == [20, 20, 5]
    lists.vendor.forget_calls()
    assert lists.sync(wanted).same == 45
    assert lists.vendor.put_calls == lists.vendor.drop_calls == []
    wanted["n00003"] = {**wanted["n00003"], "properties": '{"country":"DE"}'}
    del wanted["n00004"]
    wanted |= {"n00099": {"address": "new@example.com", "properties": "{}"}}
    done = lists.sync(wanted)
    assert (done.added, done.changed, done.removed, done.same) == (1, 1, 1, 43)
    [[changed, new]], [[gone]] = lists.vendor.put_calls, lists.vendor.drop_calls
    assert (changed.is_listed, changed.vendor_id, changed.properties) == (
        True,
        "V4",
        {"country": "DE"},
    )
    assert (new.is_listed, new.vendor_id) == (False, "")
    assert (gone.member_key, gone.vendor_id) == ("n00004", "V5")
    assert lists.vendor.addresses() == addresses(wanted)


def test_whoever_said_no_after_the_plan_is_not_added_and_leaves(lists: Lists) -> None:
    wanted = people(6)
    lists.sync({key: wanted[key] for key in ("n00000", "n00001", "n00002")})
    later = MONDAY + timedelta(hours=1)
    suppress(lists.engine, [Suppression(f"n0000{n}", "complaint", "t", later) for n in (0, 3)])
    fact = facts.Fact("f1", "withdrawn", "n00004", "email/marketing", later)
    other = facts.Fact("f2", "withdrawn", "n00001", "email/marketing", later)
    facts.post(lists.engine, "r2", later, [fact, other], read_at=later)
    erasures.refuse(lists.engine, "e", [erasures.ErasedNode("n00002", "email")], later)
    done = lists.sync(wanted)
    assert (done.added, done.removed) == (1, 3)
    assert lists.vendor.addresses() == {"p00005@example.com"}
    assert lists.held().keys() == {"n00005"}


def test_a_withdrawal_between_the_walk_and_the_call_is_seen_by_the_last_look(lists: Lists) -> None:
    put = lists.vendor.put

    def meanwhile(list_id, members):
        gone = Suppression("n00030", "complaint", "t", MONDAY)
        suppress(lists.engine, [gone])
        return put(list_id, members)

    lists.vendor.put = meanwhile
    lists.sync(people(40))
    assert "p00030@example.com" not in lists.vendor.addresses()
    assert len(lists.vendor.addresses()) == 39


def test_a_sync_that_would_take_a_third_off_waits_for_somebody_to_look(lists: Lists) -> None:
    wanted = people(100)
    lists.sync(wanted)
    suppress(lists.engine, [Suppression("n00099", "complaint", "t", MONDAY)])
    few = {key: each for key, each in wanted.items() if key < "n00060"}
    with pytest.raises(StopRun, match="--confirm"):
        lists.sync({**few, "n00200": {"address": "new@example.com", "properties": "{}"}})
    # Who must leave has left; nobody else moved.
    assert lists.vendor.addresses() == addresses(wanted) - {"p00099@example.com"}
    assert lists.sync(few, confirmed=True).removed == 39
    assert lists.vendor.addresses() == addresses(few)


def test_a_smaller_list_and_a_smaller_change_need_nobody(lists: Lists) -> None:
    lists.sync(people(99))
    assert lists.sync(people(10)).removed == 89
    lists.sync(people(100))
    assert lists.sync(people(70)).removed == 30


def test_full_puts_back_who_is_missing_and_takes_off_who_does_not_belong(lists: Lists) -> None:
    wanted = people(30)
    lists.sync(wanted)
    with lists.vendor._open() as vendor:
        vendor.execute("delete from on_list where person in (3, 4)")
        vendor.execute("insert into people values ('stranger@example.com', '{}')")
        vendor.execute("insert into on_list values ('L1', 31)")
    lists.sync(wanted)
    assert len(lists.vendor.addresses() & addresses(wanted)) == 28
    done = lists.sync(wanted, full=True)
    assert (done.added, done.removed) == (2, 1)
    assert lists.vendor.addresses() == addresses(wanted)


def test_a_list_that_was_made_anew_is_filled_and_the_old_one_emptied(lists: Lists) -> None:
    wanted = people(30)
    lists.sync(wanted)
    with lists.vendor._open() as vendor:
        vendor.execute("update lists set name = 'renamed'")
    lists.sync(wanted)
    assert lists.vendor.addresses() == addresses(wanted)
    assert lists.vendor.addresses("renamed") == set()


def test_a_row_that_spoils_a_batch_is_found_and_the_others_go(lists: Lists) -> None:
    put = lists.vendor.put

    def strict(list_id, members):
        if any(each.address.startswith("p00007") for each in members):
            what = "a row is malformed"
            raise SkipRecord(what, "vendor", "See its log.")
        return put(list_id, members)

    lists.vendor.put = strict
    wanted = people(20) | {"n00050": {"address": "bad@example.com", "properties": "{}"}}
    done = lists.sync(wanted)
    assert (done.added, done.rejected) == (19, 2)
    states = {key: each.state for key, each in lists.held().items()}
    assert states["n00007"] == states["n00050"] == "rejected"
    lists.vendor.forget_calls()
    assert lists.sync(wanted).same == 21  # not asked again until there is something else to say
    assert lists.vendor.put_calls == []


def test_retry_after_is_honoured_and_a_long_one_is_left_to_the_next_sync(lists: Lists) -> None:
    busy = [RetryLater("busy", "vendor", "Wait.", after_seconds=after) for after in (7.0, 3.0)]
    lists.vendor.faults = [*busy]
    assert lists.sync(people(30)).added == 30
    assert lists.waits == [7.0, 3.0]
    lists.vendor.faults = [RetryLater("busy", "vendor", "Wait.", after_seconds=3_600)]
    with pytest.raises(RetryLater, match="busy"):
        lists.sync(people(40))
    assert lists.sync(people(40)).added == 10


def test_an_error_that_nobody_expected_shows_nothing_and_is_made_good(lists: Lists) -> None:
    put = lists.vendor.put

    def lost(list_id, members):
        put(list_id, members)
        what = "c4nary p00001@example.com"
        raise ConnectionResetError(what)

    lists.vendor.put = lost
    with pytest.raises(RetryLater) as raised:
        lists.sync(people(30))
    assert raised.value.__context__ is None
    assert "c4nary" not in repr(raised.value)
    lists.vendor.put = put
    # Of the twenty who were on their way one is not wanted any more: they are found on the list.
    wanted = people(30)
    del wanted["n00005"]
    lists.sync(wanted)
    assert lists.vendor.addresses() == addresses(wanted)
    assert lists.held().keys() == wanted.keys()


@pytest.mark.parametrize("state", ["rejected", "unknown"])
def test_who_could_not_be_taken_off_is_asked_for_again(lists: Lists, state: str) -> None:
    lists.sync(people(5))
    drop = lists.vendor.drop
    lists.vendor.drop = lambda _list_id, some: [MemberOutcome(e.member_key, state) for e in some]
    done = lists.sync(people(4))
    assert (done.removed, done.unknown) == (0, 1)
    assert len(lists.held()) == 5
    lists.vendor.drop = drop
    assert lists.sync(people(4)).removed == 1
    assert lists.vendor.addresses() == addresses(people(4))


def test_wrong_credentials_stop_a_sync_and_change_nothing(lists: Lists) -> None:
    lists.vendor.faults = [FixConfig("refused", "vendor", "Renew the token.")]
    with pytest.raises(FixConfig):
        lists.sync(people(5))
    assert lists.sync(people(5)).added == 5


def test_an_audience_that_is_not_kept_any_more_loses_only_who_must_leave(lists: Lists) -> None:
    lists.sync(people(5))
    suppress(lists.engine, [Suppression("n00003", "complaint", "t", MONDAY)])
    assert lists.sync(None).removed == 1
    assert lists.vendor.addresses() == addresses(people(5)) - {"p00003@example.com"}


def test_while_everything_is_paused_people_only_leave(lists: Lists) -> None:
    lists.sync(people(5))
    wanted = people(8)
    del wanted["n00000"]
    lists.sync(wanted, is_paused=True)
    assert lists.vendor.addresses() == addresses(people(5)) - {"p00000@example.com"}
    assert lists.sync(wanted).added == 3


def test_two_syncs_of_one_list_do_not_meet(lists: Lists) -> None:
    with lease(lists.engine, "sync/vendor/vip"), pytest.raises(RetryLater, match="Another process"):
        lists.sync(people(5))


def test_files_hold_the_list_and_no_formula(lists: Lists, tmp_path: Path) -> None:
    lists.vendor = ListFiles(tmp_path / "out")
    assert isinstance(lists.vendor, AudienceTarget)
    wanted = people(3, properties='{"stage":"=cmd()","is_customer":true,"country":null}')
    two = {"address": "a@example.com,b@example.com", "properties": "{}"}
    done = lists.sync(wanted | {"n00009": two})
    assert (done.added, done.rejected) == (3, 1)
    text = (tmp_path / "out" / "vip.csv").read_text()
    assert text.splitlines()[1] == '"n00000","p00000@example.com","","true","\'=cmd()"'
    lists.sync(people(1, properties=wanted["n00000"]["properties"]))
    assert len((tmp_path / "out" / "vip.csv").read_text().splitlines()) == 2
    with pytest.raises(FixConfig):
        lists.vendor.list_id("../etc")


@pytest.mark.parametrize("kills", [int(os.environ.get("KILLS", "6"))])
def test_killed_at_any_moment_no_one_is_lost_doubled_or_kept_against_their_word(
    tmp_path: Path, kills: int
) -> None:
    random_ = random.Random(7)
    url = f"sqlite:///{tmp_path}/ledger.db"
    lists = Lists(open_ledger(url), tmp_path, Vendor(tmp_path / "vendor.db"))
    everybody, said_no = people(2_000), set()
    wanted = dict(everybody)
    for _ in range(kills):
        wanted = {key: each for key, each in everybody.items() if random_.random() < 0.9}
        plan(tmp_path / "members.parquet", wanted)
        no = random_.choice(sorted(everybody))
        suppress(lists.engine, [Suppression(no, "complaint", "t", MONDAY)])
        said_no.add(no)
        running = subprocess.Popen(
            [sys.executable, audiences_kit.__file__, str(tmp_path)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        before = (tmp_path / "vendor.db").stat().st_mtime_ns
        while running.poll() is None and (tmp_path / "vendor.db").stat().st_mtime_ns == before:
            time.sleep(0.001)
        time.sleep(random_.random() * 0.3)
        running.send_signal(signal.SIGKILL)
        running.wait()
    lists.vendor.pause = 0
    lists.sync(wanted, confirmed=True)
    expected = {key: each for key, each in wanted.items() if key not in said_no}
    assert lists.vendor.addresses() == addresses(expected)
    assert {key for key, each in lists.held().items() if each.state == "listed"} == expected.keys()
    lists.vendor.forget_calls()
    lists.sync(wanted)
    assert lists.vendor.put_calls == lists.vendor.drop_calls == []
    lists.engine.dispose()


def test_a_large_list_takes_no_more_memory_and_as_few_calls_as_it_can(tmp_path: Path) -> None:
    number = 100_000 if os.environ.get("LONG") else 2_000
    lists = Lists(open_ledger(f"sqlite:///{tmp_path}/ledger.db"), tmp_path, Counting())
    file = plan(tmp_path / "members.parquet", people(number))
    audience = Audience("vip", "vendor", "marketing", MONDAY, file)
    tracemalloc.start()
    Sync(lists.list_, audience, lists.vendor).run()
    assert tracemalloc.get_traced_memory()[1] < 24 << 20
    tracemalloc.stop()
    assert lists.vendor.calls == -(-number // lists.vendor.put_size)
    changed = {key: {**each, "properties": "{}"} for key, each in people(number // 100).items()}
    lists.vendor.calls = 0
    assert lists.sync(people(number) | changed).changed == number // 100
    assert lists.vendor.calls == -(-number // 100 // lists.vendor.put_size)
    lists.engine.dispose()


class Counting(ListFiles):
    """Counts calls and keeps nothing."""

    def __init__(self) -> None:
        super().__init__(Path("/nowhere"), put_size=1_000)
        object.__setattr__(self, "calls", 0)

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)

    def _rows(self, _list_id):
        self.calls += 1
        return {}

    def _write(self, list_id, rows):
        pass
