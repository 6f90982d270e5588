"""What the ledger should hold if emissions had come one after the other: an oracle in Python."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.ledger.emission.audience import CapRule

ONCE = ("address_node", "programme", "campaign_id", "occasion", "step")
WHO = ("person_id", "address_node")
Row = Mapping[str, Any]


class SerialOracle:
    """Takes plans one at a time, message by message in the order of keys."""

    def __init__(self, policy: Sequence[CapRule]) -> None:
        self.policy = policy
        self.once: set[tuple[Any, ...]] = set()
        self.keys: set[str] = set()
        self.sent: dict[tuple[str, str], list[Row]] = defaultdict(list)
        self.refused: dict[str, str] = {}

    def take(self, plan: Iterable[Row]) -> None:
        """Reserve what may go."""
        for row in sorted(plan, key=lambda each: str(each["message_key"])):
            once = tuple(row[name] for name in ONCE)
            if once in self.once:
                continue
            if full := self._full(row):
                self.refused[row["message_key"]] = full
                continue
            self.once.add(once)
            self.keys.add(row["message_key"])
            for who in WHO:
                self.sent[who, row[who]].append(row)

    def _full(self, row: Row) -> str | None:
        for cap in self.policy:
            if matches(cap, row) and any(
                len(within(cap, self.sent[who, row[who]], row)) >= cap.max_messages for who in WHO
            ):
                return cap.rule
        return None


def matches(cap: CapRule, row: Row) -> bool:
    """Whether a cap counts a message."""
    return (
        not cap.calendar_day
        and row["purpose"] == "marketing"
        and cap.kind in {"any", row["kind"]}
        and cap.channel in {"any", row["channel"]}
    )


def within(cap: CapRule, others: Iterable[Row], row: Row) -> list[Row]:
    """Those of the others that share a window with a message."""
    window, at = timedelta(hours=cap.window_hours), row["planned_as_of"]
    return [
        other
        for other in others
        if matches(cap, other) and abs(other["planned_as_of"] - at) < window
    ]


def over_cap(policy: Sequence[CapRule], rows: Sequence[Row], who: Sequence[str]) -> list[str]:
    """Windows that hold more than they may, by rule and by whom; `who` names the columns."""
    found = []
    for cap in policy:
        for column in who:
            moments: dict[str, list[datetime]] = defaultdict(list)
            for row in rows:
                if matches(cap, row):
                    moments[row[column]].append(row["planned_as_of"])
            window = timedelta(hours=cap.window_hours)
            found += [
                f"{cap.rule} of {column} {name}"
                for name, times in moments.items()
                if any(sum(at <= t < at + window for t in times) > cap.max_messages for at in times)
            ]
    return found
