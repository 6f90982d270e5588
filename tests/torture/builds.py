"""Whole runs of a tiny home, killed within dbt and around the publication of their snapshot.

Every run has the same clock, so the plan has to come out as in a twin that nobody disturbed.
"""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from connectors.core.snapshot import audience_sha256
from tests.e2e.home_kit import Home, rows_of
from tests.e2e.shop_kit import TinyShop, identify, kettle_in_basket, z
from tests.torture.databases import NewLedger
from tests.torture.oracle import Verdict
from tests.torture.play import KILLED, opens

ROOT = Path(__file__).parents[2]
MONDAY = datetime(2024, 3, 4, tzinfo=UTC)
LONG_AGO = MONDAY - timedelta(days=49)
FIRST, LAST = MONDAY + timedelta(hours=11, minutes=5), MONDAY + timedelta(hours=35, minutes=5)
LEDGER_URL = "PARLEY_LEDGER_URL"
PEOPLE = 8
# A run of so few people builds about as many models; a kill falls on one of the first of them.
MODELS = 90
MOST_TRIES = 3
RUN = """
import sys
sys.path.insert(0, {root!r})
from connectors.core.settings import get_settings
from flows.pipeline import PlainSteps, execute
from tests.torture.points import Trap, set_in_build
with set_in_build(Trap({point!r}, {nth})):
    outcome = execute("triggered", PlainSteps(get_settings()), {as_of!r})
print(outcome.run.run_id)
"""


@dataclass
class Builds:
    """One home a point, killed there again and again."""

    engine: str
    folder: Path
    seed: int
    new: NewLedger
    verdict: Verdict = field(default_factory=Verdict)

    def play(self, points: list[str], kills: int) -> Verdict:
        """Kill at each of these points, let it finish, compare with the twin, and judge."""
        twin = self._home("twin")
        self._run(twin, FIRST)
        homes = {point: self._like(twin, point.replace(" ", "_")) for point in points}
        wanted = audience_sha256(twin.path / "runs" / self._run(twin, LAST))
        for point, home in homes.items():
            self._torture(home, point, kills, wanted)
            self.verdict.stories += 1
        return self.verdict

    def _torture(self, home: Home, point: str, kills: int, wanted: str) -> None:
        dice = Random(f"{self.seed}/{self.engine}/{point}")
        url = home.settings[LEDGER_URL]
        for _ in range(kills):
            said = home.python(_code(LAST, point, dice.randint(1, MODELS) if "dbt" in point else 1))
            if said.code != KILLED:
                self.verdict.wrong.append(f"{point} was not reached: {said.text[-500:]}")
                break
            self.verdict.kills[point] += 1
            self.verdict.unopenable += not opens(url)
        run_id = self._run(home, LAST)
        if audience_sha256(home.path / "runs" / run_id) != wanted:
            self.verdict.lost += 1
            self.verdict.wrong.append(f"{point}: the plan is not that of the twin")
        self._judge(home, point)

    def _judge(self, home: Home, point: str) -> None:
        """What is in the files is what the twin sends, once; snapshots are of one run each."""
        sent: Counter[str] = Counter()
        for path in (home.path / "out").rglob("*.csv"):
            with path.open(newline="", encoding="utf-8") as file:
                sent.update(each["message_key"] for each in csv.DictReader(file))
        planned: set[str] = set()
        for snapshot in (home.path / "runs").glob("[!.]*/candidates.parquet"):
            runs = {row["run_id"] for row in _rows(snapshot, "run_id")}
            self.verdict.unaccounted += runs > {snapshot.parent.name}
        for audience in (home.path / "runs").glob("[!.]*/audience_triggered.parquet"):
            sends = _rows(audience, "message_key", "verdict = 'send'")
            planned |= {row["message_key"] for row in sends}
        self.verdict.duplicates += sum(sent.values()) - len(sent)
        self.verdict.lost += len(planned - set(sent))
        self.verdict.messages += len(sent)
        left = [path.name for path in (home.path / "runs").glob(".tmp-*")]
        if left or not sent:
            self.verdict.wrong.append(f"{point}: left {left}, sent {len(sent)}")

    def _run(self, home: Home, as_of: datetime) -> str:
        """A run that nobody kills; a crash before it may ask for a try more."""
        for _ in range(MOST_TRIES):
            said = home.python(_code(as_of))
            if said.code == 0:
                return said.out.split()[-1]
        raise RuntimeError(said.text[-3000:])

    def _home(self, name: str) -> Home:
        folder = self.folder / f"home-{name}"
        shop = TinyShop(folder / "shop")
        _fill(shop)
        return Home(folder, {**shop.sources, LEDGER_URL: self.new(f"home-{name}")})

    def _like(self, other: Home, name: str) -> Home:
        """A copy of a home as it is now, with a ledger of its own."""
        folder = self.folder / f"home-{name}"
        shutil.copytree(other.path, folder / "var")
        url = self.new(f"home-{name}", like=other.settings[LEDGER_URL])
        return Home(folder, {**other.settings, LEDGER_URL: url})


def _fill(shop: TinyShop) -> None:
    """Half of the people leave a kettle before the first run, half before the last."""
    shop.product("kettle", "Kettle", 3000, LONG_AGO)
    for number in range(PEOPLE):
        email, device = f"person{number}@example.com", f"d{number}"
        shop.customer(f"u{number}", LONG_AGO, email=email, country="GB")
        shop.consent(f"u{number}", email, LONG_AGO)
        left = (FIRST if number % 2 else LAST) - timedelta(hours=2)
        shop.events(
            identify(left, device=device, user=f"u{number}", email=email),
            kettle_in_basket(f"c{number}", left, device=device),
        )


def _code(as_of: datetime, point: str = "", nth: int = 1) -> str:
    return RUN.format(root=str(ROOT), point=point, nth=nth, as_of=z(as_of))


def _rows(path: Path, columns: str, where: str = "true") -> list[dict[str, Any]]:
    query = f"select distinct {columns} from read_parquet('{path}') where {where}"
    return rows_of(":memory:", query)
