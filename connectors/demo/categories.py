"""Product names and categories made readable from the till's descriptions.

Real: the descriptions. Derived: title case, spelled-out abbreviations, and the category, which is
found by the first rule whose keyword stands in the name.
"""

import re

SERVICES = "services"
HOME_DECOR = "home_decor"
SERVICE_CODES = frozenset({"POST", "DOT", "M", "C2", "S"})

_RULES: tuple[tuple[str, str], ...] = (
    (
        "wellbeing",
        r"""HOT WATER BOTTLE|HOTTIE|HAND WARMER|POCKET WARMER|SOAP|BATHROOM|BALM|MANICURE|
        TISSUES|PLASTERS|MASSAGE|POMANDER|LAVENDER|TOILET|SHOWER|FIRST AID|LIP GLOSS|WASHBAG|
        FLANNEL|TATTOOS|COMPACT MIRROR""",
    ),
    (
        "stationery",
        r"""GIFT BAG|GIFT TAPE|GIFT WRAP|WRAP\b|CHRISTMAS CARDS|BIRTHDAY CARD|PENS?\b,?|
        GREETING CARD|PLAYING CARDS TIN|CHRISTMAS PAPER|TAGS?\b|SET 10 CARDS?|THANK YOU CARD""",
    ),
    (
        "christmas",
        r"""CHRISTMAS|XMAS|SANTA|REINDEER|RUDOLPH|SNOWM|ADVENT|BAUBLE|NATIVITY|SNOWFLAKE|
        JINGLE|ROBIN\b|SLEIGH|STOCKING|ANGEL|HOLLY\b|MISTLETOE|WISE MEN|CRACKERS""",
    ),
    (
        "bags",
        r"""\bBAGS?\b(?! \d+G)|SHOPPER|PURSE|WALLET|LUGGAGE|PASSPORT|SUITCASE|RUCKSACK|
        BACKPACK|UMBRELLA|HANDBAG|SCARF|PONCHO|GLASSES CASE""",
    ),
    (
        "party",
        r"""PARTY|BUNTING|BALLOON|GARLAND|CONFETTI|STREAMER|CAKE CANDLES|PLACE SETTING|
        INVITES|SOMBRERO|LEIS\b|DISCO BALL""",
    ),
    (
        "lighting",
        r"NIGHT LIGHT|FAIRY LIGHT|LIGHT CHAIN|DOLLY LIGHTS|BEDSIDE LIGHT|LAMP\b|TORCH",
    ),
    (
        "toys",
        r"""MARBLES|CHILD|DOLL\b|GAME|\bTOYS?\b|PUZZLE|SKIPPING|JIGSAW|DOMINO|CRAYON|LUDO|
        PLAYHOUSE|PLAYING CARDS|HARMONICA|SPINNING TOP|NAUGHTS|SKITTLES|SOLDIER|BABY|BIB\b|CHARLIE|
        MONKEY|TEDDY|DINOSAUR|WHISTLE|KIDS|ABACUS|SNAKES|FELTCRAFT|RATTLE|BINGO|STRESS BALL|GLIDER|
        PAINT SET|PAINT YOUR OWN|COLOURING|MODELLING CLAY|SANDCASTLE|DRAWING SLATE|ALPHABET BLOCKS|
        ROCKING HORSE|PIGGY BANK|SNAP CARDS|HEADS AND TAILS|INFLATABLE""",
    ),
    (
        "candles",
        r"""CANDLE|T-?\s?LIGHT|INCENSE|VOTIVE|SCENTED|LANTERN|OIL BURNER|WAX\b|TEA ?LIGHT|
        MATCHES""",
    ),
    (
        "jewellery",
        r"""NECKLACE|BRACELET|EARRING|(?<!NAPKIN )\bRING\b|BROOCH|BANGLE|PENDANT|HAIR|
        DIAMANTE|CHARM\b|TIARA|KEY ?RING|KEY-CHAIN|KEY FOB|JEWEL|LARIAT|CHOKER""",
    ),
    ("lighting", r"\bLIGHTS?\b|\bLED\b|CHANDELIER"),
    (
        "mugs",
        r"\bMUGS?\b|TEA ?CUP|\bCUPS?\b(?! CAKE)|SAUCER|TEAPOT|TEA SET|FLASK|BEAKER|TUMBLER",
    ),
    (
        "textiles",
        r"""CUSHION|DOORMAT|DOOR MAT|QUILT|(?<!TEA )TOWEL|\bRUG\b|CURTAIN|\bTHROW\b|
        BLANKET|TEA COSY|SLIPPER|PADS? TO|FILLER PAD|SOCKS?\b|GLOVES?\b|ACAPULCO MAT""",
    ),
    (
        "clocks_and_signs",
        r"CLOCK|\bSIGN\b|PLAQUE|BLACKBOARD|WALL ART|NUMBER TILE|POSTER",
    ),
    (
        "garden",
        r"""GARDEN|PLANT|FLOWER ?POT|WATERING|PARASOL|BIRD ?(?:HOUSE|FEEDER|TABLE|BATH|CAGE)|
        SEED|DECKCHAIR|WINDMILL|TROWEL|GNOME|KNEELING|PICNIC|HERB|TRELLIS|BICYCLE|HAMMOCK|FLY SWAT|
        SHED\b|GROW (?:A|YOUR)|DOVECOTE|BUCKET""",
    ),
    (
        "kitchen",
        r"""CAKE|BAKING|KITCHEN|PANTRY|\bJAM\b|\bJARS?\b|RECIPE|CUTLERY|BOWL|PLATE|SPOON|
        TRAY|\bJUG\b|BREAD|MEASURING|WHISK|APRON|TEA TOWEL|NAPKIN|LUNCH|BISCUIT|COOKIE|\bEGG|JELLY|
        TOAST|BOTTLE|GLASS(?:ES)?$|DISH|COASTER|PLACEMAT|TABLE ?CLOTH|DOIL(?:Y|IES)|POPCORN|SNACK|
        OVEN|\bSALT|MILK|SUGAR|STRAWS|GOBLET|DECANTER|CHOPPING|SCALES|SPATULA|TIMER|CUTTER|PUDDING|
        DINER\b|MOULD|ICE CREAM|CONDIMENT|CANNISTER|TEA CADDY|CARAFE|COLANDER|GRATER|FRYING PAN|
        PETIT FOUR|FOOD (?:COVER|CONTAINER)|THERMOMETER|COFFEE""",
    ),
    (
        "stationery",
        r"""PENCIL|NOTEBOOK|STICKER|NOTE BOOK|RUBBER|ERASER|RULER|SHARPENER|RIBBON|
        JOURNAL|DIARY|CALENDAR|MEMO|ENVELOPE|PAPER CHAIN|\bSTAMPS?\b|CHALK|SKETCHBOOK|\bTAPE\b|
        POSTCARD|BOOKS?\b|SEWING|KNITTING|BUTTON|PATCHES|ORGANISER|MAGNET|CRAFT|\bCARDS?\b|
        CALCULATOR|SCISSOR|TWINE|SCRAPBOOK|PAPER""",
    ),
    (
        "storage",
        r"""\bBOX(?:ES)?\b|\bTINS?\b|BASKET|DRAWER|CABINET|HOOKS?\b|HANGER|STORAGE|CUBES|
        TRINKET|RACK\b|\bBIN\b|CRATE|SHELF|HOLDER|CHEST\b|KNOB|TIDY|CASES\b""",
    ),
)

