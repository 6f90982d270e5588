"""The people behind the orders.

Real: that a (pseudonymous) customer exists, their country, when they first bought. Simulated:
everything one could reach them by. Addresses stand on the reserved domains example.com, .org and
.net; phone numbers come from the ranges that regulators keep for film and television.
"""

import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from hashlib import blake2b

from connectors.demo.catalogue import DAY, Invoice
from connectors.demo.dice import dice
from connectors.demo.places import FIRST_NAMES, LAST_NAMES, PLACES, Place

DOMAINS = ("example.com", "example.com", "example.org", "example.net")
STORES = ("London Covent Garden", "Manchester", "Edinburgh", "Bristol", "York")
STAFF, TESTERS = 6, 3
CHANGES_END = 1_321_315_200  # 2011-11-15: a changed row hides its past, so all lie far back
_BY_ISO = {place.iso: place for place in PLACES.values()}

# Ranges kept for drama: Ofcom, Bundesnetzagentur, NANPA, ACMA. (dialled before, length, written).
_GB = (
    "113496",
    "114496",
    "116496",
    "117496",
    "118496",
    "121496",
    "131496",
    "141496",
    "151496",
)
_GB_RANGES = (
    *(f"{area}0" for area in (*_GB, "161496", "191498")),
    "2079460",
    "2896496",
    "2920180",
)
_RANGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "GB": ("+44", _GB_RANGES),
    "DE": ("+49", ("3023125", "4066969", "8999998", "6990009")),
    "US": ("+1", ("20255501", "31255501")),
    "AU": ("+61", ("255501", "370101")),
}
_DIGITS = {"GB": 3, "DE": 3, "US": 2, "AU": 3}

_KIT, _LIKE = "AppleWebKit", "(KHTML, like Gecko)"
_AGENTS = (
    "Mozilla/5.0 (Windows NT 6.1; rv:8.0) Gecko/20100101 Firefox/8.0",
    "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.1; Trident/5.0)",
    f"Mozilla/5.0 (Windows NT 6.1) {_KIT}/535.2 {_LIKE} Chrome/15.0.874.121 Safari/535.2",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_7_2) {_KIT}/534.51 {_LIKE} Safari/534.51.22",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 5_0 like Mac OS X) {_KIT}/534.46 {_LIKE} Mobile/9A334",
    f"Mozilla/5.0 (Linux; U; Android 2.3.5; en-gb; GT-I9100) {_KIT}/533.1 {_LIKE} Mobile",
)


def digest(*parts: object, size: int = 5) -> str:
    """Return ``2 * size`` hex digits that depend on the parts alone."""
    return blake2b("/".join(map(str, parts)).encode(), digest_size=size).hexdigest()


def uuid_of(*parts: object) -> str:
    """Return a UUID that depends on the parts alone."""
    raw = digest(*parts, size=16)
    return f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"


@dataclass(slots=True)
class Device:
    """A browser: its anonymous id, and by how many seconds its clock is wrong."""

    anonymous_id: str
    user_agent: str
    skew: int = 0
    known: bool = False  # somebody identified on it


@dataclass(slots=True)
class Person:
    """Somebody who bought or left an address; times in epoch seconds."""

    key: str
    customer_id: str | None
    place: Place
    first_name: str
    last_name: str
    email: str
    created_at: int
    phone: str | None = None
    loyalty_card: str | None = None
    store: str | None = None
    updated_at: int = 0
    is_staff: bool = False
    is_test: bool = False
    tastes: list[str] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)


