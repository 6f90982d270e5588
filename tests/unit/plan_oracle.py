"""What the plan must say, worked out by hand: one candidate after the other, by plain loops.

Written from the description of the gates, not from their SQL. Gates 4 and 8 are given: they look at
nothing that the others look at, and have tests of their own.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from plan_gates import Independent
from plan_policy import (
    CAPS,
    GATES,
    GIVEN,
    INDEPENDENT,
    MARKETING,
    NOT_REACHED,
    PASS,
    PRICES,
    UNITS,
    Verdict,
    by,
    defer,
    fail,
    hours,
    percentile,
)  # fmt: skip
from plan_worlds import PROGRAMMES, Row


class Plan(Independent):
    """The plan of a moment over these tables."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._decide()

    def caps(self, c: Row) -> Verdict:
        """Gate 9: the caps, and what an interruption costs."""
        if c["purpose"] != MARKETING:
            return PASS
        broken = sorted(cap["rule"] for cap in CAPS if self._is_full(cap, c))
        spent, budget = self.purse(c["person_id"])
        if not broken and spent + PRICES[c["channel"], c["kind"]] > budget:
            broken = ["budget"]
        if not broken:
            return PASS
        return fail(broken[0]) if c["kind"] == "mass" else defer(broken[0])

    def day(self, person: str, moment: datetime) -> date:
        """Return the day on the person's own calendar."""
        zone = self.people[person]["time_zone"] or "UTC"
        return moment.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(zone)).date()

    def _is_full(self, cap: Row, c: Row) -> bool:
        def concerns(row: Row) -> bool:
            return all(cap[name] in ("any", row[name]) for name in ("channel", "kind"))

        if not concerns(c):
            return False
        window = timedelta(hours=int(cap["window_hours"]))
        who, today = c["person_id"], self.day(c["person_id"], self.as_of)
        counted = [
            row for row in self.sent.get(c["person_id"], [])
            if row["purpose"] == MARKETING and concerns(row) and (
                self.day(who, row["planned_as_of"]) == today
                if cap["calendar_day"] == "true" else self.since(row, window)
            )
        ]  # fmt: skip
        return len(counted) >= int(cap["max_messages"])

    def purse(self, person: str) -> tuple[Decimal, Decimal]:
        """Return what was spent of a person's patience, and how much of it there is."""
        mine = [row for row in self.sent.get(person, []) if row["purpose"] == MARKETING]
        spent = sum(
            (
                PRICES[row["channel"], row["kind"]]
                for row in mine
                if self.since(row, hours("budget"))
            ),
            Decimal(0),
        )
        patience = UNITS["budget"]
        wait = hours("time_to_answer")
        for row in self.received.get(person, []):
            is_over = row["planned_as_of"] + wait <= self.as_of and self.since(
                row, hours("answered")
            )
            if row["purpose"] == MARKETING and not row["is_imported"] and is_over:
                is_answered = any(
                    row["planned_as_of"] < sign["occurred_at"] <= row["planned_as_of"] + wait
                    for sign in self.signs.get(person, [])
                )
                patience += UNITS["answered" if is_answered else "ignored"]
        for refusal in self.refusals.get(person, []):
            if refusal["said_at"] > self.as_of - hours("refused"):
                patience += UNITS["refused"]
        return spent, max(UNITS["budget_least"], min(UNITS["budget_most"], patience))

    def _waits(self, person: str, pending: set[str]) -> str | None:
        """Return why campaigns wait for a person."""
        if person in pending:
            return "trigger_pending"
        is_after = any(
            row["kind"] == "triggered" and self.since(row, hours("after_trigger"))
            for row in self.sent.get(person, [])
        )
        return "after_trigger" if is_after else "deciding" if person in self.deciding else None

    def _arbitrate(self, survivors: list[Row], pending: set[str]) -> dict[str, Verdict]:
        found = {c["key"]: PASS for c in survivors}
        speakers = {
            min(rows, key=_best)["key"]
            for (account, _), rows in by(survivors, "account_id", "programme").items()
            if account
        } | {c["key"] for c in survivors if not c["account_id"]}
        marketing = [c for c in survivors if c["purpose"] == MARKETING]
        for person, rows in by(marketing, "person_id").items():
            heard = [c for c in rows if c["key"] in speakers]
            found |= {c["key"]: defer("colleague_first") for c in rows if c not in heard}
            order = sorted(heard, key=lambda c: (
                c["kind"] != "triggered", int(PROGRAMMES[c["programme"]]["priority"]), *_best(c),
            ))  # fmt: skip
            for c in order:
                found[c["key"]] = self._versus(c, order[0], self._waits(str(person), pending))
        return found

    @staticmethod
    def _versus(c: Row, winner: Row, wait: str | None) -> Verdict:
        if c["kind"] == "triggered":
            return PASS if c is winner else defer("lost_arbitration")
        if winner["kind"] == "triggered":
            return defer("trigger_pending")
        if c is not winner:
            return fail("lost_arbitration")
        return defer(wait) if wait else PASS

    def _decide(self) -> None:
        judges = {
            "identity": self.identity, "address": self.address, "permission": self.permission_gate,
            "context": self.context, "memory": self.memory, "global_holdout": self.global_holdout,
        }  # fmt: skip
        for proposal in self.tables["int_proposals"]:
            c = self._candidate(proposal)
            self.candidates[c["key"]] = c
            said = {gate: self.given[c["key"], gate] for gate in GIVEN}
            said |= {gate: judge(c) for gate, judge in judges.items()}
            self.verdicts[c["key"]] = dict.fromkeys(GATES, NOT_REACHED) | said
        self._decide_survivors()

    def _decide_survivors(self) -> None:
        survivors, pending = [], set()
        for key, c in self.candidates.items():
            said = {self.verdicts[key][gate].verdict for gate in INDEPENDENT}
            if said == {"pass"}:
                survivors.append(c)
                self.verdicts[key]["caps"] = self.caps(c)
            waits = said == {"pass", "defer"} or self.verdicts[key]["caps"].verdict == "defer"
            if waits and c["kind"] == "triggered" and c["purpose"] == MARKETING:
                pending.add(c["person_id"])
        left = [c for c in survivors if self.verdicts[c["key"]]["caps"] == PASS]
        for key, verdict in self._arbitrate(left, pending).items():
            self.verdicts[key]["arbitration"] = verdict
            if verdict == PASS:
                self.verdicts[key]["programme_holdout"] = self._held(self.candidates[key])

    @staticmethod
    def _held(c: Row) -> Verdict:
        share = int(PROGRAMMES[c["programme"]]["holdout_percent"])
        is_held = c["purpose"] == MARKETING and percentile(c["person_id"], c["programme"]) < share
        return fail("programme_holdout") if is_held else PASS


def _best(c: Row) -> tuple[object, ...]:
    """The dearest first; ties are broken by key."""
    return -(c["value"] or -1), c["key"]
