"""What the demo's school teaches: courses, guides and plans for people who keep a shop.

All simulated: the school does not exist, nor do the firms that ask about it.
"""

from dataclasses import dataclass

SCHOOL_SITE = "https://school.example.com"
CURRENCY = "GBP"


@dataclass(frozen=True, slots=True)
class Course:
    """A course over weeks, with its price in pence."""

    course_id: str
    title: str
    topic: str
    price_minor: int

    @property
    def path(self) -> str:
        """Return its page."""
        return f"/courses/{self.course_id}"


@dataclass(frozen=True, slots=True)
class Reading:
    """A guide to download, about one topic."""

    content_id: str
    title: str
    topic: str

    @property
    def path(self) -> str:
        """Return its page."""
        return f"/reading/{self.content_id}"


@dataclass(frozen=True, slots=True)
class Plan:
    """How many people of a firm may learn, and the plan that comes after."""

    name: str
    seats: int
    next_name: str
    price_minor: int


COURSES: tuple[Course, ...] = (
    Course("selling-online", "Selling Online in Eight Weeks", "online_selling", 89_000),
    Course("photos-that-sell", "Photographs that Sell", "online_selling", 29_000),
    Course("windows-by-season", "Shop Windows, Season by Season", "shop_windows", 64_000),
    Course("small-window", "The Small Window", "shop_windows", 24_000),
    Course("books-in-order", "Books in Order: Accounts for Shops", "bookkeeping", 72_000),
    Course("vat-calmly", "VAT, Calmly", "bookkeeping", 31_000),
    Course("first-five-people", "Your First Five People", "hiring", 58_000),
    Course("rotas", "Rotas that Hold", "hiring", 22_000),
    Course("buying-well", "Buying Well: Stock and Season", "stock_planning", 79_000),
    Course("count-once", "Count Once: Stock in a Day", "stock_planning", 26_000),
)

READINGS: tuple[Reading, ...] = (
    Reading("first-web-shop", "Your First Web Shop: a Checklist", "online_selling"),
    Reading("marketplaces", "Marketplaces Compared for Small Shops", "online_selling"),
    Reading("parcel-costs", "What a Parcel Really Costs", "online_selling"),
    Reading("window-plans", "Twelve Window Plans to Copy", "shop_windows"),
    Reading("light-a-window", "How to Light a Window", "shop_windows"),
    Reading("window-costs", "A Window for Under Fifty Pounds", "shop_windows"),
    Reading("year-end", "The Year's End in Ten Steps", "bookkeeping"),
    Reading("margin-sheet", "Margin Sheet to Fill In", "bookkeeping"),
    Reading("cash-up", "Cashing Up without Tears", "bookkeeping"),
    Reading("job-advert", "A Job Advert that Works", "hiring"),
    Reading("first-day", "Somebody's First Day: a Plan", "hiring"),
    Reading("fair-rotas", "Fair Rotas: Three Patterns", "hiring"),
    Reading("open-to-buy", "Open to Buy, Explained", "stock_planning"),
    Reading("slow-stock", "What to Do with Slow Stock", "stock_planning"),
    Reading("suppliers", "Twenty Questions for a Supplier", "stock_planning"),
)

TOPICS = ("online_selling", "shop_windows", "bookkeeping", "hiring", "stock_planning")
PLANS = (Plan("Starter", 3, "Team", 49_000), Plan("Team", 10, "House", 120_000))

FIRMS_FIRST = (
    *("Amber", "Birch", "Clover", "Copper", "Dormouse", "Elder", "Fennel", "Gable", "Harbour"),
    *("Heron", "Ivy", "Juniper", "Kestrel", "Lantern", "Larkspur", "Linden", "Magpie", "Orchard"),
    *("Pebble", "Quince", "Rowan", "Saffron", "Thistle", "Willow"),
)
FIRMS_SECOND = ("Gifts", "Home", "Interiors", "Stationers", "Supplies")


def readings_of(topic: str) -> list[Reading]:
    """Return the guides of a topic."""
    return [reading for reading in READINGS if reading.topic == topic]


def courses_of(topic: str) -> list[Course]:
    """Return the courses of a topic."""
    return [course for course in COURSES if course.topic == topic]
