"""Writes what people do at the demo's school as Segment calls. All simulated.

A visit comes from somebody's own browser: a page first, then the login (``identify`` and
``group``), then the rest. A server tells what needs no browser: enrolments, limits, calls.
"""

from connectors.demo.archive import LAST_MS, Archive
from connectors.demo.dice import dice
from connectors.demo.people import uuid_of
from connectors.demo.permissions import END
from connectors.demo.school_content import CURRENCY, PLANS, SCHOOL_SITE, Course, Reading
from connectors.demo.school_firms import Firm, Member
from connectors.demo.stamps import stamp
from connectors.demo.steps import Properties, Step, page

_BROWSER = {"name": "analytics.js", "version": "1.0.3"}
_SERVER = {"name": "analytics-python", "version": "1.0.3"}
CONFIRMED = 0.92  # of the sign-ups: the others never followed the link


class Diary:
    """Adds calls to an archive of the school's own."""

    def __init__(self, seed: int, archive: Archive) -> None:
        """Start with nobody registered."""
        self._seed = seed
        self._rng = dice(seed, "school diary")
        self._archive = archive
        self._calls = 0
        self._downloads = 0

    def visit(
        self,
        firm: Firm,
        member: Member,
        at: int,
        courses: tuple[Course, ...] = (),
        readings: tuple[Reading, ...] = (),
    ) -> None:
        """Tell a visit that begins at ``at`` (epoch s): courses looked at, guides downloaded.

        The first visit of a member is their registration.
        """
        steps = [page("/", "The School for Shop Keepers")]
        for course in courses:
            steps += [page(course.path, course.title), _viewed(course)]
        for reading in readings:
            steps += [page(reading.path, reading.title), self._got(member, reading)]
        self._play(firm, member, at, steps)

    def tell(self, member: Member, at: int, event: str, properties: Properties) -> None:
        """Tell what the school's server knows of a member, at ``at`` (epoch s)."""
        if at < END:
            body: Properties = {"type": "track", "event": event, "properties": properties}
            self._add({**body, "userId": member.user_id, "context": {"library": _SERVER}}, at, 0)

    def _play(self, firm: Firm, member: Member, at: int, steps: list[Step]) -> None:
        if at + 3_600 > END:
            return
        if not member.is_registered:
            steps[1:1] = self._registration(member)
            member.is_registered = True
        moment = at
        for number, step in enumerate(steps):
            if number == min(1, len(steps) - 1):
                self._login(firm, member, moment, step)
            self._call(member, moment, step)
            moment += self._rng.randrange(15, 90) if step.event else 1

    def _login(self, firm: Firm, member: Member, at: int, step: Step) -> None:
        traits: Properties = {
            "email": member.email,
            "firstName": member.first_name,
            "lastName": member.last_name,
        }
        traits |= {"phone": member.phone} if member.phone else {}
        known = {"userId": member.user_id, **self._seen(member, step)}
        self._add({"type": "identify", "traits": traits, **known}, at, member.device.skew)
        group: Properties = {"groupId": firm.firm_id, "traits": {"name": firm.name}}
        self._add({"type": "group", **group, **known}, at, member.device.skew)
        member.device.known = True

    def _registration(self, member: Member) -> list[Step]:
        """Return what a member allowed on registering, told when its link was followed or not."""
        path, title = "/register", "Register"
        steps = [page(path, title)]
        is_confirmed = self._rng.chance(CONFIRMED)
        for channel in ("email", "call"):
            is_allowed = member.by_email if channel == "email" else member.by_call
            if is_allowed and (channel == "email" or member.phone):
                declared: Properties = {
                    "email": member.email, "channel": channel, "purpose": "marketing",
                    "state": "granted", "legal_basis": "consent", "proof": "school form v1",
                    "is_confirmed": is_confirmed,
                }  # fmt: skip
                declared |= {"phone": member.phone} if channel == "call" else {}
                steps.append(Step("Permission Updated", declared, path, title))
        return steps

    def _got(self, member: Member, reading: Reading) -> Step:
        self._downloads += 1
        properties: Properties = {
            "download_id": f"sd{self._downloads:05d}", "content_id": reading.content_id,
            "title": reading.title, "topic": reading.topic, "email": member.email,
        }  # fmt: skip
        return Step("Content Downloaded", properties, reading.path, reading.title)

    def _call(self, member: Member, at: int, step: Step) -> None:
        if step.event:
            body: Properties = {"type": "track", "event": step.event, "properties": step.properties}
        else:
            shown = {"path": step.path, "title": step.title, "url": SCHOOL_SITE + step.path}
            body = {"type": "page", "name": step.title, "properties": shown}
        who: Properties = {"userId": member.user_id} if member.device.known else {}
        self._add({**body, **who, **self._seen(member, step)}, at, member.device.skew)

    @staticmethod
    def _seen(member: Member, step: Step) -> Properties:
        shown = {"path": step.path, "title": step.title, "url": SCHOOL_SITE + step.path}
        context: Properties = {
            "library": _BROWSER, "locale": "en-GB", "timezone": "Europe/London",
            "userAgent": member.device.user_agent, "page": shown,
        }  # fmt: skip
        return {"anonymousId": member.device.anonymous_id, "context": context}

    def _add(self, record: Properties, at: int, skew: int) -> None:
        """Send a call; ``skew`` is by how many seconds the sender's clock is wrong."""
        self._calls += 1
        moment = at * 1000 + self._rng.randrange(1000)
        latency = 20 + self._rng.randrange(230)
        received = min(moment + self._rng.randrange(100, 3_000) + latency, LAST_MS)
        sent, off = received - latency, skew * 1000
        whole = {
            **record,
            "messageId": uuid_of(self._seed, "school", self._calls),
            "originalTimestamp": stamp(moment + off), "sentAt": stamp(sent + off),
            "timestamp": stamp(received - (sent - moment)), "receivedAt": stamp(received),
        }  # fmt: skip
        self._archive.add_whole(whole, received)


def _viewed(course: Course) -> Step:
    properties: Properties = {
        "product_id": course.course_id, "name": course.title, "category": course.topic,
        "price": course.price_minor / 100, "currency": CURRENCY,
    }  # fmt: skip
    return Step("Product Viewed", properties, course.path, course.title)


def enrol(diary: Diary, member: Member, course: Course, at: int) -> None:
    """Tell that a member enrolled in a course."""
    diary.tell(
        member, at, "Enrolled",
        {
            "product_id": course.course_id, "title": course.title, "topic": course.topic,
            "value": course.price_minor / 100, "currency": CURRENCY, "plan": PLANS[0].name,
        },
    )  # fmt: skip
