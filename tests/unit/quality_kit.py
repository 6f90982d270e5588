"""A tiny shop with a few campaigns, to measure on: seeded, the same each time."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import duckdb

from tests.quality import lines
from tests.quality.shops import Campaigns, Shop

if TYPE_CHECKING:
    from pathlib import Path

FIRST = datetime.fromisoformat("2017-01-02T09:00:00")
DAYS = 230
CUSTOMERS = 80
# On the first of them coupons are good.
DATES = (date(2017, 6, 5), date(2017, 6, 19))
CATEGORIES = ("tea", "coffee", "cocoa", "mugs")
Line = tuple[str, str, str, int, float, datetime, str]


def order_lines(seed: int = 2017) -> list[Line]:
    """Some come every few days and some hardly ever; each has things that it likes."""
    dice, found = Random(seed), list[Line]()
    for customer in range(CUSTOMERS):
        every = 3 + dice.random() ** 2 * 40
        likes = [dice.randrange(40) for _ in range(6)]
        at = dice.random() * every
        while at < DAYS:
            when = FIRST + timedelta(days=at, hours=dice.random() * 8)
            order = f"o{customer}-{len(found)}"
            for thing in {dice.choice(likes) for _ in range(3)} | {dice.randrange(40)}:
                price, category = 2.5 + thing, CATEGORIES[thing % 4]
                found.append((f"h{customer}", order, f"p{thing}", 1, price, when, category))
            at += dice.expovariate(1 / every)
    return found


def write_csv(path: Path, rows: list[Line]) -> Path:
    """The lines as a file that `--lines` takes."""
    head = "customer_id,order_id,product_id,quantity,amount,ordered_at,category"
    told = (",".join(map(str, row)) for row in rows)
    path.write_text("\n".join([head, *told]) + "\n", encoding="utf-8")
    return path


def shop(folder: Path) -> Shop:
    """The shop, with campaigns whose coupons some of those redeem who come often."""
    file = write_csv(folder / "tiny.csv", order_lines())
    found = lines.from_file(file, folder / "tiny.parquet")
    return Shop("tiny", found, DATES, _campaigns(folder))


# The second begins on the first date; of the first one hardly anybody redeems anything.
CAMPAIGNS = """
    select n as campaign_id, timestamp '2017-03-22' + to_days(75 * n) as start_date,
        timestamp '2017-03-22' + to_days(75 * n + 12) as end_date
    from range(2) as r (n)
"""


def _campaigns(folder: Path) -> Campaigns:
    parts = {
        "described": CAMPAIGNS,
        "sends": f"""
            select c.campaign_id, 'h' || h.n as household_id
            from ({CAMPAIGNS}) as c, range({CUSTOMERS}) as h (n) where h.n % 2 = 0
        """,
        "coupons": f"""
            select c.campaign_id * 100 + p.n as coupon_upc, 'p' || p.n as product_id, c.campaign_id
            from ({CAMPAIGNS}) as c, range(0, 40, 4) as p (n)
        """,
        "redemptions": f"""
            select 'h' || h.n as household_id, c.campaign_id * 100 as coupon_upc, c.campaign_id,
                c.start_date + to_days(cast(2 + h.n % 9 as integer)) as redemption_date
            from ({CAMPAIGNS}) as c, range(0, {CUSTOMERS}, 6) as h (n)
            where c.campaign_id = 1 or h.n < 40
        """,
    }
    places = {name: folder / f"{name}.parquet" for name in parts}
    with duckdb.connect() as connection:
        for name, query in parts.items():
            connection.execute(f"copy ({query}) to '{places[name]}' (format parquet)")
    return Campaigns(**places)
