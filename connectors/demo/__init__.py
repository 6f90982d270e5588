"""The demo: a gift shop built around a year of real orders, and a small school beside it.

The shop is a database and a web archive, the school is an archive of its own. Real: the orders of
UCI Online Retail (see ``data/ATTRIBUTION.md``). Simulated: everything else, see each module.
The same seed gives the same rows and lines.
"""

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from connectors.demo.archive import Archive
from connectors.demo.catalogue import Catalogue
from connectors.demo.changes import Changes
from connectors.demo.orders import Order, OrderBook
from connectors.demo.people import People, Person
from connectors.demo.permissions import Consent, declare
from connectors.demo.returns import Returns
from connectors.demo.scenes import Scenes
from connectors.demo.school import School
from connectors.demo.shop import write_shop
from connectors.demo.talk import Talk
from connectors.demo.traffic import Traffic
from connectors.demo.visits import WEB_SINCE, Planner
from connectors.demo.web import Tracker

DEMO_AS_OF = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
VERSION = 4  # raise it when the generator gives other data: an older shop is then built anew
ARCHIVES = ("web", "school")
MARKER = "complete.json"
BUILDING = ".building"

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class DemoShop:
    """Where the demo's sources are, and how much they hold (events are lines)."""

    db_path: Path
    web_dir: Path
    school_dir: Path
    customers: int
    orders: int
    events: int
    school_events: int


@dataclass(frozen=True, slots=True)
class _Counts:
    version: int
    seed: int
    customers: int
    orders: int
    events: int
    school_events: int


def generate(home_demo_dir: Path, seed: int = 2011, progress: Progress | None = None) -> DemoShop:
    """Build the demo under ``home_demo_dir``, or return what an earlier run built.

    ``progress`` is called with a step's name and the share done of all, 0 to 1. A run that is cut
    off leaves no marker, and the next one starts anew. Raises ``OSError`` when the disk refuses.
    """
    tell: Progress = progress or (lambda _step, _share: None)
    counts = _read_marker(home_demo_dir, seed)
    if counts is None:
        building = home_demo_dir / BUILDING
        shutil.rmtree(building, ignore_errors=True)
        for name in ARCHIVES:
            (building / name).mkdir(parents=True)
        counts = _build(building, seed, tell)
        _publish(building, home_demo_dir, counts)
    tell("ready", 1.0)
    return DemoShop(
        home_demo_dir / "shop.db", home_demo_dir / "web", home_demo_dir / "school",
        counts.customers, counts.orders, counts.events, counts.school_events,
    )  # fmt: skip


def _build(folder: Path, seed: int, tell: Progress) -> _Counts:
    tell("reading the real orders", 0.0)
    catalogue = Catalogue(seed)
    makers = People(seed)
    customers = makers.customers(catalogue.invoices)
    book = OrderBook(seed, makers, customers)
    orders = book.mark(catalogue.invoices)
    _give_tastes(catalogue, orders)
    people = [*customers.values(), *makers.testers(WEB_SINCE)]
    consents = declare(seed, people, book.guests, orders)
    tell("writing the shop database", 0.3)
    changes = Changes(seed, catalogue, int(DEMO_AS_OF.timestamp()))
    write_shop(folder / "shop.db", catalogue, changes, people, orders, consents)
    tell("inventing the web activity", 0.45)
    planner = Planner(seed, catalogue, makers)
    _plan(planner, changes, people, orders, consents)
    archive = Archive(folder / "web", seed)
    Talk(seed, catalogue, people).tell(orders, archive)
    tracker = Tracker(seed, catalogue, changes, archive)
    tracker.play(
        planner.visits,
        lambda share: tell("inventing the web activity", 0.5 + share / 2),
    )
    catalogue.close()
    school = School(seed, makers, people, int(DEMO_AS_OF.timestamp())).write(folder / "school")
    return _Counts(VERSION, seed, len(people), len(orders), archive.written, school)


def _plan(
    planner: Planner,
    changes: Changes,
    people: list[Person],
    orders: list[Order],
    consents: list[Consent],
) -> None:
    """Plan every visit: what led to the orders, everyday traffic, the scenes of the demo's day."""
    planner.orders(orders)
    traffic = Traffic(planner, people, consents)
    traffic.everyday()
    as_of = int(DEMO_AS_OF.timestamp())
    Scenes(planner, traffic, as_of).stage(people, orders, consents)
    Returns(planner, changes, as_of).stage(people, orders, consents)


def _give_tastes(catalogue: Catalogue, orders: list[Order]) -> None:
    """Let people like what they bought: the categories of each order's dearest lines."""
    for order in orders:
        if order.buyer:
            shown = catalogue.shown(order.invoice.items[:6], order.invoice.at)
            order.buyer.tastes += [catalogue.products[item[0]].category for item in shown]


def _read_marker(folder: Path, seed: int) -> _Counts | None:
    """Return the counts of a complete build of this version and seed."""
    try:
        counts = _Counts(**orjson.loads((folder / MARKER).read_bytes()))
    except (OSError, TypeError, orjson.JSONDecodeError):
        return None
    return counts if (counts.version, counts.seed) == (VERSION, seed) else None


def _publish(building: Path, folder: Path, counts: _Counts) -> None:
    """Put a finished build in the place of an older one; the marker comes last."""
    (folder / MARKER).unlink(missing_ok=True)
    (building / "shop.db").replace(folder / "shop.db")
    for name in ARCHIVES:
        shutil.rmtree(folder / name, ignore_errors=True)
        (building / name).replace(folder / name)
    marker = building / MARKER
    marker.write_bytes(orjson.dumps(asdict(counts)))
    marker.replace(folder / MARKER)
    building.rmdir()
