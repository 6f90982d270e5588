"""Gate 8 by the clock on the wall: what the plan says is what Python's own time zones say."""

from __future__ import annotations

import csv
import random
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from dbt_kit import PROJECT, build, compiled_models
from holidays_kit import EVERYWHERE_ELSE, SEED, SEEDS, countries, written

if TYPE_CHECKING:
    from pathlib import Path

Way = tuple[str, str, str]
Case = tuple[str, str | None, Way]

MODELS = {"int_open_hours": "intermediate", "gate_local_time": "decisions"}
TABLES = {
    "marts.people": "person_id text, country text, time_zone text",
    "intermediate.int_person_zones": "person_id text, country text, time_zone text",
    "marts.candidates": "candidate_key text, person_id text, channel text, kind text, purpose text",
}
# The clock with which the statements are compiled.
NO_TIME = "2001-02-03T04:05:06"

RULES = {
    row["country"]: row
    for row in csv.DictReader(
        (SEEDS / "country_rules.csv").read_text(encoding="utf-8").splitlines()
    )
}
HOLIDAYS = {
    (row["country"], date.fromisoformat(row["day"]))
    for row in csv.DictReader(SEED.read_text(encoding="utf-8").splitlines())
}
# A clock each: a zone and the days around which it is moved, or holidays are kept.
DAYS = {
    "Europe/London": ("2011-03-27", "2011-10-30", "2011-12-24"),
    "America/New_York": ("2011-03-13", "2011-11-06", "2011-11-24"),
    "Australia/Lord_Howe": ("2011-04-03", "2011-10-02"),
    "Asia/Kathmandu": ("2011-04-14",),
    "America/Sao_Paulo": ("2011-02-20", "2011-10-16"),  # moved at midnight
    "Asia/Jerusalem": ("2011-04-01", "2011-09-29"),  # moved on a Friday
    "Europe/Berlin": ("2024-03-31", "2024-12-24"),
}
PLACES = ("GB", "US", "FR", "IL", "DE", "ZZ", "RS", None)
WAYS = (
    ("email", "triggered", "marketing"), ("email", "mass", "marketing"),
    ("meeting", "triggered", "marketing"), ("call", "triggered", "marketing"),
    ("call", "triggered", "service"), ("email", "triggered", "service"),
    ("post", "mass", "marketing"),
)  # fmt: skip
MOMENTS, EACH = 25, 24
# Every clock of these days differs from UTC by whole quarters.
QUARTER = timedelta(minutes=15)
SEEDED = 8_2026


def moment(dice: random.Random) -> datetime:
    """A moment within a day of one of the days."""
    day = dice.choice([day for days in DAYS.values() for day in days])
    since = timedelta(seconds=dice.randrange(-86_400, 2 * 86_400))
    return datetime.fromisoformat(day).replace(tzinfo=UTC) + since


def decent(at: datetime, country: str, way: Way) -> bool:
    """Whether that may be said at that moment of the local clock."""
    channel, kind, purpose = way
    rule = RULES[country]

    def within(first: str, last: str) -> bool:
        return int(rule[first]) <= at.hour < int(rule[last])

    if channel == "post" or (purpose == "service" and channel != "call"):
        return True
    if channel == "call" and purpose == "service":
        return within("quiet_until_hour", "quiet_from_hour")
    if channel != "call":
        slot = ("mass_from_hour", "mass_until_hour")
        return within(*(slot if kind == "mass" else ("quiet_until_hour", "quiet_from_hour")))
    works = str(at.isoweekday()) in rule["call_weekdays"]
    kept = (country, at.date()) in HOLIDAYS
    return works and not kept and within("call_from_hour", "call_until_hour")


def expected(as_of: datetime, zone: str, country: str, way: Way) -> tuple[bool, datetime | None]:
    """Whether it waits, and until when: quarters of an hour are tried, two weeks ahead."""
    local = as_of.astimezone(ZoneInfo(zone))
    if decent(local, country, way):
        return False, None
    at = as_of.replace(minute=0, second=0, microsecond=0)
    for _ in range(15 * 24 * 4):
        at += QUARTER
        if at > as_of and decent(at.astimezone(ZoneInfo(zone)), country, way):
            return True, at.replace(tzinfo=None)
    return True, None


