"""Keep a list at a destination equal to an audience: only what changed is carried over.

Each batch is noted before it leaves and again when it is answered: a process that dies repeats a
batch, which harms nobody, and forgets nobody whom a list may hold. Who was suppressed, erased or
withdrew since the plan is not put on a list; who is on it leaves before anybody is put on.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final, TypeVar

import orjson

from connectors.core.audience import AudienceTarget, Leaver, Member, MemberOutcome
from connectors.core.errors import FixConfig, StopRun
from connectors.ledger.leases import emitting, lease
from connectors.ledger.lists.asking import Asking
from connectors.ledger.lists.held import Held, HeldList
from connectors.ledger.lists.wanted import Audience, Pair, Wanted, pairs

# A sync that takes more than this share off a list of at least so many waits for somebody to look.
MOST_LEAVING_PERCENT: Final = 30
LEAST_GUARDED: Final = 100
PAGE: Final = 1_000
COUNTED: Final = ("added", "changed", "removed", "same", "rejected", "unknown")

Each = TypeVar("Each")


@dataclass(frozen=True)
class SyncResult:
    """What a sync did, or would do, in people; `rejected` and `unknown` by the destination."""

    audience: str
    destination: str
    added: int = 0
    changed: int = 0
    removed: int = 0
    same: int = 0
    rejected: int = 0
    unknown: int = 0

    def people(self) -> dict[str, int]:
        """The numbers by what they count."""
        return {name: getattr(self, name) for name in COUNTED}


@dataclass
class Sync:
    """One sync of an audience with a destination's list.

    `full`: what the list holds is read back and compared first. `confirmed`: somebody looked, and
    any number may leave. `is_paused`: nobody is put on, people only leave.
    """

    list_: HeldList
    audience: Audience
    target: AudienceTarget
    full: bool = False
    confirmed: bool = False
    is_paused: bool = False
    asking: Asking = field(default_factory=lambda: Asking("?"))
    tally: Counter[str] = field(default_factory=Counter)

    def run(self) -> SyncResult:
        """Carry over what changed.

        Raises:
            StopRun: more would leave the list than is usual; whoever must leave has left.
            RetryLater, FixConfig: as the destination says; what was answered is recorded.
        """
        engine, name = self.list_.engine, f"sync/{self.list_.destination}/{self.list_.audience}"
        with emitting(engine), lease(engine, name):
            list_id = self.asking.once(lambda: self.target.list_id(self.audience.name))
            if self.full:
                self._compare(list_id)
            expected = counted(self.audience, self.list_, list_id)
            is_held = not self.confirmed and is_collapse(expected["leaving"], self.list_.size())
            self._remove(list_id, only_who_must=is_held)
            if is_held:
                raise collapse(self.audience.name, self.list_.destination)
            if not self.is_paused:
                self._put_all(list_id)
            self._clear(list_id)
            self.tally["same"] = expected["same"]
        return result(self.audience.name, self.list_.destination, self.tally)

    def _compare(self, list_id: str) -> None:
        """Note who is gone from the list, so that they are put there again."""
        present = self._present(list_id)
        for some in batches(self.list_.held(), PAGE):
            gone = [e for e in some if e.state == "listed" and e.vendor_id not in present]
            self.list_.note([replace(each, state="putting") for each in gone])

    def _present(self, list_id: str) -> set[str]:
        return self.asking.once(lambda: set(self.target.members(list_id)))

    def _remove(self, list_id: str, *, only_who_must: bool) -> None:
        """Take off who does not belong; all of them off a list that was in this one's place."""
        leaving = (
            each
            for each in pairs(self.audience, self.list_)
            if each.held and (each.wanted is None or each.held.list_id != list_id)
            if each.must_leave or not only_who_must
        )
        for some in batches(leaving, self.target.drop_size):
            by_list: dict[str, list[Pair]] = {}
            for each in some:
                by_list.setdefault(each.held.list_id if each.held else "", []).append(each)
            for old, theirs in sorted(by_list.items()):
                self._leave(old, list_id, theirs)

    def _leave(self, old: str, list_id: str, some: Sequence[Pair]) -> None:
        rows = {each.member_key: each.held for each in some if each.held}
        leavers = [Leaver(key, row.vendor_id) for key, row in rows.items() if row.vendor_id]
        told = self._drop(old, leavers, is_ours=old == list_id)
        left = {each.member_key for each in told if each.state == "done"}
        # What the vendor calls those who were on their way nobody knows: `_clear` finds them.
        never = {key for key, e in rows.items() if not e.vendor_id and e.state == "rejected"}
        stay = {each.member_key for each in some if each.wanted}
        self.list_.forget((left | never) - stay)
        moved = [rows[key] for key in sorted((left | never) & stay)]
        self.list_.note([replace(each, list_id=list_id, state="putting") for each in moved])
        self.tally["removed"] += len(left - stay)
        self.tally["unknown"] += len(leavers) - len(left)

    def _drop(
        self, list_id: str, leavers: Sequence[Leaver], *, is_ours: bool
    ) -> list[MemberOutcome]:
        try:
            return self.asking.each(lambda some: self.target.drop(list_id, some), leavers)
        except FixConfig:
            if is_ours:
                raise
            return [MemberOutcome(each.member_key, "done") for each in leavers]  # no such list

    def _put_all(self, list_id: str) -> None:
        news = (
            each
            for each in pairs(self.audience, self.list_)
            if kind_of(each, list_id) in ("added", "changed")
        )
        for some in batches(news, self.target.put_size):
            self._put(list_id, some)

    def _put(self, list_id: str, some: Sequence[Pair]) -> None:
        rows = {e.member_key: putting(e.wanted, e.held, list_id) for e in some if e.wanted}
        audience = self.audience
        stopped = self.list_.begin([*rows.values()], audience.purpose, audience.planned_as_of)
        kinds = {e.member_key: kind_of(e, list_id) for e in some if e.member_key not in stopped}
        members = [member(e.wanted, e.held) for e in some if e.wanted and e.member_key in kinds]
        told = self.asking.each(lambda part: self.target.put(list_id, part), members)
        answers = {e.member_key: e for e in told if e.member_key in kinds and is_known(e)}
        self.list_.note([answered(rows[key], each) for key, each in answers.items()])
        for key, kind in kinds.items():
            state = answers[key].state if key in answers else "unknown"
            self.tally[kind if state == "done" else state] += 1

    def _clear(self, list_id: str) -> None:
        """Take off whomever nobody here knows: put by a process that died, or by somebody else."""
        lost = [
            each.member_key
            for each in pairs(self.audience, self.list_)
            if each.wanted is None and each.held and not each.held.vendor_id
        ]
        if not (self.full or lost):
            return
        present = self._present(list_id)
        strange = present.difference(each.vendor_id for each in self.list_.held())
        if not self.confirmed and is_collapse(len(strange), len(present)):
            raise collapse(self.audience.name, self.list_.destination)
        for some in batches(sorted(strange), self.target.drop_size):
            leavers = [Leaver(vendor_id, vendor_id) for vendor_id in some]
            told = self._drop(list_id, leavers, is_ours=True)
            self.tally["removed"] += sum(each.state == "done" for each in told)
        self.list_.forget(lost)


