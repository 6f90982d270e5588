"""Five hundred baskets: what a run that comes late, or at a bad hour, makes of them (I9)."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from dbt_kit import PROJECT
from stories_kit import CLOCKS, EVENING, HOUR, MONDAY, WEEK_LATER, Acts, Scene, story

CART, PEOPLE = "abandoned_cart", 500
# Some change their clocks in these days, one way or the other; some never.
ZONES = (
    *("Europe/London", "Europe/Berlin", "America/New_York", "America/Los_Angeles"),
    *("America/Sao_Paulo", "Asia/Kolkata", "Asia/Tokyo", "Australia/Sydney", "Pacific/Apia"),
)


def seed(name: str) -> list[dict[str, str]]:
    with (PROJECT / f"seeds/{name}.csv").open() as file:
        return list(csv.DictReader(file))


STEPS = {
    int(row["step"]): timedelta(minutes=int(row["wait_minutes"]))
    for row in seed("programme_steps")
    if row["programme"] == CART
}
[WINDOW] = [
    timedelta(hours=int(row["window_hours"]))
    for row in seed("programmes")
    if row["programme"] == CART
]
[WAKING] = [
    range(int(row["quiet_until_hour"]), int(row["quiet_from_hour"]))
    for row in seed("country_rules")
    if row["country"] == "US"
]


def moment(dice: Random) -> datetime:
    """Any minute of twelve days; every other one an hour about where a step begins or ends."""
    if dice.random() < 0.5:
        edge = dice.choice(CLOCKS) - dice.choice([*STEPS.values()])
        edge -= dice.choice((timedelta(), WINDOW))
        return min(edge + timedelta(minutes=dice.randint(-60, 60)), WEEK_LATER - HOUR)
    minutes = int((WEEK_LATER - EVENING) / timedelta(minutes=1))
    return EVENING - timedelta(days=3) + timedelta(minutes=dice.randrange(minutes))


@story(
    given="five hundred people left baskets at any minute, in nine zones, and some moved on",
    when="plans are made at night, where clocks change, and after a week in which nothing ran",
    then="each reminder that is sent lies in its window and in the daytime of its reader",
)
def test_five_hundred_baskets_around_an_outage(s: Scene) -> Acts:
    dice, kettle = Random(9), s.product("kettle")
    baskets = {}
    for number in range(PEOPLE):
        who = s.customer(f"p{number}", country="US", time_zone=None)
        at, zones = moment(dice), dice.sample(ZONES, 2)
        s.added(who, f"c{number}", kettle, at, zone=zones[0])
        moved = at + timedelta(minutes=dice.randrange(60, 3000))
        if dice.random() < 0.5 and moved < WEEK_LATER:
            s.event(who, "Page Viewed", moved, zone=zones[1])
            baskets[who] = (at, [(at, zones[0]), (moved, zones[1])])
        else:
            baskets[who] = (at, [(at, zones[0])])
    told = yield
    sent = {who: [each for each in told.sent(who) if each[1] == CART] for who in baskets}
    for who, (at, zones) in baskets.items():
        for clock, _, step in sent[who]:
            assert STEPS[step] <= clock - at < STEPS[step] + WINDOW
            place = [zone for since, zone in zones if since <= clock][-1]
            assert clock.replace(tzinfo=UTC).astimezone(ZoneInfo(place)).hour in WAKING
        assert len({step for _, _, step in sent[who]}) == len(sent[who])
    assert sum(map(len, sent.values())) > PEOPLE / 10
    asleep = [row for who in baskets for row in told.plan(EVENING, who, CART)]
    assert {row["reason"] for row in asleep} >= {None, "quiet_hours"}
    lost = [who for who, (at, _) in baskets.items() if MONDAY < at < WEEK_LATER - max(
        STEPS.values()) - WINDOW]  # fmt: skip
    assert lost
    assert not [row for who in lost for row in told.plan(WEEK_LATER, who, CART)]
