"""A month of runs between days, each replayed after all later data is in: the same plan, each time.

Each replay builds the warehouse anew: `LONG=1` replays 30 days, `LONG=<n>` the last n.
"""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from connectors.core.clock import iso_z
from connectors.demo import DEMO_AS_OF

LONG = os.environ.get("LONG", "")
DAYS = int(LONG) if LONG.isdigit() and int(LONG) > 1 else 30
# One day's run at the start, then runs that go on from it, as a schedule of triggers does.
GENERATED = """
from connectors.core.settings import get_settings
from connectors.demo import generate
generate(get_settings().demo_dir)
"""


@pytest.mark.skipif(not LONG, reason="minutes a day: LONG=1 pytest tests/e2e/test_replay_days.py")
def test_every_run_of_a_month_is_replayed_byte_for_byte(make_home):
    home = make_home("month")
    assert home.python(GENERATED).code == 0
    planned = []
    for day in range(DAYS, 0, -1):
        kind = "daily" if day % 7 == DAYS % 7 else "triggered"
        home.ok("run", kind, "--as-of", iso_z(DEMO_AS_OF - timedelta(days=day - 1)))
        planned.append(home.last_run())
    said = {run: home.parley("replay", run) for run in planned}
    differ = {run: each.text for run, each in said.items() if each.code != 0}
    assert not differ, f"{len(differ)} of {len(planned)} differ: {differ}"
    audiences = {
        row["run_id"]: row["audience_sha256"]
        for row in home.ledger("select run_id, audience_sha256 from runs where kind <> 'replay'")
    }
    # They are not all the same plan for want of anything planned.
    assert len({audiences[run] for run in planned}) > DAYS // 2
