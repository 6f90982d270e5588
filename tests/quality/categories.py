"""Who buys in which category within two weeks: mart `category_intent`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.quality import ceiling
from tests.quality.figures import Scored, auc, calibration_error, mean_of, pr_auc, together
from tests.quality.report import Goal, Row, judged, number
from tests.quality.selection import Need, need

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from tests.quality.home import Home
    from tests.quality.shops import Shop

SHOPS = ("cj",)
HORIZON = 14
MOST = 20
FITTED = ("category_again", "category_new")
# Weights are fitted at every second date, as a shop would now and then.
FIT_EVERY = 2
PAIRS = (("category_bought", 14), ("category_bought", 56), ("category_bought", 365))
OF_PEOPLE = (("purchase_day", 14), ("purchase_day", 56))
GOALS = {
    "AUC": Goal(0.81, ".813; LightGBM .814", share=None),
    "AUC where never bought before": Goal(0.65, ".654; LightGBM .662", share=None),
}
# Those with most buyers; what the shop's data calls by no name is none.
CATEGORIES = """
    select category from lines
    where day < ? and customer_id is not null and category is not null
        and upper(category) not like 'NONE%' and upper(category) not like 'COUPON%'
    group by category order by count(distinct customer_id) desc, category limit ?
"""
SCORES = """
    with named as (
        select category, lower(category) as topic
        from (select unnest(cast(? as varchar[])) as category)
    ),
    before as (
        select customer_id, category from lines
        where customer_id is not null and day < getvariable('as_of') group by all
    ),
    after as (
        select distinct customer_id, category from lines
        where day >= getvariable('as_of') and day < getvariable('as_of') + 14
    ),
    scores as (select person_id, category, max(probability) as probability from category_intent
        group by all)
    select p.customer_id, n.category, n.topic, cast(coalesce(s.probability, 0) as double) as score,
        s.person_id is null as is_missing, b.customer_id is null as is_new,
        a.customer_id is not null as label
    from (select distinct customer_id from before) as p
    cross join named as n
    left join customers as c on p.customer_id = c.customer_id
    left join scores as s on c.person_id = s.person_id and n.topic = s.category
    left join before as b on p.customer_id = b.customer_id and n.category = b.category
    left join after as a on p.customer_id = a.customer_id and n.category = a.category
    order by p.customer_id, n.category
"""


def wanted(shop: Shop) -> Mapping[date, Need]:
    """What has to be built when."""
    dates = shop.closed(HORIZON)
    last = ("int_signal_days", "people_nodes")
    fitted = dates[::FIT_EVERY]
    return {
        day: need(("category_intent", *last * (day == dates[-1])), FITTED if day in fitted else ())
        for day in dates
    }


def rows(home: Home) -> list[Row]:
    """AUC over all pairs of a customer and one of the largest categories, and of those not met."""
    dates, name = list(wanted(home.shop)), home.shop.name
    found = home.shop.lines.rows(CATEGORIES, dates[0], MOST)
    chosen = [str(category) for (category,) in found]
    booster = _booster(home, dates, chosen)
    ours, new, best, best_new, missing = [], [], [], [], 0
    for day in dates:
        told = home.kept(day).columns(SCORES, chosen)
        missing += int(told["is_missing"].sum())
        ours.append(Scored.of(told["score"], told["label"]))
        new.append(_of(ours[-1], told["is_new"]))
        if day in booster:
            pairs = zip(told["customer_id"], told["topic"], strict=True)
            best.append(Scored.of([booster[day].get(each, 0.0) for each in pairs], told["label"]))
            best_new.append(_of(best[-1], told["is_new"]))
    what = f"categories, {name}"
    notes = [f"{day}: AUC {number(auc(each))}" for day, each in zip(dates, ours, strict=True)]
    fitted = [(day, home.kept(day).weights(*FITTED)) for day in dates]
    notes += [f"{day}: weights {line}" for day, told in fitted for line in told]
    notes += [f"{missing} pairs without a score count as 0", f"categories: {', '.join(chosen)}"]
    (good, all_), (fair, few) = GOALS.items()
    is_goal = name in SHOPS
    return [
        judged(f"{what}: {good}", mean_of(auc, ours), all_ if is_goal else Goal(),
               mean_of(auc, best), notes),
        judged(f"{what}: {fair}", mean_of(auc, new), few if is_goal else Goal(),
               mean_of(auc, best_new)),
        judged(f"{what}: PR-AUC", mean_of(pr_auc, ours), Goal(None, ".363"), mean_of(pr_auc, best)),
        judged(f"{what}: calibration error", calibration_error(together(ours)), Goal()),
    ]  # fmt: skip


def _of(scored: Scored, chosen: Any) -> Scored:
    return Scored(scored.score[chosen], scored.label[chosen])


def _booster(
    home: Home, dates: list[date], categories: list[str]
) -> dict[date, dict[tuple[str, str], float]]:
    """What the booster says of customers and topics, by date."""
    if not ceiling.is_here():
        return {}
    last, first = home.kept(dates[-1]), home.shop.first_day
    topics = {category.lower(): category for category in categories}
    moments = {m for day in dates for m in ceiling.closed_before(day, HORIZON, first)[::2]}
    known = ceiling.topics(last, moments | {*dates}, PAIRS, OF_PEOPLE, sorted(topics))
    bought = {moment: _bought(home, moment, topics) for moment in known}
    said = {
        day: ceiling.against(known, day, HORIZON, bought.__getitem__, first)
        for day in dates
        if day in known
    }
    return {day: each for day, each in said.items() if each}


def _bought(home: Home, moment: date, topics: Mapping[str, str]) -> dict[Any, float]:
    found = home.shop.lines.rows(
        "select distinct customer_id, category from lines where customer_id is not null"
        " and category is not null and day >= ? and day < ?",
        *(moment, moment + timedelta(days=HORIZON)),
    )
    topic_of = {category: topic for topic, category in topics.items()}
    return {
        (customer, topic_of[str(category)]): 1.0
        for customer, category in found
        if category in topic_of
    }
