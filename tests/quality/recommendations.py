"""What people buy next: mart `recommendations` against the items of the next two weeks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.quality.figures import recall
from tests.quality.report import Goal, Row, judged, number
from tests.quality.selection import Need, need

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from tests.quality.home import Home, Kept
    from tests.quality.shops import Shop

SHOPS = ("cj", "uci")
HORIZON = 14
GOALS = {
    ("cj", "repeat"): Goal(0.29, ".294; LightGBM .294"),
    ("uci", "repeat"): Goal(0.42, ".429; LightGBM .429"),
    ("cj", "new"): Goal(0.016, ".0168; ridge .0168"),
    ("uci", "new"): Goal(0.053, ".0531; ridge .0641"),
}
OFFERED = """
    select c.customer_id, r.kind, list(r.product_id order by r.rank) as items,
        any_value(r.formula) as formula
    from recommendations as r inner join customers as c on r.person_id = c.person_id
    where r.rank <= 10 group by c.customer_id, r.kind
"""
# Of those who had bought before: items of the next two weeks, those that they knew apart.
BOUGHT = """
    with before as (
        select distinct customer_id, product_id from lines
        where customer_id is not null and day < getvariable('as_of')
    )
    select f.customer_id, case when b.product_id is null then 'new' else 'repeat' end as kind,
        list(f.product_id) as items
    from (
        select distinct customer_id, product_id from lines
        where day >= getvariable('as_of') and day < getvariable('as_of') + 14
    ) as f
    left join before as b on f.customer_id = b.customer_id and f.product_id = b.product_id
    where f.customer_id in (select customer_id from before)
    group by f.customer_id, kind
"""


def wanted(shop: Shop) -> Mapping[date, Need]:
    """What has to be built when."""
    return dict.fromkeys(shop.closed(HORIZON), need(["recommendations"]))


def rows(home: Home) -> list[Row]:
    """Recall among ten, averaged over who bought such an item, then over the dates."""
    told = {day: _recalls(home.kept(day)) for day in wanted(home.shop)}
    return [_row(home.shop.name, kind, told) for kind in ("repeat", "new")]


def _row(shop: str, kind: str, told: Mapping[date, Mapping[str, tuple[float, str]]]) -> Row:
    figures = [found[kind][0] for found in told.values()]
    notes = [f"{day}: {number(found[kind][0])} by {found[kind][1]}" for day, found in told.items()]
    mean = sum(figures) / len(figures) if figures else float("nan")
    goal = GOALS.get((shop, kind), Goal())
    return judged(f"recommendations, {shop}, {kind}: recall@10", mean, goal, notes=notes)


def _recalls(kept: Kept) -> dict[str, tuple[float, str]]:
    with kept.opened() as connection:
        offered = connection.execute(OFFERED).fetchall()
        bought = connection.execute(BOUGHT).fetchall()
    return {
        kind: (
            recall(
                {who: items for who, own, items, _ in offered if own == kind},
                {who: {*items} for who, own, items in bought if own == kind},
            ),
            "/".join(sorted({formula for _, own, _, formula in offered if own == kind})) or "none",
        )
        for kind in ("repeat", "new")
    }
