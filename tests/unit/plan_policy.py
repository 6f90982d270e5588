"""What the oracle knows of the policy, and the words of a verdict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from hashlib import md5
from typing import Any, NamedTuple

from plan_worlds import Row, seed

POLICY = seed("contact_policy")
RULE = {row["rule"]: row for row in POLICY}
UNITS = {row["rule"]: Decimal(row["units"]) for row in POLICY if row["units"]}
PRICES = {
    (row["channel"], row["kind"]): Decimal(row["units"]) for row in POLICY if row["rule"] == "price"
}
CAPS = [row for row in POLICY if row["max_messages"]]
GATES = [row["gate"] for row in seed("gates")]
INDEPENDENT = GATES[:8]
GIVEN = ("suppression", "local_time")
MARKETING = "marketing"


class Verdict(NamedTuple):
    """What a gate says."""

    verdict: str
    reason: str | None = None


PASS, NOT_REACHED = Verdict("pass"), Verdict("not_reached")


def fail(reason: str) -> Verdict:
    """It is not sent."""
    return Verdict("fail", reason)


def defer(reason: str) -> Verdict:
    """It waits."""
    return Verdict("defer", reason)


def hash_of(*parts: object) -> str:
    """Return a key of these parts."""
    text = "|".join("" if part is None else str(part) for part in parts)
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def percentile(*parts: object) -> int:
    """Return where the parts stand in 0 to 99."""
    return int(hash_of(*parts)[:7], 16) % 100


def hours(rule: str) -> timedelta:
    """Return the length of a rule's window."""
    return timedelta(hours=int(RULE[rule]["window_hours"]))


def by(rows: Iterable[Row], *names: str) -> dict[Any, list[Row]]:
    """Return the rows under the values of these columns."""
    found: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[names[0]] if len(names) == 1 else tuple(row[name] for name in names)].append(row)
    return found
