"""Random worlds of messages and what came back of them, and an oracle that knows what happened.

A world invents what really happened, and then how it is told: twice, late, in any order, by several
sources, by clocks that are wrong, mixed with what is forged. The oracle looks at what happened, the
models at what was told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

Row = dict[str, Any]

FIRST, LAST = datetime.fromisoformat("2024-03-01T09:00"), datetime.fromisoformat("2024-07-01")
LONG_AGO = datetime.fromisoformat("1970-01-01")
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
ONCE = ("sent", "delivered", "dropped", "complained", "unsubscribed")
COLUMNS = ("delivered", "clicked", "replied", "bounced", "unsubscribed")
SHOWN = ("opened", "clicked", "replied", "unsubscribed", "complained")
PROGRAMMES = ("welcome", "abandoned_cart")
# Seconds after the delivery, of clicks and opens: about what no person does.
HASTE = (0, 3, 9, 10, 11, 40, 3600)
# Seconds between two links.
GAPS = (0, 1, 2, 3, 30)


@dataclass
class Happened:
    """An event that really happened; `told` are the times at which it is told that it did."""

    message: Row | None
    address: str
    kind: str
    at: datetime
    is_hard: bool = False
    is_machine: bool = False
    url: str | None = None
    told: list[datetime] = field(default_factory=list)
    landed: list[datetime] = field(default_factory=list)

    @property
    def is_once(self) -> bool:
        return self.message is not None and (
            self.kind in ONCE or (self.kind == "bounced" and self.is_hard)
        )

    @property
    def counted_at(self) -> datetime:
        """Never before it left."""
        found = min(self.told)
        return max(found, self.message["accepted_at"]) if self.message else found

    @property
    def known_at(self) -> datetime:
        return min(self.landed)


class World:
    """One person with an address and another person, the messages to them, and what came back."""

    def __init__(self, number: int, seed: int) -> None:
        self.rng, self.name = Random(f"{seed}/{number}"), f"w{number}"
        self.own, self.other = f"{self.name}-own", f"{self.name}-other"
        self.records: list[Row] = []
        self.rejects: dict[str, str] = {}
        self.messages = [self._message(n) for n in range(self.rng.randint(1, 4))]
        self.messages += [self._message(8, "held"), self._message(9, address=self.other)]
        self.happened: list[Happened] = []
        for message in self.messages:
            if message["state"] == "accepted":
                self._invent(message)
        if self.rng.random() < 0.3:
            self._of_nobodys_message()
        for event in self.happened:
            self._tell(event)
        self._forge()
        self.rng.shuffle(self.records)

    @property
    def identifiers(self) -> list[Row]:
        """Both spellings of each address."""
        return [
            {"identifier_type": "email", "raw_value": f"{spelt}@x.example", "node_id": node,
             "is_valid": True}
            for node in (self.own, self.other)
            for spelt in (node, node.upper())
        ]  # fmt: skip

    def _message(self, number: int, state: str = "accepted", address: str = "") -> Row:
        at = FIRST + self.rng.randrange(40 * 24) * HOUR + number * SECOND
        return {
            "message_key": f"{self.name}-m{number}", "address_node": address or self.own,
            "programme": self.rng.choice(PROGRAMMES), "campaign_id": None, "channel": "email",
            "state": state, "accepted_at": at, "reserved_at": at, "sent_at": None,
            "delivered_at": None,
        }  # fmt: skip

    def _add(self, message: Row, kind: str, after: timedelta, **told: Any) -> None:
        at = message["accepted_at"] + after
        self.happened.append(Happened(message, message["address_node"], kind, at, **told))

    def _invent(self, message: Row) -> None:
        chance, rng = self.rng.random, self.rng
        if chance() < 0.3:
            self._add(message, "sent", rng.randrange(60) * SECOND)
        if chance() < 0.25:
            self._add(message, "bounced", rng.randrange(3600) * SECOND, is_hard=True)
        for _ in range(rng.choice((0, 0, 1, 2, 3, 5)) if chance() < 0.5 else 0):
            after = rng.randrange(rng.choice((480, 1440))) * HOUR + rng.randrange(99) * SECOND
            self._add(message, "bounced", after)
        if chance() < 0.2:
            self._add(message, "dropped", 5 * SECOND)
        delivery = rng.randrange(1, 600) * SECOND
        if chance() < 0.7:
            self._add(message, "delivered", delivery)
        for _ in range(rng.randrange(3)):
            self._add(message, "opened", delivery + rng.choice(HASTE) * SECOND)
        self._clicks(message, delivery)
        for kind, likely in (("replied", 0.3), ("complained", 0.15), ("unsubscribed", 0.2)):
            if chance() < likely:
                self._add(message, kind, delivery + rng.randrange(1, 200) * HOUR)

    def _clicks(self, message: Row, delivery: timedelta) -> None:
        after = delivery + self.rng.choice((*HASTE, 7200)) * SECOND
        for _ in range(self.rng.randrange(4)):
            is_machine, url = self.rng.random() < 0.2, self.rng.choice(("a", "b", "c"))
            self._add(message, "clicked", after, is_machine=is_machine, url=url)
            after += self.rng.choice(GAPS) * SECOND

    def _of_nobodys_message(self) -> None:
        """A tool that carries no key of ours and knows the address alone."""
        kind = self.rng.choice(("unsubscribed", "complained", "bounced"))
        at = FIRST + self.rng.randrange(60 * 24) * HOUR
        self.happened.append(Happened(None, self.own, kind, at, is_hard=kind == "bounced"))

    def _tell(self, event: Happened) -> None:
        """By one or more sources, each perhaps twice."""
        tellers = self.rng.sample(("box", "crm", "esp"), self.rng.randint(1, 3))
        for number, source in enumerate(tellers):
            at = event.at
            if event.is_once and number:
                at += self.rng.randrange(30) * SECOND
            elif event.is_once and self.rng.random() < 0.1:
                at = LONG_AGO  # a clock that is wrong
            row = self._record(source, event, at)
            event.told.append(at)
            for _ in range(self.rng.choice((1, 1, 2, 3))):
                event.landed.append(self._land(row))

    def _record(self, source: str, event: Happened, at: datetime) -> Row:
        row = {
            "source_id": source, "record_key": f"{self.name}-{len(self.records)}-{source}",
            "message_key": None, "programme": None, "campaign_id": None, "channel": "email",
            "email_raw": f"{event.address}@x.example", "phone_raw": None, "kind": event.kind,
            "is_hard": event.is_hard if event.kind == "bounced" else None,
            "is_machine": self._says(event), "url": event.url, "reason": None, "occurred_at": at,
        }  # fmt: skip
        if self.rng.random() < 0.3:
            row["email_raw"] = f"{event.address.upper()}@x.example"
        if event.message is None:
            return row
        if source == "esp" and self._is_last(event.message, at):
            return {**row, "programme": event.message["programme"]}
        if source == "box" and self.rng.random() < 0.2:
            row["email_raw"] = None  # blackened
        return {**row, "message_key": event.message["message_key"]}

    def _says(self, event: Happened) -> bool | None:
        return True if event.is_machine else self.rng.choice((None, False))

    def _is_last(self, message: Row, at: datetime) -> bool:
        """Whether it can be told without its key: the last of its programme, in thirty days."""
        same = [
            each["accepted_at"] for each in self.messages
            if each["state"] == "accepted" and each["accepted_at"] <= at
            and (each["programme"], each["address_node"])
            == (message["programme"], message["address_node"])
        ]  # fmt: skip
        return bool(same) and max(same) == message["accepted_at"] > at - 30 * DAY

    def _land(self, row: Row) -> datetime:
        landed = max(row["occurred_at"], FIRST + 50 * DAY) + self.rng.randrange(30 * 24) * HOUR
        self.records.append({**row, "landed_at": landed})
        return landed

    def _forge(self) -> None:
        """What must have no effect, though it looks like the rest."""
        ours, others = self.messages[0], self.messages[-1]
        forged = (
            (ours["message_key"], self.other, "not_its_address"),
            (others["message_key"], self.own, "not_its_address"),
            (ours["message_key"], f"{self.name}-stranger", "unknown_address"),
            (f"{self.name}-m77", self.own, "no_such_message"),
            (self.messages[-2]["message_key"], self.own, "no_such_message"),
            (f"{self.name}-m78", None, "no_such_message"),
            (None, None, "nobody"),
        )
        for key, address, problem in self.rng.sample(forged, self.rng.randrange(len(forged))):
            kind = self.rng.choice(("bounced", "complained", "unsubscribed", "clicked", "replied"))
            event = Happened(None, address or "", kind, FIRST + 45 * DAY, is_hard=True, url="a")
            row = self._record("box", event, event.at)
            row |= {"message_key": key, "email_raw": f"{address}@x.example" if address else None}
            self.rejects[row["record_key"]] = problem
            for _ in range(self.rng.choice((1, 2))):
                self._land(row)


def machines(events: Iterable[Happened]) -> list[bool]:
    """Which of a message's events a program did, one by one and pair by pair."""
    found, listed = [], list(events)
    delivered = [each.counted_at for each in listed if each.kind == "delivered"]
    for one in listed:
        is_machine = one.is_machine
        if one.kind in ("opened", "clicked") and delivered:
            is_machine |= timedelta() <= one.counted_at - min(delivered) < 10 * SECOND
        if one.kind == "clicked":
            is_machine |= any(
                other.kind == "clicked" and other.url != one.url
                and abs(other.counted_at - one.counted_at) <= 2 * SECOND
                for other in listed
            )  # fmt: skip
        found.append(is_machine)
    return found