_COMPILED = tuple((name, re.compile(re.sub(r"\s*\n\s*", "", rule))) for name, rule in _RULES)
CATEGORIES: tuple[str, ...] = tuple(sorted({name for name, _ in _RULES} | {HOME_DECOR}))

_SPELLED = tuple(
    (re.compile(pattern, re.IGNORECASE), text)
    for pattern, text in (
        (r"^\*+\s*", ""),
        (r"\bS(?:ET)?/(\d+)", r"Set of \1"),
        (r"\bSET OF(\d+)", r"Set of \1"),
        (r"\bHLDR\b", "Holder"),
        (r"\bCHILDRENS\b", "Children's"),
        (r"(?<=[a-z])\.(?= )", ""),
        (r"\bT-?\s?LIGHTS?\b", "T-Light"),
        (r"\bXMAS\b", "Christmas"),
        (r"\bASST?D?\b\.?", "Assorted"),
        (r"\bANT\b", "Antique"),
        (r"\bW/", "with "),
        (r"\bW\b(?!/)", "with"),
        (r"\bC/COVER", "Card Cover"),
        (r"\s*,\s*", ", "),
        (r"\s*\+\s*", " + "),
        (r"(?<=[A-Z])\s+\d{5}$", ""),
        (r"[.,\s]+$", ""),
        (r"\s{2,}", " "),
    )
)
_SMALL = frozenset({"of", "and", "in", "the", "with", "for", "to", "on", "a", "at", "from"})
_KEEP = frozenset({"LED", "USB", "FM", "UK", "II", "TV", "I"})
_UNIT = re.compile(r"^[\d.x/]+(?:cm|g|kg|ml|mm|m)?(?:x[\d.]+(?:cm)?)*$", re.IGNORECASE)


def tidy_name(description: str) -> str:
    """Return the till's description as a shop would print it: ``Regency Cakestand 3 Tier``."""
    text = description.strip()
    if text.startswith("Dotcomgiftshop"):
        return text.replace("Dotcomgiftshop ", "")
    for pattern, replacement in _SPELLED:
        text = pattern.sub(replacement, text)
    words = text.split(" ")
    return " ".join(_cased(word, first=index == 0) for index, word in enumerate(words))


def _cased(word: str, *, first: bool) -> str:
    """Return one word in title case, with small words, acronyms and measures as usual."""
    if word.upper() in _KEEP:
        return word.upper()
    if not first and word.lower() in _SMALL:
        return word.lower()
    if _UNIT.match(word):
        return word.lower()
    return re.sub(r"(^|[-/+(\"&])([a-z])", lambda m: m[1] + m[2].upper(), word.lower())


def category_of(product_id: str, description: str) -> str:
    """Return the category of a product, ``services`` for postage, carriage and manual entries."""
    if product_id in SERVICE_CODES:
        return SERVICES
    upper = description.upper()
    if product_id.startswith("GIFT_"):
        return "stationery"
    return next((name for name, rule in _COMPILED if rule.search(upper)), HOME_DECOR)
