"""Stories in plain words: given, when, then; each is a test, and all are played on one stage.

A story is a generator. Up to its `yield` it sets the scene: what the sources tell, and when. After
it, it reads what the plans of the clocks made of that. People of different stories never meet.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from stories_cast import KEY, Who, named

from connectors.core.identifiers import normalise_email, normalise_phone

if TYPE_CHECKING:
    from stories_told import Told

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# The clocks of the plans, in UTC. Europe's summer time ends in the night after EVENING; MONDAY is
# All Saints' Day; then nothing runs for a week, in which New York's summer time ends too.
EVENING = datetime(2010, 10, 30, 22, 30)  # noqa: DTZ001 - the warehouse's times have no zone
SUNDAY = datetime(2010, 10, 31, 13, 5)  # noqa: DTZ001
MONDAY = datetime(2010, 11, 1, 14, 5)  # noqa: DTZ001
WEEK_LATER = datetime(2010, 11, 9, 14, 5)  # noqa: DTZ001
CLOCKS = (EVENING, SUNDAY, MONDAY, WEEK_LATER)
LONG_AGO = datetime(2010, 6, 1, 12, 0)  # noqa: DTZ001
Acts = Generator[None, "Told", None]


def z(at: datetime) -> str:
    """A moment as the sources write it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Scene:
    """What the sources tell of one story."""

    name: str
    records: list[tuple[datetime, str, str, str, str, str]] = field(default_factory=list)
    campaigns: list[dict[str, Any]] = field(default_factory=list)
    suppressions: list[tuple[datetime, str, str]] = field(default_factory=list)

    def record(
        self, stream: str, key: str, at: datetime, told: datetime | None = None, **payload: Any
    ) -> None:
        """A record lands with the first clock after it happened, or when it is `told`."""
        vendor, _, kind = stream.rpartition(".")
        clock = next(clock for clock in CLOCKS if clock >= (told or at))
        place = clock, vendor or "database", kind
        self.records.append((*place, f"{self.name}-{key}", "upsert", json.dumps(payload)))

    def who(self, name: str = "ada", *, domain: str = "", held_out: bool = False) -> Who:
        """Names for somebody; nothing is told of them yet."""
        return named(name, self.name, domain, held_out=held_out)

    def customer(
        self, name: str = "ada", at: datetime = LONG_AGO, *, allowed: str = "consent",
        domain: str = "", held_out: bool = False, **profile: Any,
    ) -> Who:  # fmt: skip
        """A registered customer in New York, who allowed email unless said otherwise."""
        who = self.who(name, domain=domain, held_out=held_out)
        place = {"country": "US", "time_zone": "America/New_York"}
        named = {"customer_id": who.user, "email": who.email, "created_at": z(at)}
        self.record("customers", name, at, **{**place, **named, **profile})
        if allowed:
            self.allows(who, at, basis=allowed)
        return who

    def allows(
        self, who: Who, at: datetime, state: str = "granted", *, channel: str = "email",
        basis: str = "consent",
    ) -> None:  # fmt: skip
        """They allow marketing by a channel, or do so no more."""
        key = f"{who.user}-{channel}-{state}-{at:%d%H%M}"
        self.record(
            "consents", key, at, consent_id=key, customer_id=who.user, email=who.email,
            phone=who.phone if channel == "call" else None, channel=channel, purpose="marketing",
            state=state, legal_basis=basis, proof="checkout box", given_at=z(at),
            confirmed_at=z(at),
        )  # fmt: skip

    def product(
        self, name: str, at: datetime = LONG_AGO, *, price: int = 3000, in_stock: bool = True,
        category: str = "", created_at: datetime = LONG_AGO,
    ) -> str:  # fmt: skip
        """A product as the catalogue has it from then on; its id."""
        key = f"{self.name}-{name}"
        self.record(
            "products", name, at, product_id=key, name=name, category=category or self.name,
            price_minor=str(price), currency="USD", in_stock=str(in_stock).lower(),
            created_at=z(created_at), updated_at=z(at),
        )  # fmt: skip
        return key

    def event(
        self, who: Who | None, name: str, at: datetime, *, told: datetime | None = None,
        device: str = "", agent: str = "", campaign: str = "", zone: str = "", **properties: Any,
    ) -> None:  # fmt: skip
        """What a tracker tells of a person, or of a device that nobody is known by."""
        key = f"{name}-{device or (who.user if who else '')}-{at:%m%d%H%M}-{len(self.records)}"
        ids = {"userId": who.user if who else None, "anonymousId": device or None}
        context = {"userAgent": agent or None, "timezone": zone or None}
        self.record(
            "segment.events", key, at, told, type="track", event=name, messageId=key, **ids,
            originalTimestamp=z(at), receivedAt=z(told or at), properties=properties,
            context={**context, "campaign": {"name": campaign}} if campaign else context,
        )  # fmt: skip

    def added(self, who: Who, cart: str, product: str, at: datetime, **more: Any) -> None:
        """Something is put in a basket."""
        self.event(
            who, more.pop("event", "Product Added"), at, cart_id=f"{self.name}-{cart}",
            product_id=product, price=30, quantity=1, currency="USD", **more,
        )  # fmt: skip

    def bought(
        self, who: Who, order: str, product: str, at: datetime, *, told: datetime | None = None,
        as_guest: bool = False, **fields: Any,
    ) -> None:  # fmt: skip
        """An order of one product, in the web shop unless said otherwise."""
        key = f"{self.name}-{order}"
        buyer = {"email": who.email} if as_guest else {"customer_id": who.user}
        money = {"currency": "USD", "amount_minor": "3000"}
        usual = {"channel": "web", "status": "paid", "country": "US", "ordered_at": z(at)}
        self.record(
            "orders", order, at, told, **{"order_id": key, **usual, **buyer, **money, **fields}
        )
        self.record(
            "order_lines", order, at, told, line_id=key, order_id=key, product_id=product,
            quantity="1", **money,
        )  # fmt: skip

    def campaign(
        self, programme: str, at: datetime, until: datetime, name: str = "", **columns: Any
    ) -> str:
        """A row of campaigns.csv."""
        campaign_id = f"{self.name}{name}"
        dates = {"starts_at": at, "ends_at": until}
        told = {"subject": "New for you", "category": self.name, "enabled": True}
        told |= {"audience": f"likes_{self.name}"}
        row = {"campaign_id": campaign_id, "programme": programme, **dates, **told, **columns}
        self.campaigns.append(row)
        return campaign_id

    def likes(self, who: Who, at: datetime) -> None:
        """They say that they like the story's range; its campaigns are for those who did."""
        self.event(who, "Survey Answered", at, topic=self.name, answer="interested")

    def suppress(self, who: Who, plan: datetime, reason: str = "unsubscribed") -> None:
        """The ledger learns it between this plan and its push."""
        self.suppressions.append((plan, who.nodes[1], reason))

    def identifiers(self) -> list[tuple[datetime, str, str, str, str, str]]:
        """The mailboxes and phones in what is told, normalised as a landing does it."""
        told = [(record[0], json.loads(record[-1])) for record in self.records]
        raw = [
            (clock, kind, payload.get(kind) or (payload.get("properties") or {}).get(kind))
            for clock, payload in told
            for kind in ("email", "phone")
        ]
        return [
            (clock, "parley", "identifiers", each, "upsert", _normal(kind, each))
            for clock, kind, each in raw
            if each
        ]


