"""Small worlds, drawn at random: people, what they allow and said, what is proposed to them when.

A world's number stands in every id, so that thousands of them are planned in one build.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

Row = dict[str, Any]
Tables = dict[str, list[Row]]
# Before and after everything.
NEVER, EVER = datetime(1900, 1, 1), datetime(9000, 1, 1)  # noqa: DTZ001
SEEDS = Path(__file__).parents[2] / "dbt_project" / "seeds"

# Europe's and America's clocks go back in these weeks, and days have 25 hours. Steps of exactly 16
# hours, 7 and 30 days stand at the edges of the policy's windows.
CLOCKS = tuple(
    datetime.fromisoformat(text)
    for text in (
        "2011-10-29 07:00:00",  # morning in Europe
        "2011-10-29 22:10:00",  # ten past midnight of the day of 25 hours in Berlin
        "2011-10-30 22:50:00",  # ten to midnight of that day
        "2011-10-31 14:50:00",  # 16 hours later
        "2011-11-02 10:00:00",
        "2011-11-05 22:10:00",  # seven days after the second
        "2011-11-07 04:30:00",  # half an hour to midnight of New York's day of 25 hours
        "2011-11-28 22:10:00",  # thirty days after the second
    )
)
STALE = CLOCKS[4]
# A country where it is never night, so that the plan's own limits are all that there is.
NEVER_NIGHT = {
    "country": "QQ", "time_zone": "UTC", "one_zone": True, "call_weekdays": "1234567",
    **{f"{slot}_hour": 0 for slot in ("quiet_until", "mass_from", "call_from")},
    **{f"{slot}_hour": 24 for slot in ("quiet_from", "mass_until", "call_until")},
}  # fmt: skip
ZONES = (
    "Europe/Berlin", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Sydney",
    None,
)  # fmt: skip
WINDOWS = (0, 0, 16, 16, 16, 24, 24, 72, 168, 168, 720, 90 * 24)


def seed(name: str) -> list[Row]:
    """Return the rows of a seed; what is left empty is None."""
    with (SEEDS / f"{name}.csv").open(encoding="utf-8") as file:
        return [{key: value or None for key, value in row.items()} for row in csv.DictReader(file)]


PROGRAMMES = {row["programme"]: row for row in seed("programmes") if row["enabled"] == "true"}
CHANNELS = {row["channel"]: row for row in seed("channels")}
STEPS = [
    (row["programme"], int(row["step"]))
    for row in seed("programme_steps")
    if row["programme"] in PROGRAMMES
]
OF_COMPANIES = [each for each in STEPS if PROGRAMMES[each[0]]["one_per_account"] == "true"]


class World:
    """One of them: facts as rows, each with the moments from when and until when it is so."""

    def __init__(self, number: int, base: int) -> None:
        self.random = Random(f"{base}/{number}")
        self.name = f"w{number}"
        self.tables: dict[str, list[tuple[Row, datetime, datetime]]] = {}
        self.people = [f"{self.name}/p{n}" for n in range(self.random.randint(2, 5))]
        self.accounts: dict[str, str | None] = {}
        self.nodes: dict[str, list[str]] = {}
        # In some worlds two people turn out to be one.
        self.merged_at = CLOCKS[5] if self.chance(15) else EVER
        # When a company is looked after: its people are proposed at once.
        self.company_at = self.random.choice(CLOCKS)
        for person in self.people:
            self._person(person)
        for person in self.people:
            self._life(person)
            for number_of in range(self.random.randint(4, 9)):
                self._proposal(person, number_of)

    def chance(self, percent: float) -> bool:
        """Tell whether it happens."""
        return self.random.random() * 100 < percent

    def moment(self) -> datetime:
        """Return a moment about one of the clocks, often at the very edge of a window."""
        edge = self.random.choice(CLOCKS) - timedelta(hours=self.random.choice(WINDOWS))
        if self.chance(50):
            return edge + timedelta(seconds=self.random.choice((-1, 0, 0, 1)))
        return edge + timedelta(minutes=self.random.randint(-3000, 3000))

    def put(
        self, table: str, since: datetime | None, until: datetime | None, /, **row: object
    ) -> None:
        """Note a fact, and between which moments it stands in its table."""
        rows = self.tables.setdefault(table, [])
        rows.append((dict(row), since or NEVER, until or EVER))

    def who(self, person: str | None, as_of: datetime) -> str | None:
        """Return who somebody is by then."""
        is_merged = person == self.people[1] and as_of >= self.merged_at
        return self.people[0] if is_merged else person

    def _person(self, person: str) -> None:
        account = f"{self.name}/a" if self.chance(60) else None
        self.accounts[person] = account
        if not self.chance(2):
            self.put(
                "people", None, self.merged_at if person == self.people[1] else None,
                person_id=person, is_staff=self.chance(2), is_test=self.chance(2),
                account_id=account,
                country=self.random.choice(("QQ", "QQ", "QQ", "DE", "DE", "US", None)),
                time_zone=self.random.choice(ZONES), first_seen_at=self.moment(),
            )  # fmt: skip
        kinds = [
            "email",
            *(["email"] if self.chance(40) else []),
            *(["phone"] if self.chance(70) else []),
        ]
        self.nodes[person] = [f"{person}/{kind}{n}" for n, kind in enumerate(kinds)]
        for node, kind in zip(self.nodes[person], kinds, strict=True):
            self._address(node, kind, person)

    def _address(self, node: str, kind: str, person: str) -> None:
        self.put(
            "people_nodes",
            None,
            None,
            node_id=node,
            person_id=person,
            node_type=kind,
            since=self.moment(),
        )
        self.put(
            "int_addresses", None, None, address_node=node, address_type=kind, address=node,
            is_valid=not self.chance(4),
        )  # fmt: skip
        if self.chance(1):
            self.put("int_erased_nodes", None, None, node_id=node)
        if self.chance(2):
            self.put(
                "messages",
                None,
                None,
                message_key=f"{node}/b",
                address_node=node,
                bounced_at=self.moment(),
            )
        if self.chance(3):
            reason = self.random.choice(
                ("hard_bounce", "complaint", "unsubscribed", "erased", "manual")
            )
            since = self.moment()
            self.put(
                "int_suppressions",
                None,
                None,
                address_node=node,
                reason=reason,
                since=since,
                last_at=since,
            )
        changed_at = self.moment() if self.chance(20) else EVER
        channel = "email" if kind == "email" else "call"
        for since, until in ((NEVER, changed_at), (changed_at, EVER)):
            if self.chance(90):
                self._permission(node, channel, since, until)

    def _permission(self, node: str, channel: str, since: datetime, until: datetime) -> None:
        state, reason = self.random.choice(
            [("granted", None)] * 8 + [("withdrawn", "permission_withdrawn"), ("unclear", None)]
        )
        at = self.moment()
        self.put(
            "permission_now", since, until, address_node=node, channel=channel, purpose="marketing",
            state=state, reason=reason, since=at, valid_from=at,
            legal_basis=self.random.choice(("consent", "consent", "soft_opt_in")),
        )  # fmt: skip

    def _life(self, person: str) -> None:
        if self.chance(50):
            self.put("int_person_zones", None, self.merged_at if person == self.people[1] else None,
                     person_id=person, time_zone="Europe/Berlin")  # fmt: skip
        if self.chance(4):
            self.put("int_unhappy", None, self.merged_at if person == self.people[1] else None,
                     person_id=person, what="complaint", source="call",
                     said_at=CLOCKS[0])  # fmt: skip
        for goal in ("buy", "enrol"):
            stage = self.random.choice(("aware", "considering", "customer", "aware", "deciding"))
            self.put("intent_scores", None, self.merged_at if person == self.people[1] else None,
                     person_id=person, goal=goal, stage=stage)  # fmt: skip
        for _ in range(self.random.choice((0, 0, 1, 4))):
            self.put("int_signs", None, None, person_id=person, occurred_at=self.moment())
        if self.chance(25):
            self.put(
                "conversions", None, None, node_id=self.random.choice(self.nodes[person]),
                account_id=self.accounts[person], occurred_at=self.moment(),
                goal=self.random.choice(("buy", "buy", "enrol", "upgrade")),
            )  # fmt: skip
        for refused, what in (
            ("topic", "tea"),
            ("channel", "call"),
            ("channel", "email"),
            ("product", "x"),
        ):
            said_at = self.moment()
            if self.chance(6):
                self.put(
                    "int_refusals",
                    said_at,
                    None,
                    person_id=person,
                    refused=refused,
                    what=what,
                    said_at=said_at,
                )
        for number in range(self.random.choice((0, 0, 1, 2, 4))):
            self._message(person, number)

    def _message(self, person: str, number: int) -> None:
        """One that another run planned, or the previous tool sent: it knows less of it."""
        programme = PROGRAMMES[self.random.choice(list(PROGRAMMES))]
        is_imported, planned = self.chance(30), self.moment()
        is_known = not is_imported or self.chance(50)
        is_mass = programme["kind"] == "mass"
        campaign = f"{self.name}/c{self.random.randint(0, 2)}"
        self.put(
            "int_person_messages", planned + timedelta(seconds=1), None,
            message_key=f"{person}/m{number}",
            person_id=person, programme=programme["programme"] if is_known else None,
            campaign_id=campaign if is_mass and is_known else None,
            occasion=f"{self.name}/o{self.random.randint(0, 2)}" if not is_imported else None,
            step=1 if not is_imported or self.chance(50) else None, channel=programme["channel"],
            purpose=programme["purpose"], kind=programme["kind"] if is_known else "mass",
            planned_as_of=planned, counts=is_imported or not self.chance(10),
            is_received=is_imported or self.chance(80), is_imported=is_imported,
        )  # fmt: skip

    def _proposal(self, person: str, number: int) -> None:
        is_company = self.chance(30)
        name, step = self.random.choice(OF_COMPANIES if is_company else STEPS)
        programme = PROGRAMMES[name]
        at = self.company_at if is_company else self.random.choice(CLOCKS)
        since = at - timedelta(minutes=self.random.randint(0, 2000))
        expires = since + timedelta(hours=self.random.choice((24, 72, 400)))
        campaign, occasion = None, f"{self.name}/o{number if self.chance(80) else 0}"
        subject = occasion
        if programme["kind"] == "mass":
            campaign = occasion = f"{self.name}/c{self.random.randint(0, 2)}"
            subject = person
        elif programme["one_per_account"] == "true":
            subject = self.accounts[person] or person
            occasion = f"{subject}/{self.random.randint(0, 1)}"
        is_ok = self.chance(93)
        self.put(
            "int_proposals", since, expires if self.chance(70) else None,
            programme=name, person_id=person,
            occasion=occasion, subject=subject, step=step, campaign_id=campaign, variant="a",
            wanted_address_node=self.random.choice((*[None] * 3, self.nodes[person][-1], "none")),
            occurred_at=since - timedelta(hours=self.random.choice((1, 24, 200))),
            expires_at=expires,
            value=self.random.choice((None, 10, 20, 20, 30)), currency="EUR", context_ok=is_ok,
            context_reason=None if is_ok else self.random.choice(("out_of_stock", None)),
            topic=self.random.choice(("tea", "mugs", None)),
        )  # fmt: skip

    def standing(self, as_of: datetime) -> Iterator[tuple[str, Row]]:
        """Yield what stands in the tables at that moment, by whom it is about then."""
        for table, rows in self.tables.items():
            for row, since, until in rows:
                if since <= as_of < until:
                    yield (
                        table,
                        {
                            name: self.who(value, as_of) if name == "person_id" else value
                            for name, value in row.items()
                        },
                    )
