"""Emails while the process is killed: none lost, none doubled, and few of which nobody knows."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import smtp_kit
from outbox_kit import Outbox, row
from smtp_kit import emit_once, served_elsewhere

from connectors.ledger.db import open_ledger
from connectors.ledger.emission.unsettled import unsettled

ROOT = Path(__file__).parents[2]
CONNECTIONS = 4
RUN = "r1"


def rows(number: int) -> list[dict[str, Any]]:
    """Most of them to people who are there; of twenty, one is refused and one put off for ever."""
    kinds = {7: "refused", 13: "deferred"}
    keys = [f"{kinds.get(n % 20, 'ok')}{n:05}" for n in range(number)]
    random.Random(1).shuffle(keys)
    return [row(f"m{n:05}", address=f"{key}@example.com", destination="smtp")
            for n, key in enumerate(keys)]  # fmt: skip


def start(home: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, smtp_kit.__file__, "emit", str(home), str(port), RUN]
    with (home / "emit.log").open("ab") as log:
        path = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(command, env=path, stderr=log, stdout=log)


def taken(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


def kill_in_the_middle(home: Path, port: int, file: Path, enough: int) -> None:
    running = start(home, port)
    while len(taken(file)) < enough:
        assert running.poll() is None, (home / "emit.log").read_text()
        time.sleep(0.001)
    running.send_signal(signal.SIGKILL)
    running.wait()


def send_all(home: Path, number: int, kills: int) -> tuple[Outbox, Counter[str]]:
    """Send to so many people by a process that is killed so often; the ledger and what arrived."""
    outbox, file = Outbox(open_ledger(f"sqlite:///{home}/ledger.db"), home), home / "taken"
    outbox.plan(rows(number), RUN)
    with served_elsewhere(file) as port:
        for kill in range(1, kills + 1):
            kill_in_the_middle(home, port, file, number * kill * 9 // (10 * (kills + 1)))
        emit_once(home, port, RUN)
    return outbox, Counter(taken(file))


def judge(outbox: Outbox, arrived: Counter[str], kills: int) -> int:
    """How many are unknown, if all that was promised holds."""
    table = outbox.table()
    by_state: dict[str, set[str]] = {}
    for key, each in table.items():
        by_state.setdefault(each["state"], set()).add(key)
    kinds = {each["message_key"]: each["address"] for each in rows(len(table))}
    of = {
        kind: {key for key, address in kinds.items() if address.startswith(kind)}
        for kind in ("ok", "refused", "deferred")
    }
    accepted, unknown = by_state["accepted"], by_state.get("unknown", set())
    assert max(arrived.values()) == 1  # nothing twice
    assert accepted <= {*arrived} <= accepted | unknown
    assert of["ok"] <= accepted | unknown  # nothing lost
    assert by_state["rejected"] <= of["refused"] <= by_state["rejected"] | unknown
    assert by_state["reserved"] == of["deferred"]
    assert len(unknown) <= kills * CONNECTIONS
    assert {each.message_key for each in unsettled(outbox.engine)} == unknown
    return len(unknown)


@pytest.mark.parametrize("kills", [2])
def test_killed_in_the_middle_nothing_is_lost_or_doubled_and_only_what_was_on_its_way_unknown(
    tmp_path: Path, kills: int
) -> None:
    outbox, arrived = send_all(tmp_path, 300, kills)
    judge(outbox, arrived, kills)
    outbox.engine.dispose()
