"""The firms that ask the demo's school, and their people. All simulated.

A firm's addresses stand on a domain of its own under the reserved ``.example``; some of its people
write from a private one. A few are customers of the gift shop too, known by the same address.
"""

from dataclasses import dataclass, field

from connectors.demo.dice import Dice, dice
from connectors.demo.people import Device, People, Person
from connectors.demo.places import FIRST_NAMES, LAST_NAMES
from connectors.demo.school_content import FIRMS_FIRST, FIRMS_SECOND, TOPICS

FIRMS = 108
PRIVATE_SHARE, EMAIL_SHARE, CALL_SHARE = 0.08, 0.8, 0.4
SIZES, SIZE_WEIGHTS = (2, 3, 4, 5), (25, 40, 25, 10)


@dataclass(slots=True)
class Member:
    """Somebody of a firm; whether they allowed email and calls when they registered."""

    user_id: str
    first_name: str
    last_name: str
    email: str
    device: Device
    phone: str | None
    by_email: bool
    by_call: bool
    is_registered: bool = False


@dataclass(slots=True)
class Firm:
    """A firm: the topic that it wants to learn, and its people."""

    firm_id: str
    name: str
    domain: str
    topic: str
    members: list[Member] = field(default_factory=list)


def firms(seed: int, makers: People, buyers: list[Person]) -> list[Firm]:
    """Return all firms; ``buyers`` are the shop's customers who keep a shop, one for a firm."""
    rng = dice(seed, "school firms")
    names = [f"{first} {second}" for first in FIRMS_FIRST for second in FIRMS_SECOND]
    made: list[Firm] = []
    count = 0
    for number, name in enumerate(rng.sample(names, FIRMS), 1):
        domain = f"{name.lower().replace(' ', '-')}.example"
        firm = Firm(f"firm-{number:03d}", name, domain, rng.choice(TOPICS))
        taken: set[str] = set()
        for _ in range(rng.choices(SIZES, SIZE_WEIGHTS)[0]):
            count += 1
            first, last = _name(rng, taken)
            is_private = rng.chance(PRIVATE_SHARE)
            local = f"{first}.{last}".lower()
            email = f"{local}.{name.split()[0].lower()}@example.org"
            firm.members.append(
                Member(
                    f"s{count:04d}", first, last,
                    email if is_private else f"{local}@{domain}",
                    makers.device(), makers.phone("GB"),
                    by_email=rng.chance(EMAIL_SHARE), by_call=rng.chance(CALL_SHARE),
                )
            )  # fmt: skip
        made.append(firm)
    for firm, buyer in zip(made, buyers, strict=False):
        _is_also(firm.members[0], buyer)
    return made


def _name(rng: Dice, taken: set[str]) -> tuple[str, str]:
    """Return a name that nobody else of the firm has."""
    while True:
        first, last = rng.choice(FIRST_NAMES["english"]), rng.choice(LAST_NAMES["english"])
        if f"{first} {last}" not in taken:
            taken.add(f"{first} {last}")
            return first, last


def _is_also(member: Member, buyer: Person) -> None:
    """Let a member be a customer of the shop: same name and address, another login."""
    member.first_name, member.last_name = buyer.first_name, buyer.last_name
    member.email, member.phone = buyer.email, None
    member.by_call = False
