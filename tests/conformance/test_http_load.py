"""Every source that asks an API, under load and under the axe: bounded memory, nothing lost.

`LONG=1`: ten thousand pages, and fifty kills; the short form is what runs every time.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from connectors.core.clock import iso_z
from connectors.ledger.db import open_ledger
from connectors.ledger.manifest import LedgerManifest
from tests.conformance.rig import Rig
from tests.conformance.worlds import SOURCES
from tests.conformance.worlds.api import ApiWorld
from tests.conformance.worlds.base import AS_OF

ROOT = Path(__file__).parents[2]
WORLDS = [world for world in SOURCES if issubclass(world, ApiWorld)]
IS_LONG = bool(os.environ.get("LONG"))
# What a landing takes beyond what its process is made of; imports alone differ between machines.
MOST_MB = 40
PAGES = 10_000 if IS_LONG else 300
KILLS, KILLED_ROWS = (50, 1_500) if IS_LONG else (5, 300)
PAGE_SIZE = 7


@pytest.fixture(params=WORLDS, ids=lambda world: f"{world.vendor}.{world.stream}")
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    world: type[ApiWorld] = request.param
    return Rig(world(tmp_path), tmp_path)


def put(rig: Rig, count: int) -> set[str]:
    """Put so many records, a second apart; their names."""
    first = AS_OF - timedelta(seconds=count)
    rows = {f"k{n:03d}": first + timedelta(seconds=n) for n in range(count)}
    rig.world.put(rows)
    return set(rows)


def test_ten_thousand_pages_are_read_in_bounded_memory(rig: Rig) -> None:
    names = put(rig, PAGES * PAGE_SIZE)
    world, settings = rig.world, rig.settings
    told = {
        "home": str(settings.home),
        "source_id": world.source_id,
        "stream": world.stream,
        "as_of": iso_z(AS_OF),
        "source": {
            "vendor": world.vendor,
            "url": world.url(),
            "page_size": PAGE_SIZE,
            "options": dict(world.options),
            **world.secrets,
        },
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.conformance.lander"],
        input=json.dumps(told), cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    print(f"{world.vendor}.{world.stream}: {said}, {len(world.server.asked)} requests")
    assert said["rows"] == len(names)
    assert said["peak_mb"] - said["before_mb"] <= MOST_MB


def test_killed_at_random_points_it_resumes_without_loss_or_double(rig: Rig) -> None:
    names = put(rig, KILLED_ROWS)
    dice = random.Random(f"{rig.world.vendor} {rig.world.stream}")
    seconds = whole_landing(rig)
    killed = 0
    for kill in range(KILLS):
        now = AS_OF + timedelta(minutes=kill // 2)  # every other landing is a rerun of one
        if kill % 2 == 0:  # and the shop goes on, so that there is something to lose
            moved = dice.sample(sorted(names), len(names) // 3)
            rig.world.put(dict.fromkeys(moved, now - timedelta(seconds=1)))
        fork = landing_in_a_fork(rig, now)
        time.sleep(dice.uniform(0, seconds / 2))
        os.kill(fork, signal.SIGKILL)
        killed += os.WIFSIGNALED(os.waitpid(fork, 0)[1])
    rig.land(AS_OF + timedelta(days=1), batch_rows=70)
    rig.land(AS_OF + timedelta(days=2), batch_rows=70)
    print(f"{rig.world.vendor}.{rig.world.stream}: {killed} of {KILLS} died")
    assert killed > KILLS // 3, "they were quicker than the axe"
    rows = rig.rows()
    assert {rig.world.name_of(row) for row in rows} == names
    newest = {}
    for row in sorted(rows, key=lambda r: (r["landed_at"], str(r["record_at"]), r["seq"])):
        newest[row["record_key"]] = row["payload"]
    fresh = Rig(rig.world, fresh_home(rig))
    fresh.land(AS_OF + timedelta(days=2))
    assert newest == {row["record_key"]: row["payload"] for row in fresh.rows()}


def fresh_home(rig: Rig) -> Path:
    home = rig.settings.home / "fresh"
    home.mkdir()
    return home


def whole_landing(rig: Rig) -> float:
    """How long a landing takes that nobody disturbs, elsewhere."""
    home = rig.settings.home / "timed"
    home.mkdir()
    before = time.monotonic()
    Rig(rig.world, home).land(batch_rows=70)
    return time.monotonic() - before


def landing_in_a_fork(rig: Rig, as_of: datetime) -> int:
    """A process that lands as of then; its id."""
    fork = os.fork()
    if fork:
        return fork
    try:
        # No connection of the parent's is used: SQLite's don't survive a fork.
        rig.manifest = LedgerManifest(open_ledger(f"sqlite:///{rig.settings.home}/manifest.db"))
        rig.land(as_of, batch_rows=70)
    finally:
        os._exit(0)
