"""What came of the stories: every plan, who was who then, and what the ledger sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stories_cast import Who

from connectors.ledger.emission.outbox import EmitResult

Row = dict[str, Any]


@dataclass
class Told:
    """What every plan decided, who was who then, and what the ledger did with it."""

    rows: dict[datetime, list[Row]] = field(default_factory=dict)
    people: dict[datetime, dict[str, str]] = field(default_factory=dict)
    emitted: dict[datetime, EmitResult] = field(default_factory=dict)
    again: list[Row] = field(default_factory=list)
    emitted_again: EmitResult = field(default_factory=EmitResult)
    messages: list[Row] = field(default_factory=list)

    def plan(self, at: datetime, who: Who, programme: str) -> list[Row]:
        """The candidates of a person in a plan."""
        people = self.people[at]
        ids = {people[node] for node in who.nodes if node in people}
        return [
            row
            for row in self.rows[at]
            if row["programme"] == programme and row["person_id"] in ids
        ]

    def said(self, at: datetime, who: Who, programme: str) -> list[str]:
        """What became of each: send, or the verdict with its gate and reason."""
        return [
            row["verdict"] if row["verdict"] == "send"
            else f"{row['verdict']}: {row['gate']}, {row['reason']}"
            for row in self.plan(at, who, programme)
        ]  # fmt: skip

    def all_of(self, who: Who) -> list[tuple[datetime, str, str]]:
        """Every candidate of theirs in any plan: when, of which programme, which occasion."""
        return [
            (at, row["programme"], row["occasion"])
            for at, rows in self.rows.items()
            for row in rows
            if row["person_id"] in {self.people[at].get(node) for node in who.nodes}
        ]

    def sent(self, who: Who) -> list[tuple[datetime, str, int]]:
        """What was sent to their mailbox: when, of which programme, which step."""
        return [
            (row["planned_as_of"].replace(tzinfo=None), row["programme"], row["step"])
            for row in self.messages
            if row["address_hash"] in who.nodes and row["state"] == "accepted"
        ]


def content(row: Row) -> dict[str, Any]:
    """What a message would say."""
    return dict(json.loads(row["content"]))
