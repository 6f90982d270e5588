"""What people are worth: `segments.value_minor` against what they spend in the next 60 days."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.quality import ceiling
from tests.quality.figures import share_of_top
from tests.quality.report import Goal, Row, judged, number
from tests.quality.selection import Need, need

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from tests.quality.home import Home
    from tests.quality.shops import Shop

SHOPS = ("cj", "uci")
HORIZON = 60
TOP = 0.1
SIGNALS = ("int_signal_days", "people_nodes")
PAIRS = (("purchase_day", 28), ("purchase_day", 60), ("purchase_day", 112), ("spend", 60))
GOALS = {
    "cj": Goal(0.33, ".335; LightGBM .325", share=None),
    "uci": Goal(0.55, ".556; LightGBM .542", share=None),
}
VALUES = """
    select p.customer_id, cast(coalesce(s.value_minor, 0) as double) as score,
        s.value_minor is null as is_missing, coalesce(f.spent, 0) as spent
    from (
        select distinct customer_id from lines
        where customer_id is not null and day < getvariable('as_of')
    ) as p
    left join customers as c on p.customer_id = c.customer_id
    left join segments as s on c.person_id = s.person_id
    left join (
        select customer_id, cast(sum(amount_minor) as double) as spent from lines
        where day >= getvariable('as_of') and day < getvariable('as_of') + 60
        group by customer_id
    ) as f on p.customer_id = f.customer_id
    order by p.customer_id
"""


def wanted(shop: Shop) -> Mapping[date, Need]:
    """What has to be built when."""
    dates = shop.closed(HORIZON)
    return {day: need(("segments", *SIGNALS * (day in dates[-1:]))) for day in dates}


def rows(home: Home) -> list[Row]:
    """The share of future spend that the most valuable tenth brings, averaged over the dates."""
    dates, name = list(wanted(home.shop)), home.shop.name
    what = f"value, {name}: share of 60 days' spend in the top tenth"
    if not dates:
        why = ["no date is followed by 60 days of data: nothing to compare with"]
        return [Row(what, "n/a", notes=why)]
    booster, ours, boosted, notes = _booster(home, dates), [], [], []
    for day in dates:
        told = home.kept(day).columns(VALUES)
        ours.append(share_of_top(told["score"], told["spent"], TOP))
        perfect = share_of_top(told["spent"], told["spent"], TOP)
        notes.append(f"{day}: {number(ours[-1])}; whoever knew the future: {number(perfect)}")
        if told["is_missing"].any():
            notes.append(f"{day}: {told['is_missing'].sum()} customers have no value")
        said = booster.get(day)
        if said:
            high = [said.get(customer, 0.0) for customer in told["customer_id"]]
            boosted.append(share_of_top(high, told["spent"], TOP))
    top = float(np.mean(boosted)) if boosted else float("nan")
    return [judged(what, float(np.mean(ours)), GOALS.get(name, Goal()), top, notes)]


def _booster(home: Home, dates: list[date]) -> dict[date, dict[Any, float] | None]:
    """What the booster expects of each, by date."""
    if not ceiling.is_here():
        return {}
    last, first = home.kept(dates[-1]), home.shop.first_day
    moments = {each for day in dates for each in ceiling.closed_before(day, HORIZON, first)}
    known = ceiling.people(last, moments | {*dates}, PAIRS)
    spent = {moment: _spent(home, moment) for moment in moments}
    return {
        day: ceiling.against(known, day, HORIZON, spent.__getitem__, first, "regression")
        for day in dates
        if day in known
    }


def _spent(home: Home, moment: date) -> dict[Any, float]:
    return dict(
        home.shop.lines.rows(
            "select customer_id, cast(sum(amount_minor) as double) from lines"
            " where customer_id is not null and day >= ? and day < ? group by customer_id",
            *(moment, moment + timedelta(days=HORIZON)),
        )
    )