def _normal(kind: str, raw: str) -> str:
    named = normalise_email(raw, KEY) if kind == "email" else normalise_phone(raw, "US", KEY)
    return json.dumps({name: getattr(named, name) for name in named.__slots__})


Play = Callable[[Scene], Acts]
SCENES: dict[str, Play] = {}


def story(*, given: str, when: str, then: str) -> Callable[[Play], Callable[[], None]]:
    """A story as a test of its own, which tells it in its docstring."""

    def as_test(acts: Play) -> Callable[[], None]:
        name = acts.__name__.removeprefix("test_")
        SCENES[name] = acts

        def test() -> None:
            from stories_stage import played  # noqa: PLC0415 - it plays all stories

            told = played()
            play = acts(Scene(name))
            next(play)
            with pytest.raises(StopIteration):  # a second yield would leave out what follows it
                play.send(told)

        test.__name__ = test.__qualname__ = acts.__name__
        test.__module__ = acts.__module__
        test.__doc__ = f"Given {given}; when {when}; then {then}."
        return test

    return as_test


def scenes() -> Sequence[Scene]:
    """All stories up to where the plans are made."""
    made = []
    for name, acts in sorted(SCENES.items()):
        scene = Scene(name)
        next(acts(scene))
        made.append(scene)
    return made