def kind_of(each: Pair, list_id: str) -> str:
    """What becomes of somebody: added, changed, same, leaving, or must_leave."""
    wanted, held = each.wanted, each.held
    if wanted is None:
        return "must_leave" if each.must_leave else "leaving"
    if held is None or held.state == "putting" or held.list_id != list_id:
        return "added"
    # Who was rejected is tried again once there is something else to say of them.
    return "same" if held.digest == wanted.digest else "changed"


def counted(audience: Audience, list_: HeldList, list_id: str | None = None) -> Counter[str]:
    """How many are of which kind; without a `list_id`, on whichever list the ledger knows."""
    found: Counter[str] = Counter()
    for each in pairs(audience, list_):
        if each.held or each.wanted:
            known = each.held.list_id if each.held else ""
            found[kind_of(each, known if list_id is None else list_id)] += 1
    return found


def is_collapse(leaving: int, size: int) -> bool:
    """Whether so many leave a list of that size that somebody should look first."""
    return size >= LEAST_GUARDED and leaving * 100 > size * MOST_LEAVING_PERCENT


def collapse(audience: str, destination: str) -> StopRun:
    """The error for a list that would lose too many."""
    what = f"more than {MOST_LEAVING_PERCENT} % of the list would leave it"
    remedy = f"Look why. If it is right: `parley sync --audience {audience} --confirm`."
    return StopRun(what, f"audience {audience} at {destination}", remedy)


def result(audience: str, destination: str, tally: Counter[str]) -> SyncResult:
    """A tally by kind, as what a sync did."""
    return SyncResult(audience, destination, **{name: tally[name] for name in COUNTED})


def member(wanted: Wanted, held: Held | None) -> Member:
    """Somebody as a destination gets them."""
    properties = orjson.loads(wanted.properties)
    vendor_id, is_listed = (held.vendor_id, held.state == "listed") if held else ("", False)
    return Member(wanted.member_key, wanted.address, properties, vendor_id, is_listed)


def putting(wanted: Wanted, held: Held | None, list_id: str) -> Held:
    """Their row while they are on the way."""
    vendor_id = held.vendor_id if held else ""
    return Held(wanted.member_key, list_id, vendor_id, wanted.digest, "putting")


def is_known(outcome: MemberOutcome) -> bool:
    """Whether it says what became of them; who has no name there could not be taken off again."""
    return outcome.state == "rejected" or (outcome.state == "done" and outcome.vendor_id != "")


def answered(row: Held, outcome: MemberOutcome) -> Held:
    """Their row once the destination answered."""
    state = "listed" if outcome.state == "done" else "rejected"
    return replace(row, vendor_id=outcome.vendor_id or row.vendor_id, state=state)


def batches(found: Iterable[Each], size: int) -> Iterator[list[Each]]:
    """Lists of at most `size`."""
    remaining = iter(found)
    while some := list(islice(remaining, size)):
        yield some