def distinct(events: Iterable[Happened]) -> list[Happened]:
    """Two of the same kind, moment and link are one; a program did it if either was a program's."""
    found: dict[tuple[Any, ...], Happened] = {}
    for each in events:
        url = each.url if each.kind == "clicked" else None
        name = (each.kind, each.is_hard, None if each.is_once else each.counted_at, url)
        same = found.setdefault(name, each)
        same.is_machine |= each.is_machine
        same.told, same.landed = same.told + each.told, same.landed + each.landed
    return list(found.values())


def end_state(world: World) -> dict[str, Any]:
    """What must have become of a world."""
    by_message: dict[str | None, list[Happened]] = defaultdict(list)
    for event in world.happened:
        by_message[event.message["message_key"] if event.message else None].append(event)
    events = {key: distinct(found) for key, found in by_message.items()}
    shown, columns = set(), {}
    for message in world.messages:
        key = message["message_key"]
        mine = events.get(key, [])
        first: dict[str, datetime] = {}
        for event, is_machine in zip(mine, machines(mine), strict=True):
            if event.kind in SHOWN:
                shown.add((key, event.kind, event.counted_at, is_machine))
            if is_machine or (event.kind == "bounced" and not event.is_hard):
                continue
            first[event.kind] = min(first.get(event.kind, LAST), event.counted_at)
        columns[key] = tuple(
            first.get(kind)
            for kind in ("delivered", "clicked", "replied", "bounced", "unsubscribed")
        )
    together = [event for found in events.values() for event in found]
    return {
        "messages": columns,
        "engagements": shown,
        "stops": _stops(together),
        "withdrawn": {
            (each.address, each.counted_at, each.known_at)
            for each in together if each.kind == "unsubscribed"
        },
        "rejects": world.rejects,
    }  # fmt: skip


def _stops(events: list[Happened]) -> dict[tuple[str, str], datetime]:
    found: dict[tuple[str, str], datetime] = {}

    def stop(address: str, reason: str, at: datetime) -> None:
        found[address, reason] = min(found.get((address, reason), LAST), at)

    soft: dict[str, dict[Any, datetime]] = defaultdict(dict)
    for each in events:
        at = each.counted_at
        if each.kind == "complained":
            stop(each.address, "complaint", at)
        elif each.kind == "bounced" and each.is_hard:
            stop(each.address, "hard_bounce", at)
        elif each.kind == "bounced":
            days = soft[each.address]
            days[at.date()] = min(days.get(at.date(), LAST), at)
    for address, days in soft.items():
        moments = sorted(days.values())
        for first, third in zip(moments, moments[2:], strict=False):
            if third - first < 30 * DAY:
                stop(address, "hard_bounce", third)
    return found
