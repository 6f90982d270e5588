"""The demo's second profile: a small school for people who keep a shop. All simulated.

Decisions take weeks there, several people of a firm look at a course before one of them enrols,
and the school calls. It stands for whatever is decided slowly and together; the gift shop's year
is real, this is not.
"""

from pathlib import Path

from connectors.demo.archive import LAST_MS, Archive
from connectors.demo.catalogue import DAY
from connectors.demo.dice import dice
from connectors.demo.people import People, Person
from connectors.demo.permissions import END
from connectors.demo.school_content import courses_of, readings_of
from connectors.demo.school_diary import Diary, enrol
from connectors.demo.school_firms import Firm, Member, firms
from connectors.demo.school_scenes import SchoolScenes
from connectors.demo.stamps import DAY_MS
from connectors.demo.visits import HOUR

DAYS = 75
DECIDING = 36  # firms with a decision under way at some time; the others are there for scenes
SHOPKEEPERS = 12  # of them with somebody who buys from the gift shop, too
ENROLLED, CALLED = 0.35, 0.4
_OUTCOMES = ("not_interested", "interested", "order_question")


class School:
    """Plans 75 days of the school and writes them into an archive."""

    def __init__(self, seed: int, makers: People, people: list[Person], as_of: int) -> None:
        """Invent the firms; ``people`` are the shop's, ``as_of`` is the demo's moment (epoch s)."""
        self._seed = seed
        self._rng = dice(seed, "school")
        self._as_of = as_of
        keen = [p for p in people if not (p.is_staff or p.is_test) and p.customer_id]
        keen.sort(key=lambda p: (-len(p.tastes), p.key))
        buyers = self._rng.sample(keen[:200], min(len(keen), SHOPKEEPERS))
        self._firms = firms(seed, makers, buyers)

    def write(self, folder: Path) -> int:
        """Write the archive into ``folder``, which must exist; return the number of its lines."""
        archive = Archive(folder, self._seed)
        diary = Diary(self._seed, archive)
        for firm in self._firms[:DECIDING]:
            self._decide(diary, firm)
        SchoolScenes(self._seed, diary, self._as_of).stage(self._firms[DECIDING:])
        archive.write(before=LAST_MS + DAY_MS)
        return archive.written

    def _decide(self, diary: Diary, firm: Firm) -> None:
        """Let a firm make up its mind over weeks, and at times enrol in the end."""
        rng, since = self._rng, self._as_of - DAYS * DAY
        begins = rng.randrange(since, END - 12 * DAY)
        ends = begins + rng.randrange(14, 40) * DAY
        for number, member in enumerate(firm.members):
            if number == 0 or rng.chance(0.75):
                for _ in range(rng.randrange(2, 7)):
                    at = self._office_hour(rng.randrange(begins, ends))
                    self._look(diary, firm, member, at)
        asks = firm.members[0]
        if rng.chance(CALLED):
            at = self._office_hour(rng.randrange(begins + 5 * DAY, ends))
            called = {"outcome": rng.choice(_OUTCOMES), "topic": firm.topic}
            diary.tell(asks, at, "Call Completed", dict(called))
        if rng.chance(ENROLLED):
            enrol(diary, asks, rng.choice(courses_of(firm.topic)), ends + HOUR)

    def _look(self, diary: Diary, firm: Firm, member: Member, at: int) -> None:
        """Tell of a visit: some of the topic's courses, at times a guide to take along."""
        rng = self._rng
        courses = courses_of(firm.topic)
        looked = tuple(rng.choice(courses) for _ in range(rng.randrange(1, 4)))
        readings = readings_of(firm.topic)
        taken = (rng.choice(readings),) if rng.chance(0.35) else ()
        diary.visit(firm, member, at, looked, taken)

    def _office_hour(self, at: int) -> int:
        """Return a moment between eight and six of that day."""
        return at - at % DAY + self._rng.randrange(8 * HOUR, 18 * HOUR)
