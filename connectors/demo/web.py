"""Plays the planned visits as Segment calls. All simulated, consistent with the real orders.

``timestamp`` is the corrected time of the Segment spec, ``receivedAt - (sentAt -
originalTimestamp)``: right even where a client's clock is hours off.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter

from connectors.demo.acts import Acts
from connectors.demo.archive import LAST_MS, Archive
from connectors.demo.catalogue import Catalogue
from connectors.demo.changes import Changes
from connectors.demo.content import CAMPAIGNS, SITE
from connectors.demo.dice import dice
from connectors.demo.people import Device, Person, uuid_of
from connectors.demo.stamps import DAY_MS, stamp
from connectors.demo.steps import Properties, Step
from connectors.demo.visits import Visit

LATE = 0.005
MOST_LATE_MS = 2 * DAY_MS
_LIBRARY = {"name": "analytics.js", "version": "1.0.3"}
_ABROAD = frozenset({"ZZ", "JE"})  # no locale of their own


@dataclass(slots=True)
class _Client:
    """The browser of one visit: what every call of it carries."""

    device: Device
    context: Properties
    user_id: str | None = None


class Tracker:
    """The web shop's tracker: sends what visitors do to the archive."""

    def __init__(self, seed: int, catalogue: Catalogue, changes: Changes, archive: Archive) -> None:
        """Start with nobody logged in."""
        self._seed = seed
        self._rng = dice(seed, "web")
        self._acts = Acts(seed, catalogue, changes)
        self._archive = archive
        self._messages = 0

    def play(self, visits: list[Visit], progress: Callable[[float], None]) -> None:
        """Play all visits by their start, writing each day when it is over."""
        visits.sort(key=attrgetter("start", "end", "device.anonymous_id", "kind"))
        day = 0
        for number, visit in enumerate(visits):
            if visit.start * 1000 // DAY_MS != day:
                day = visit.start * 1000 // DAY_MS
                self._archive.write(before=day * DAY_MS)
                progress(number / len(visits))
            self._play(visit)
        self._archive.write(before=LAST_MS + DAY_MS)

    def _play(self, visit: Visit) -> None:
        """Send a visit's steps; identify the visitor before one of them, or not at all."""
        steps, person = self._acts.of(visit), visit.person
        login_at = self._login_at(visit, person, steps) if person else len(steps)
        client = _Client(visit.device, self._context(visit))
        for index, (moment, step) in enumerate(self._timed(visit, steps)):
            if person and index >= login_at and moment >= person.created_at * 1000:
                as_guest = visit.order and visit.order.customer_id is None
                client.user_id = None if as_guest else person.customer_id
                self._identify(client, person, moment - 300, step)
                login_at = len(steps)
            self._track(client, moment, step)

    def _login_at(self, visit: Visit, person: Person, steps: list[Step]) -> int:
        """Return the step before which the visitor is identified, past the end for never."""
        rng, never = self._rng, len(steps)
        if visit.order:
            is_known = visit.order.customer_id is not None or rng.chance(0.5)
            return rng.randrange(len(steps) - 1) if is_known else never
        if person.customer_id is None:
            return len(steps) - 1 if rng.chance(0.6) else never
        if visit.login:
            return 0
        chance = 0.6 if visit.device.known else 0.75
        return rng.randrange(2) if rng.chance(chance) else never

    def _timed(self, visit: Visit, steps: list[Step]) -> Iterator[tuple[int, Step]]:
        """Yield the steps with their true times (epoch ms): first at the start, last at the end."""
        rng, start, end = self._rng, visit.start * 1000, visit.end * 1000
        span = end - start - (120_000 if visit.order else 0)
        inner = sorted(start + int(rng.random() * span) for _ in range(len(steps) - 2))
        moments = [start, *inner, end][: len(steps)]
        if visit.order:
            moments[-2] = end - 50_000 - int(rng.random() * 70_000)  # the checkout
        opened, before = "", start
        for moment, step in zip(moments, steps, strict=True):
            before = before + 400 if step.event and step.path == opened else moment
            yield before, step
            opened = "" if step.event else step.path

    def _context(self, visit: Visit) -> Properties:
        place = visit.person.place if visit.person else None
        country = "GB" if place is None or place.iso in _ABROAD else place.iso
        context: Properties = {
            "library": _LIBRARY,
            "locale": f"{place.language if place else 'en'}-{country}",
            "timezone": place.time_zone if place else "Europe/London",
            "userAgent": visit.device.user_agent,
        }
        if visit.kind in {"browse", "abandon", "order"} and self._rng.chance(0.12):
            context["campaign"] = self._rng.choice(CAMPAIGNS)
        if visit.campaign:
            context["campaign"] = {"name": visit.campaign, "source": "parley", "medium": "email"}
        return context

    def _identify(self, client: _Client, person: Person, moment: int, step: Step) -> None:
        """Send who it is: account holders log in, guests and strangers give their address."""
        traits: Properties = {"email": person.email}
        if client.user_id:
            traits |= {"firstName": person.first_name, "lastName": person.last_name}
            if person.phone and self._rng.chance(0.3):
                traits["phone"] = person.phone
        client.device.known = True
        self._send(client, {"type": "identify", "traits": traits}, moment, step)

    def _track(self, client: _Client, moment: int, step: Step) -> None:
        if step.event:
            body: Properties = {"type": "track", "event": step.event, "properties": step.properties}
        else:
            properties = {"path": step.path, "title": step.title, "url": SITE + step.path}
            body = {"type": "page", "name": step.title, "properties": properties}
        self._send(client, body, moment, step)

    def _send(self, client: _Client, body: Properties, moment: int, step: Step) -> None:
        """Deliver one call: ``moment`` is when it truly happened (epoch ms)."""
        rng, skew = self._rng, client.device.skew * 1000
        self._messages += 1
        moment += int(rng.random() * 250)
        wait = 60_000 + int(rng.random() * MOST_LATE_MS) if rng.chance(LATE) else 0
        latency = 20 + int(rng.random() * 230)
        received = min(moment + wait + 100 + int(rng.random() * 4_000) + latency, LAST_MS)
        sent = received - latency
        record: Properties = dict(body)
        record["messageId"] = uuid_of(self._seed, "message", self._messages)
        record["anonymousId"] = client.device.anonymous_id
        if client.user_id:
            record["userId"] = client.user_id
        record["originalTimestamp"] = stamp(moment + skew)
        record["timestamp"] = stamp(received - (sent - moment))
        record["sentAt"] = stamp(sent + skew)
        record["receivedAt"] = stamp(received)
        page = {"path": step.path, "title": step.title, "url": SITE + step.path}
        record["context"] = {**client.context, "page": page}
        self._archive.add(record, received, sent + skew)
