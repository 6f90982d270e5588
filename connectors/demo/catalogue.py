"""The real orders, read from the bundled data: products, invoices and lines.

Real: invoices, lines, quantities, prices, times, countries, who bought what. Left out: stock
adjustments (invoices of nobody with a total of zero) and bookkeeping lines (bank charges, fees).
Derived: names and categories (see ``categories``), a product's price (its most frequent one) and
its first day of sale. Simulated: whether it is in stock.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from connectors.core import warehouse
from connectors.demo.categories import CATEGORIES, SERVICES, category_of, tidy_name
from connectors.demo.dice import Dice, dice
from connectors.demo.places import PLACES
from connectors.demo.stamps import day_of

DATA = Path(__file__).with_name("data") / "online_retail_uci.parquet"
DAY = 86_400
OUT_OF_STOCK = 0.03

Item = tuple[str, int, int]

_LINES = """
create table lines as
with raw as (
    select
        InvoiceNo as invoice_no, upper(trim(StockCode)) as product_id,
        trim(Description) as description, cast(Quantity as integer) as quantity,
        cast(round(UnitPrice * 100) as integer) as price_minor,
        cast(Quantity as bigint) * cast(round(UnitPrice * 100) as bigint) as amount_minor,
        InvoiceDate as sold_at, cast(CustomerID as integer) as customer, Country as country,
        file_row_number as row_no
    from read_parquet(?, file_row_number = true)
    where StockCode not in ('AMAZONFEE', 'BANK CHARGES')
),
invoices as (
    select
        invoice_no, cast(min(sold_at) as timestamp) as ordered_at, min(row_no) as first_row
    from raw group by invoice_no having sum(amount_minor) > 0 or max(customer) > 0
)
select
    cast(invoice_no as varchar) as order_id, product_id, description, quantity, price_minor,
    amount_minor, ordered_at, customer, country, row_no, row_no - first_row + 1 as line_no
from raw join invoices using (invoice_no)
"""

_PRODUCTS = """
with named as (
    select product_id, description, row_number() over (
        partition by product_id
        order by (price_minor > 0 and description <> 'Missing_Description') desc,
            count(*) desc, description) as rank
    from lines group by product_id, description, (price_minor > 0)
),
priced as (
    select product_id, price_minor, row_number() over (
        partition by product_id order by (price_minor > 0) desc, count(*) desc, price_minor) as rank
    from lines group by product_id, price_minor
),
sold as (
    select product_id, min(ordered_at) as first_at, count(distinct order_id) as orders
    from lines group by product_id
)
select product_id, description, price_minor, epoch(date_trunc('day', first_at))::bigint, orders
from sold
join named using (product_id) join priced using (product_id)
where named.rank = 1 and priced.rank = 1
order by product_id
"""

_ORDERS = """
select
    order_id, epoch(any_value(ordered_at))::bigint as ordered_at, any_value(customer) as customer,
    any_value(country) as country, sum(amount_minor)::bigint as amount_minor, count(*) as lines
from lines group by order_id order by ordered_at, order_id
"""

_ITEMS = """
select order_id, product_id, quantity, price_minor
from lines
qualify row_number() over (partition by order_id order by amount_minor desc, row_no) <= 16
order by order_id, amount_minor desc, row_no
"""

_ROWS = """
select
    order_id || '-' || lpad(line_no::varchar, 4, '0'), order_id, product_id, quantity, price_minor,
    amount_minor, 'GBP', strftime(ordered_at, '%Y-%m-%d %H:%M:%S.000000')
from lines order by order_id, line_no
"""


@dataclass(frozen=True, slots=True)
class Product:
    """A product of the shop; ``since`` is the midnight of its first sale, in epoch seconds."""

    product_id: str
    name: str
    category: str
    price_minor: int
    since: int
    orders: int
    in_stock: bool

    @property
    def slug(self) -> str:
        """Return the last part of the product's address in the web shop."""
        words = re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")
        return f"{words}-{self.product_id.lower()}"


