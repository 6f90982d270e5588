"""The web shop's everyday visitors, day by day. All simulated.

Customers who look around and leave carts, strangers, people who download a guide, sign up for the
newsletter or leave it, a preference survey in three waves, and a few crawlers.
"""

from bisect import bisect_right
from itertools import accumulate

from connectors.demo.catalogue import DAY
from connectors.demo.content import BOTS, GUIDES
from connectors.demo.people import Device, Person, uuid_of
from connectors.demo.permissions import END, Consent
from connectors.demo.visits import HOUR, WEB_SINCE, Kind, Planner, Visit

_HOURS = (
    1,
    1,
    0,
    0,
    0,
    1,
    3,
    6,
    9,
    11,
    12,
    12,
    13,
    12,
    11,
    10,
    9,
    8,
    9,
    11,
    13,
    12,
    7,
    3,
)
_SURVEYS = (
    1_316_505_600,
    1_319_529_600,
    1_321_948_800,
)  # 20 Sep, 25 Oct, 22 Nov 2011, 08:00
SURVEY_SHARE = 0.12  # of those with an account by then
SATURDAY = 2  # day 0 of the epoch was a Thursday


class Traffic:
    """Plans every day's visits that no order explains."""

    def __init__(self, planner: Planner, people: list[Person], consents: list[Consent]) -> None:
        """Weigh the customers by how often they buy; test accounts don't come."""
        self._plan = planner
        self._rng = planner.rng
        known = [p for p in people if not p.is_test]
        self._known = sorted(known, key=lambda p: (p.created_at, p.key))
        self._since = [p.created_at for p in self._known]
        self._weights = list(accumulate(min(len(p.tastes), 30) + 2 for p in self._known))
        self._granted = [c for c in consents if c.state == "granted" and c.channel == "email"]
        self._granted_at = [c.given_at for c in self._granted]
        self._recent: list[Device] = []
        self._strangers = 0

    def everyday(self) -> None:
        """Plan all days, with more visitors towards Christmas and fewer on Saturdays."""
        for day in range(WEB_SINCE, END, DAY):
            season = 0.8 + 0.5 * (day - WEB_SINCE) / (END - WEB_SINCE)
            busy = season * (0.7 if (day // DAY) % 7 == SATURDAY else 1.0)
            self._strollers(day, busy)
            self._carts(day, busy)
            self._forms(day, busy)
        self._surveys()
        self._bots()

    def download(self, at: int, *, stranger: bool) -> None:
        """Plan the download of a guide, by somebody new or by a customer."""
        person = self.stranger(at) if stranger else self.customer(at)
        self._form("download", at, person, self._rng.randrange(len(GUIDES)))

    def customer(self, at: int) -> Person:
        """Return somebody who has an account at ``at``, a frequent buyer more often."""
        size = bisect_right(self._since, at)
        mark = self._rng.random() * self._weights[size - 1]
        return self._known[bisect_right(self._weights, mark, 0, size - 1)]

    def stranger(self, at: int) -> Person:
        """Return somebody who leaves an address for the first time."""
        self._strangers += 1
        return self._plan.people.stranger(f"stranger{self._strangers}", at)

    def _moments(self, day: int, count: float) -> list[int]:
        """Return about ``count`` moments of a day, spread as people are awake."""
        size = int(count + self._rng.random())
        hours = self._rng.choices(range(24), _HOURS, k=size)
        return sorted(day + hour * HOUR + self._rng.randrange(HOUR) for hour in hours)

    def _strollers(self, day: int, busy: float) -> None:
        for at in self._moments(day, 75 * busy):
            person = self.customer(at)
            self._plan.browse(person, self._plan.device_of(person), at)
        for at in self._moments(day, 150 * busy):
            self._plan.browse(None, self._browser(), at)

    def _browser(self) -> Device:
        """Return the device of an unknown visitor, at times one seen before."""
        if self._recent and self._rng.chance(0.25):
            return self._rng.choice(self._recent[-3_000:])
        self._recent.append(self._plan.people.device())
        return self._recent[-1]

    def _carts(self, day: int, busy: float) -> None:
        for at in self._moments(day, 26 * busy):
            person = self.customer(at)
            self._plan.abandon(person, self._plan.device_of(person), at)
        for at in self._moments(day, 9 * busy):
            self._plan.abandon(None, self._browser(), at)
        for at in self._moments(day, 5 * busy):
            person = self.stranger(at)
            self._plan.abandon(person, person.devices[0], at)

    def _forms(self, day: int, busy: float) -> None:
        for at in self._moments(day, 8 * busy):
            self.download(at, stranger=self._rng.chance(0.5))
        for at in self._moments(day, 9 * busy):
            new = self._rng.chance(0.6)
            self._form("newsletter", at, self.stranger(at) if new else self.customer(at))
        for at in self._moments(day, 4):
            given = self._granted[self._rng.randrange(bisect_right(self._granted_at, at - DAY))]
            self._form("optout", at, given.person, self._rng.choices((0, 1), (2, 1))[0])

    def _form(self, kind: Kind, at: int, person: Person, choice: int = 0) -> None:
        device = self._plan.device_of(person)
        end = at + self._rng.randrange(40, 240)
        self._plan.visits.append(Visit(kind, at, end, device, person, choice=choice))

    def _surveys(self) -> None:
        """Plan the answers: the mail goes out in waves, most people answer within three days."""
        for person in self._known:
            wave = self._rng.choice(_SURVEYS)
            if self._rng.chance(SURVEY_SHARE) and person.created_at < wave:
                at = wave + int(self._rng.expovariate(1 / (30 * HOUR)))
                at = min(at, wave + 9 * DAY)
                device = self._plan.device_of(person)
                visit = Visit("survey", at, at + self._rng.randrange(60, 240), device, person)
                visit.login = True
                self._plan.visits.append(visit)

    def _bots(self) -> None:
        for number, (agent, views) in enumerate(BOTS):
            device = Device(uuid_of(self._plan.seed, "bot", number), agent)
            for _ in range(3):
                start = self._rng.randrange(WEB_SINCE, END - DAY)
                visit = Visit("bot", start, start + 5 * HOUR, device, choice=views // 3)
                self._plan.visits.append(visit)