class Gate:
    """The gate on a warehouse of its own: built once, then asked at another moment each time."""

    def __init__(self, warehouse: Path) -> None:
        with duckdb.connect(str(warehouse)) as db:
            for table, columns in TABLES.items():
                db.execute(f"create schema if not exists {table.split('.')[0]}")
                db.execute(f"create table {table} ({columns})")
        build(warehouse, [], f"{NO_TIME}Z", "country_rules", "holidays", *MODELS)
        folder = compiled_models(PROJECT)
        self.statements = {
            name: (folder / path / f"{name}.sql").read_text() for name, path in MODELS.items()
        }
        self.db = duckdb.connect(str(warehouse))

    def says(self, as_of: datetime, cases: list[Case]) -> list[tuple[Any, ...]]:
        """Of each in order: why it is not said, or waits, and until when."""
        self.db.begin()  # one write to the disk, not one a row
        for table in TABLES:
            self.db.execute(f"truncate {table}")
        for number, (zone, country, way) in enumerate(cases):
            key = f"{number:03}"
            for table in ("marts.people", "intermediate.int_person_zones"):
                self.db.execute(f"insert into {table} values (?, ?, ?)", [key, country, zone])
            self.db.execute("insert into marts.candidates values (?, ?, ?, ?, ?)", [key, key, *way])
        for name, path in MODELS.items():
            select = self.statements[name].replace(NO_TIME.replace("T", " "), f"{as_of:%F %T}")
            self.db.execute(f"create or replace table {path}.{name} as {select}")
        self.db.commit()
        return self.db.execute(
            "select failed, deferred, defer_until from decisions.gate_local_time"
            " order by candidate_key"
        ).fetchall()


def test_gate_agrees_with_pythons_zones_around_the_days_that_clocks_move(tmp_path: Path) -> None:
    dice = random.Random(SEEDED)
    gate = Gate(tmp_path / "clocks.duckdb")
    everything = list(product(DAYS, PLACES, WAYS))
    waited = 0
    for _ in range(MOMENTS):
        as_of, cases = moment(dice), dice.sample(everything, EACH)
        for (zone, country, way), told in zip(cases, gate.says(as_of, cases), strict=True):
            where = country if country in RULES else None
            waits, until = expected(as_of, zone, where or EVERYWHERE_ELSE, way)
            failed, deferred, defer_until = told
            found = (failed, deferred is not None, defer_until)
            assert found == (None, waits, until), (as_of, zone, country, way)
            waited += waits
    assert waited > MOMENTS * EACH // 4


def test_holidays_are_made_not_typed() -> None:
    assert SEED.read_text(encoding="utf-8") == written(), "run python tests/unit/holidays_kit.py"


def test_country_has_one_zone_where_all_its_clocks_agree() -> None:
    zones = pytest.importorskip("pytz").country_timezones
    weeks = [datetime(2020, 1, 1, tzinfo=UTC) + timedelta(weeks=week) for week in range(520)]

    def clock(zone: str) -> tuple[timedelta | None, ...]:
        return tuple(week.astimezone(ZoneInfo(zone)).utcoffset() for week in weeks)

    for country in countries():
        clocks = {clock(zone) for zone in zones[country]}
        assert RULES[country]["one_zone"] == str(len(clocks) == 1).lower(), country
        assert clock(RULES[country]["time_zone"]) in clocks, country
    assert RULES[EVERYWHERE_ELSE]["one_zone"] == "false"


@pytest.mark.parametrize("country", RULES)
def test_hours_lie_within_the_day_and_nobody_is_called_before_eight_or_after_nine(
    country: str,
) -> None:
    rule = RULES[country]
    quiet_until, quiet_from, mass_from, mass_until, call_from, call_until = (
        int(rule[f"{name}_hour"])
        for name in (
            "quiet_until", "quiet_from", "mass_from", "mass_until", "call_from", "call_until",
        )
    )  # fmt: skip
    assert 8 <= quiet_until <= mass_from < mass_until <= quiet_from <= 21
    assert quiet_until <= call_from < call_until <= quiet_from
    assert rule["call_weekdays"] == "".join(sorted(set(rule["call_weekdays"])))
    assert set(rule["call_weekdays"]) <= set("1234567")
    assert rule["call_weekdays"]