@dataclass(frozen=True, slots=True)
class Invoice:
    """A real order: time in epoch seconds, customer 0 when unknown, ISO country, pence.

    ``items`` are its sixteen dearest lines: product id, quantity, price in pence.
    """

    order_id: str
    at: int
    customer: int
    country: str
    amount_minor: int
    lines: int
    items: tuple[Item, ...]


class Catalogue:
    """The real orders in memory: products, invoices, and lines on demand."""

    def __init__(self, seed: int, path: Path = DATA) -> None:
        """Read the bundled Parquet file (about 530,000 lines)."""
        self._db = warehouse.scratch([path.parent])
        self._db.execute("set memory_limit = '1GB'; set enable_progress_bar = false")
        self._db.execute(_LINES, [str(path)])
        self.products = {p.product_id: p for p in self._read_products(seed)}
        self.invoices = self._read_invoices()
        self.shelves = {
            category: Shelf([p for p in self.products.values() if p.category == category])
            for category in CATEGORIES
        }

    def line_rows(self, size: int = 20_000) -> Iterator[list[tuple[object, ...]]]:
        """Yield the rows of ``order_lines`` in key order, ``size`` at a time."""
        cursor = self._db.execute(_ROWS)
        while rows := cursor.fetchmany(size):
            yield rows

    def close(self) -> None:
        """Let the lines go."""
        self._db.close()

    def shown(self, items: tuple[Item, ...], at: int) -> list[Item]:
        """Return the items that the web shop shows at ``at``: each once, no postage, no gifts."""
        once = {item[0]: item for item in reversed(items)}
        return [item for item in reversed(once.values()) if self._is_shown(item, at)]

    def _is_shown(self, item: Item, at: int) -> bool:
        product = self.products[item[0]]
        return bool(product.since <= at and item[2] and product.category != SERVICES)

    def _read_products(self, seed: int) -> Iterator[Product]:
        rng = dice(seed, "catalogue")
        for product_id, text, price, since, orders in self._db.execute(_PRODUCTS).fetchall():
            missing = text == "Missing_Description"
            name = f"Item {product_id}" if missing else tidy_name(text)
            category = category_of(product_id, text)
            in_stock = category != SERVICES and not rng.chance(OUT_OF_STOCK)
            yield Product(product_id, name, category, price, since, orders, in_stock)

    def _read_invoices(self) -> list[Invoice]:
        items: defaultdict[str, list[Item]] = defaultdict(list)
        for order_id, *item in self._db.execute(_ITEMS).fetchall():
            items[order_id].append((item[0], item[1], item[2]))
        return [
            Invoice(
                order_id,
                at,
                customer,
                PLACES[country].iso,
                amount,
                lines,
                tuple(items[order_id]),
            )
            for order_id, at, customer, country, amount, lines in self._db.execute(
                _ORDERS
            ).fetchall()
        ]


class Shelf:
    """The products of one category, from which visitors pick the popular ones more often."""

    def __init__(self, products: list[Product]) -> None:
        """Keep the products that can be shown, oldest first."""
        shown = [p for p in products if p.price_minor and p.orders > 1]
        self.products = sorted(shown, key=lambda p: (p.since, p.product_id))
        self._since = [p.since for p in self.products]
        self._weights = list(accumulate(p.orders for p in self.products))

    def pick(self, rng: Dice, at: int, fresh: float = 0.15) -> Product:
        """Return a product on sale at ``at``; with probability ``fresh`` one of the newest."""
        size = max(1, bisect_right(self._since, at))
        if rng.chance(fresh):
            return self.products[rng.randrange(max(0, size - 12), size)]
        mark = rng.random() * self._weights[size - 1]
        return self.products[bisect_right(self._weights, mark, 0, size - 1)]


def text_of(seconds: int) -> str:
    """Return epoch seconds as the text SQLAlchemy stores for a datetime in SQLite, UTC."""
    day, rest = divmod(seconds, DAY)
    minutes, second = divmod(rest, 60)
    return f"{day_of(day)} {minutes // 60:02d}:{minutes % 60:02d}:{second:02d}.000000"