class People:
    """Maker of people: every name, address and device comes from the seed."""

    def __init__(self, seed: int) -> None:
        """Shuffle the phone numbers that may be given out."""
        self._seed = seed
        self._rng = dice(seed, "people")
        self._devices = 0
        self._taken: set[str] = set()
        self._phones = {iso: self._numbers(iso) for iso in _RANGES}
        self._cards = self._rng.sample(range(10_000_000, 99_999_999), 6_000)

    def customers(self, invoices: list[Invoice]) -> dict[int, Person]:
        """Return one person per known customer of the invoices (ordered by time)."""
        first: dict[int, int] = {}
        countries: defaultdict[int, Counter[str]] = defaultdict(Counter)
        for invoice in invoices:
            if invoice.customer:
                first.setdefault(invoice.customer, invoice.at)
                countries[invoice.customer][invoice.country] += 1
        made = {
            number: self._customer(number, first[number], countries[number].most_common(1)[0][0])
            for number in sorted(first)
        }
        regulars = [p for p in made.values() if p.place.iso == "GB" and p.loyalty_card]
        for person in self._rng.sample(regulars, STAFF):
            person.is_staff = True
        return made

    def testers(self, at: int) -> list[Person]:
        """Return the shop's own test accounts, which never bought."""
        made = []
        for number in range(1, TESTERS + 1):
            person = Person(
                f"test{number}", f"9000{number}", _BY_ISO["GB"], "Test", f"Account {number}",
                f"qa.checkout{number}@example.com", at + number * 60, is_test=True,
            )  # fmt: skip
            person.updated_at = person.created_at
            person.devices = [self.device()]
            made.append(person)
        return made

    def stranger(self, key: str, at: int, iso: str = "GB") -> Person:
        """Return somebody without an account who leaves an address at ``at``."""
        first, last = self._name(_BY_ISO[iso])
        email = self._email(first, last, "")
        person = Person(key, None, _BY_ISO[iso], first, last, email, at)
        person.devices = [self.device()]
        return person

    def device(self) -> Device:
        """Return a new browser; one in fifty has a clock that is hours off."""
        self._devices += 1
        skew = self._rng.choice((-7, -5, -3, 2, 4, 8)) * 3_600 + self._rng.randrange(-900, 900)
        wrong = self._rng.chance(0.02)
        agent = self._rng.choice(_AGENTS)
        return Device(uuid_of(self._seed, "device", self._devices), agent, skew if wrong else 0)

    def _customer(self, number: int, first_at: int, iso: str) -> Person:
        rng, place = self._rng, _BY_ISO[iso]
        first, last = self._name(place)
        created = first_at - rng.randrange(180, 900)
        person = Person(
            str(number), str(number), place, first, last,
            self._email(first, last, str(number)), created,
        )  # fmt: skip
        has_phone = rng.chance(0.6)
        person.phone = self.phone(iso) if has_phone else None
        if iso == "GB" and rng.chance(0.7):
            person.loyalty_card = f"LC{self._cards.pop()}"
            person.store = rng.choices(STORES, (8, 4, 3, 3, 2))[0]
        changed = created + rng.randrange(2 * DAY, 40 * DAY)
        is_changed = rng.chance(0.03) and changed < CHANGES_END
        person.updated_at = changed if is_changed else created
        person.devices = [self.device() for _ in range(rng.choices((1, 2, 3), (55, 40, 5))[0])]
        return person

    def _name(self, place: Place) -> tuple[str, str]:
        rng = self._rng
        return rng.choice(FIRST_NAMES[place.pool]), rng.choice(LAST_NAMES[place.pool])

    def _email(self, first: str, last: str, number: str) -> str:
        """Return an address nobody else has; without a number it gets a random one."""
        while True:
            tail = number or str(self._rng.randrange(20, 9_999))
            email = f"{_plain(first)}.{_plain(last)}{tail}@{self._rng.choice(DOMAINS)}"
            if email not in self._taken:
                self._taken.add(email)
                return email

    def _numbers(self, iso: str) -> list[str]:
        width = _DIGITS[iso]
        heads = _RANGES[iso][1]
        numbers = [f"{head}{tail:0{width}d}" for head in heads for tail in range(10**width)]
        self._rng.shuffle(numbers)
        return numbers

    def phone(self, iso: str) -> str | None:
        """Return a number nobody else has, written in one of the ways people write them."""
        if iso not in _RANGES:
            return None
        number, code = self._phones[iso].pop(), _RANGES[iso][0]
        if iso == "GB" and self._rng.chance(0.5):
            return f"0{number[:3]} {number[3:6]} {number[6:]}"
        return f"{code}{number}" if self._rng.chance(0.6) else f"{code} {number[:3]} {number[3:]}"


def _plain(name: str) -> str:
    """Return a name as it stands in an address: ASCII letters, lower case."""
    swapped = name.translate(str.maketrans("øØłŁß", "oOlLs"))
    spelled = unicodedata.normalize("NFKD", swapped).encode("ascii", "ignore").decode()
    return "".join(letter for letter in spelled.lower() if letter.isalpha())
