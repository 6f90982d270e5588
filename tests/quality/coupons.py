"""Who redeems a coupon within two weeks: mart `intent_scores`, goal `redeem`."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.quality import ceiling, duck, plots
from tests.quality.figures import Scored, auc, calibration_error, mean_of, pr_auc, together
from tests.quality.report import Goal, Row, judged, number
from tests.quality.selection import Need, need

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.quality.home import Home
    from tests.quality.shops import Shop

SHOPS = ("cj",)
HORIZON = 14
# Where fewer hold an offer that is good, hardly anybody can redeem one.
HOLDERS = 0.2
# So much of the shop must be known before the first campaign that is told; enough answered it.
SEEN_BEFORE = timedelta(days=60)
FEWEST = 10
MODELS = ("intent_scores",)
SIGNALS = ("int_signal_days", "people_nodes")
# What the booster may look at, beside what was sent.
PAIRS = (
    *(("coupon_redeemed", half_life) for half_life in (28, 120)),
    *(("coupon_day", half_life) for half_life in (28, 112)),
    *(("purchase_day", half_life) for half_life in (28, 112)),
    ("spend", 112),
)
STARTED = """
    select cast(d.start_date as date), cast(d.campaign_id as varchar), cast(d.end_date as date)
    from '{0.described}' as d
    inner join '{0.redemptions}' as r on d.campaign_id = r.campaign_id
    group by all having count(distinct r.household_id) >= ? order by all
"""
HELD = """
    select cast(s.household_id as varchar) as customer_id,
        count(*) filter (where d.end_date >= $day) as open,
        sum(pow(2, -date_diff('day', d.start_date, cast($day as timestamp)) / 60.0)) as sent
    from '{0.sends}' as s inner join '{0.described}' as d on s.campaign_id = d.campaign_id
    where d.start_date <= $day group by all
"""
REDEEMED = """
    select distinct cast(household_id as varchar) from '{0.redemptions}'
    where redemption_date >= $day and redemption_date < $until
"""
SCORES = """
    select p.customer_id, cast(coalesce(i.probability, 0) as double) as score
    from (
        select distinct customer_id from lines
        where customer_id is not null and day < getvariable('as_of')
    ) as p
    left join customers as c on p.customer_id = c.customer_id
    left join intent_scores as i on c.person_id = i.person_id and i.goal = 'redeem'
    order by p.customer_id
"""


def campaigns(shop: Shop) -> list[tuple[date, str, date]]:
    """Start, id and end of the campaigns that enough redeemed, and that have a past."""
    with duck.connect() as connection:
        found = connection.execute(STARTED.format(shop.campaigns), [FEWEST]).fetchall()
    return [each for each in found if each[0] >= shop.first_day + SEEN_BEFORE]


def wanted(shop: Shop) -> Mapping[date, Need]:
    """The days on which a campaign begins and many hold an offer; what has to be built then."""
    ((buyers,),) = shop.lines.rows("select count(distinct customer_id) from lines")
    dates = [
        day
        for day in sorted({start for start, _, _ in campaigns(shop)})
        if sum(held > 0 for held, _ in offers(shop, day).values()) >= HOLDERS * int(str(buyers))
    ]
    return {day: need(MODELS + SIGNALS * (day in dates[-1:]), {"redeem"}) for day in dates}


def rows(home: Home) -> list[Row]:
    """AUC and average precision beside the booster's, and the calibration error."""
    dates = list(wanted(home.shop))
    booster, ours, best, notes = _booster(home, dates), [], [], []
    for day in dates:
        told, did = home.kept(day).columns(SCORES), redeemed(home.shop, day)
        label = [customer in did for customer in told["customer_id"]]
        ours.append(Scored.of(told["score"], label))
        notes.append(f"{day}: AUC {number(auc(ours[-1]))}, {sum(label)} redeemed")
        notes += [f"{day}: weights {told}" for told in home.kept(day).weights("redeem")]
        said = booster.get(day)
        if said:
            best.append(Scored.of([said.get(c, 0.0) for c in told["customer_id"]], label))
    stem = home.folder / f"coupons-{home.shop.name}"
    drawn = plots.probabilities(stem, "redeems a coupon in 14 days", {
        "this run": together(ours), **({"LightGBM": together(best)} if best else {}),
    })  # fmt: skip
    good, precise = Goal(0.91, ".918", share=None), Goal(0.27, ".291", share=None)
    what = f"coupons, {home.shop.name}"
    return [
        judged(f"{what}: AUC", mean_of(auc, ours), good, mean_of(auc, best), notes, drawn),
        judged(f"{what}: PR-AUC", mean_of(pr_auc, ours), precise, mean_of(pr_auc, best)),
        judged(f"{what}: calibration error", calibration_error(together(ours)), Goal()),
    ]


@lru_cache(maxsize=256)
def offers(shop: Shop, day: date) -> Mapping[str, tuple[float, float]]:
    """What each had been sent by a date: coupons that are still good, and all that fade."""
    with duck.connect() as connection:
        found = connection.execute(HELD.format(shop.campaigns), {"day": day}).fetchall()
    return {customer: (float(held), float(sent)) for customer, held, sent in found}


@lru_cache(maxsize=256)
def redeemed(shop: Shop, day: date) -> Mapping[str, float]:
    """Who redeemed a coupon within two weeks from a date on."""
    span = {"day": day, "until": day + timedelta(days=HORIZON)}
    with duck.connect() as connection:
        found = connection.execute(REDEEMED.format(shop.campaigns), span).fetchall()
    return {customer: 1.0 for (customer,) in found}


def _booster(home: Home, dates: list[date]) -> dict[date, dict[Any, float] | None]:
    if not ceiling.is_here() or not dates:
        return {}
    shop, first = home.shop, home.shop.first_day
    moments = {each for day in dates for each in ceiling.closed_before(day, HORIZON, first)}
    known = {
        moment: ceiling.Known(each.subjects, with_offers(shop, moment, each))
        for moment, each in ceiling.people(home.kept(dates[-1]), {*moments, *dates}, PAIRS).items()
    }
    return {
        day: ceiling.against(known, day, HORIZON, lambda at: redeemed(shop, at), first)
        for day in dates
    }


def with_offers(shop: Shop, moment: date, known: ceiling.Known) -> Any:
    """The terms of people, with what they had been sent by then."""
    held = offers(shop, moment)
    more = np.array([held.get(customer, (0.0, 0.0)) for customer in known.subjects])
    return np.column_stack([known.terms, np.log1p(more)])
