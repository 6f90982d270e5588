"""Firms of the demo's school put in by hand around its moment, a few for each programme.

All simulated. Everybody registered weeks before and was quiet since, so that what is seen at the
moment is what the scene put there. Days are counted back from the demo's moment.
"""

from collections.abc import Iterator
from itertools import islice

from connectors.demo.catalogue import DAY
from connectors.demo.dice import dice
from connectors.demo.school_content import CURRENCY, PLANS, courses_of, readings_of
from connectors.demo.school_diary import Diary, enrol
from connectors.demo.school_firms import Firm, Member
from connectors.demo.steps import Properties
from connectors.demo.visits import HOUR

# Days since a guide was downloaded: each range lies within one step of the sequence.
READ_AGO = ((1.3, 3.4), (4.3, 6.4), (9.3, 11.4))
READERS = 8  # firms for each step
ADVISED, CALLED, TOGETHER, OUTGROWN = 12, 8, 8, 12
UPGRADED = 2  # of those that outgrew their plan
QUIET_SINCE, QUIET_UNTIL = 70, 36


class SchoolScenes:
    """Adds what the firms did in the days before ``as_of`` (epoch seconds)."""

    def __init__(self, seed: int, diary: Diary, as_of: int) -> None:
        """Keep where the visits go."""
        self._rng = dice(seed, "school scenes")
        self._diary = diary
        self._as_of = as_of

    def stage(self, firms: list[Firm]) -> None:
        """Let everybody register, then act as many firms as each scene needs; others stay quiet."""
        queue = iter(firms)
        readers = [self._next(queue, READERS, by_email=True) for _ in READ_AGO]
        advised = self._next(queue, ADVISED, by_call=True)
        called = self._next(queue, CALLED, by_email=True)
        together = self._next(queue, TOGETHER, by_email=True)
        outgrown = self._next(queue, OUTGROWN, by_call=True)
        for firm in firms:
            for member in firm.members:
                self._diary.visit(firm, member, self._ago(QUIET_UNTIL, QUIET_SINCE))
        for some, (least, most) in zip(readers, READ_AGO, strict=True):
            for firm in some:
                reading = self._rng.choice(readings_of(firm.topic))
                self._diary.visit(firm, firm.members[0], self._ago(least, most), (), (reading,))
        for firm in advised:
            self._compare(firm, firm.members[0])
        for firm in called:
            said: Properties = {"outcome": "interested", "topic": firm.topic}
            self._diary.tell(firm.members[0], self._ago(1.3, 6), "Call Completed", said)
        for firm in together:
            for member in firm.members[:2]:
                self._diary.visit(firm, member, self._ago(1.3, 5), tuple(courses_of(firm.topic)))
        for number, firm in enumerate(outgrown):
            self._outgrow(firm, firm.members[0], is_upgraded=number < UPGRADED)

    def _ago(self, least: float, most: float) -> int:
        """Return a moment between so many days before the demo's."""
        return self._as_of - self._rng.randrange(int(least * DAY), int(most * DAY))

    @staticmethod
    def _next(
        queue: Iterator[Firm], count: int, *, by_email: bool = False, by_call: bool = False
    ) -> list[Firm]:
        """Return the next firms, whose people allow what the scene's programme needs.

        Those who are written to allow no calls, so that no call goes before what is to be seen.
        """
        found = list(islice(queue, count))
        for member in (member for firm in found for member in firm.members):
            member.by_email, member.by_call = by_email, by_call
        return found

    def _compare(self, firm: Firm, member: Member) -> None:
        """Tell of three visits within a day and a half, and of two guides."""
        begins = self._ago(1.8, 3.6)
        courses, readings = tuple(courses_of(firm.topic)), readings_of(firm.topic)
        self._diary.visit(firm, member, begins, courses, (readings[0],))
        self._diary.visit(firm, member, begins + 7 * HOUR, courses)
        self._diary.visit(firm, member, begins + 30 * HOUR, courses[:1], (readings[1],))

    def _outgrow(self, firm: Firm, member: Member, *, is_upgraded: bool) -> None:
        """Tell of a firm that learns with a plan, and of the day when its seats ran out."""
        plan = PLANS[0]
        enrol(self._diary, member, courses_of(firm.topic)[0], self._ago(50, QUIET_SINCE))
        at = self._ago(0.2, 5.5)
        reached: Properties = {
            "plan": plan.name, "used": plan.seats, "limit": plan.seats,
            "title": f"{plan.seats} of {plan.seats} seats of the plan {plan.name}",
        }  # fmt: skip
        self._diary.tell(member, at, "Usage Limit Reached", reached)
        if is_upgraded:
            paid: Properties = {
                "plan": plan.next_name, "title": f"Plan {plan.next_name}",
                "value": plan.price_minor / 100, "currency": CURRENCY,
            }  # fmt: skip
            self._diary.tell(member, at + 2 * HOUR, "Plan Upgraded", paid)
