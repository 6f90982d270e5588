"""What the web shop offers besides products: guides to download, the campaigns that led there.

All simulated.
"""

from dataclasses import dataclass

SITE = "https://shop.example.com"


@dataclass(frozen=True, slots=True)
class Guide:
    """A document to download, about one category."""

    content_id: str
    title: str
    topic: str

    @property
    def path(self) -> str:
        """Return its page in the web shop."""
        return f"/guides/{self.content_id}"


GUIDES: tuple[Guide, ...] = (
    Guide("christmas-table", "The Christmas Table: a Planning Guide", "christmas"),
    Guide("twelve-crafts", "Twelve Paper Decorations to Make by Advent", "christmas"),
    Guide("gift-finder-2011", "Gift Finder 2011", "christmas"),
    Guide("party-checklist", "Children's Party Checklist", "party"),
    Guide("bunting-how-to", "How Much Bunting Do I Need?", "party"),
    Guide("cake-tins", "Choosing Cake Tins and Stands", "kitchen"),
    Guide("jam-making", "Jam Making for Beginners", "kitchen"),
    Guide("pantry-labels", "Pantry Labels to Print", "kitchen"),
    Guide("candle-care", "Candle Care in One Page", "candles"),
    Guide("lighting-plan", "Light a Room for Less", "lighting"),
    Guide("winter-garden", "The Winter Garden: what to do by Month", "garden"),
    Guide("herbs-in-tins", "Growing Herbs on a Window Sill", "garden"),
    Guide("small-storage", "Storage for Small Flats", "storage"),
    Guide("gallery-wall", "Hang a Gallery Wall", "home_decor"),
    Guide("vintage-style", "Vintage Style, Room by Room", "home_decor"),
    Guide("bag-sizes", "Our Bags by Size", "bags"),
    Guide("letter-writing", "Thank-you Letters: Eight Openings", "stationery"),
    Guide("rainy-days", "Rainy-day Games", "toys"),
    Guide("afternoon-tea", "Afternoon Tea at Home", "mugs"),
    Guide(
        "cosy-evenings",
        "Cosy Evenings: Hot Water Bottles and Hand Warmers",
        "wellbeing",
    ),
    Guide("trade-buying", "Buying for Your Shop: Trade Guide", "home_decor"),
)

CAMPAIGNS: tuple[dict[str, str], ...] = (
    {"name": "autumn_2011", "source": "newsletter", "medium": "email"},
    {"name": "christmas_2011", "source": "newsletter", "medium": "email"},
    {"name": "brand_gb", "source": "google", "medium": "cpc"},
    {"name": "christmas_gifts", "source": "google", "medium": "cpc"},
    {"name": "style_blogs", "source": "partners", "medium": "referral"},
)

SEARCHES: dict[str, tuple[str, ...]] = {
    "bags": ("jumbo bag", "lunch bag", "shopper"),
    "candles": ("t-light holder", "scented candle", "lantern"),
    "christmas": (
        "christmas decorations",
        "advent calendar",
        "baubles",
        "gifts under 5",
    ),
    "clocks_and_signs": ("alarm clock", "metal sign"),
    "garden": ("picnic basket", "parasol", "bird house"),
    "home_decor": ("photo frame", "wicker heart", "mirror"),
    "jewellery": ("necklace", "key ring", "earrings"),
    "kitchen": ("cake stand", "cake tins", "lunch box", "jam jars"),
    "lighting": ("fairy lights", "night light"),
    "mugs": ("regency teacup", "mug", "tea set"),
    "party": ("bunting", "party bags", "balloons"),
    "stationery": ("wrapping paper", "notebook", "ribbon"),
    "storage": ("storage box", "coat rack", "drawers"),
    "textiles": ("doormat", "cushion cover"),
    "toys": ("skipping rope", "jigsaw", "harmonica"),
    "wellbeing": ("hot water bottle", "hand warmer", "plasters"),
}

BOTS: tuple[tuple[str, int], ...] = (
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", 1_500),
    ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", 900),
    ("Wget/1.12 (linux-gnu)", 600),
)


def title_of(category: str) -> str:
    """Return a category as people read it: ``Clocks and Signs``."""
    return category.replace("_", " ").title().replace(" And ", " and ")
