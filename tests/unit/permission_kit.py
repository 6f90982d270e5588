"""Random histories of permission, as a shop's database would tell them, run after run.

Each history has one account (`h7-u`), two emails (`h7-a`, `h7-b`) and a phone (`h7-p`), which may
be one person or several. What a run lands is of day `FIRST` + its number; times lie before and
after, many are equal.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from days_kit import Record, land

LONG = bool(os.environ.get("LONG"))
RUNS = 6
# How many of them a history has; with LONG=1 it has some fifty records in all.
ORDERS, CONSENTS = ((0, 10), (26, 34)) if LONG else ((0, 3), (1, 4))
FIRST = datetime(2011, 12, 8)  # noqa: DTZ001 - the warehouse's times have no zone
LONG_AGO = datetime(2009, 12, 9)  # noqa: DTZ001
CENTURY = datetime(2099, 1, 1)  # noqa: DTZ001
Said = dict[str, Any]


def landed_at(run: int) -> datetime:
    """When a run landed, its clock."""
    return FIRST + timedelta(days=run)


@dataclass
class History:
    """What each run brings, by stream: (record, op, what it says)."""

    name: str
    runs: dict[int, list[tuple[str, str, str, Said]]] = field(default_factory=dict)

    def add(self, run: int, stream: str, key: str, said: Said, op: str = "upsert") -> None:
        """A record that lands with that run."""
        self.runs.setdefault(run, []).append((stream, f"{self.name}-{key}", op, said))

    def until(self, run: int, stream: str) -> list[tuple[int, str, str, Said]]:
        """What is known of a stream by a run: (run, record, op, what it says), as it came."""
        return [
            (number, key, op, said)
            for number in sorted(self.runs)
            if number <= run
            for name, key, op, said in self.runs[number]
            if name == stream
        ]


def invent(rng: Random, name: str) -> History:
    """A history at random."""
    made = History(name)
    has_account = rng.random() < 0.8
    if has_account:
        run = rng.randint(1, 3)
        while run <= RUNS:
            email = rng.choice((f"{name}-a", f"{name}-a", f"{name}-b", None))
            country = rng.choice(("GB", "GB", "DE", "DE", "CA", "CA", "PL", "XX", None))
            said = {"customer_id": f"{name}-u", "email": email, "phone": f"{name}-p"}
            made.add(run, "customers", "u", {**said, "country": country, "created_at": _z(FIRST)})
            run += rng.randint(1, 4)
    accounts = (None, f"{name}-u") if has_account else (None,)
    # Some bought last when Canada has just forgotten.
    first = rng.choice((FIRST, FIRST, LONG_AGO))
    for number in range(rng.randint(*ORDERS)):
        _order(rng, made, number, accounts, first)
    for number in range(rng.randint(*CONSENTS)):
        _consent(rng, made, number, accounts)
    return made


def _order(
    rng: Random, made: History, number: int, accounts: tuple[str | None, ...], first: datetime
) -> None:
    run, name = rng.randint(1, RUNS), made.name
    at = first + timedelta(hours=rng.choice((0, 10, 24, 34, 48, 72)), minutes=number)
    said = {
        "order_id": f"{name}-o{number}", "customer_id": rng.choice(accounts),
        "email": rng.choice((f"{name}-a", f"{name}-b")), "currency": "GBP", "amount_minor": "100",
        "status": rng.choice(("paid", "paid", "paid", "cancelled")), "ordered_at": _z(at),
        "country": rng.choice(("GB", "CA", "CA", "DE", None)),
    }  # fmt: skip
    made.add(run, "orders", f"o{number}", said)


def _consent(rng: Random, made: History, number: int, accounts: tuple[str | None, ...]) -> None:
    name, run = made.name, rng.randint(1, RUNS)
    said: Said = {}
    while run <= RUNS:
        if said and rng.random() < 0.15:
            made.add(run, "consents", f"c{number}", {}, "delete")
        else:
            said = _declaration(rng, name, number, accounts, said)
            made.add(run, "consents", f"c{number}", said)
        run += rng.randint(1, 8)


def _declaration(
    rng: Random, name: str, number: int, accounts: tuple[str | None, ...], before: Said
) -> Said:
    """A version of a consent: much of it as it was, if it was."""
    given = FIRST + timedelta(days=rng.randint(-1, 4), hours=rng.choice((0, 0, 10)))
    confirmed = given + timedelta(hours=rng.choice((-24, 0, 1, 30)))
    channel = rng.choice(("email",) * 6 + ("call", "sms"))
    words = ("granted",) * 16 + ("withdrawn",) * 3 + ("none", "pending", "nope", None)
    new = {
        "consent_id": f"{name}-c{number}",
        "customer_id": rng.choice(accounts),
        "email": rng.choice((f"{name}-a",) * 4 + (f"{name}-b",) * 2 + (None,)),
        "phone": rng.choice((f"{name}-p", None)),
        "channel": channel,
        "purpose": rng.choice(("marketing",) * 9 + ("service", "profiling", None)),
        "state": rng.choice(words),
        "legal_basis": rng.choice(("consent",) * 5 + ("soft_opt_in",) * 5 + ("contract", None)),
        "proof": rng.choice(("checkout",) * 4 + (None,)),
        "given_at": rng.choice((_z(given),) * 9 + ("soon", None, _z(CENTURY))),
        "confirmed_at": rng.choice((_z(confirmed), None, None)),
    }
    kept = [key for key in before if key != "consent_id" and rng.random() < 0.6]
    return {**new, **{key: before[key] for key in kept}}


def land_all(lake: Path, histories: list[History]) -> list[dict[str, str]]:
    """Land all histories; the manifest, in order."""
    batches = []
    for run in range(1, RUNS + 1):
        streams: dict[str, list[Record]] = {}
        for history in histories:
            for stream, key, op, said in history.runs.get(run, []):
                streams.setdefault(stream, []).append((key, op, json.dumps(said)))
        if run == 1:
            streams["identifiers"] = [_identifier(h.name, end) for h in histories for end in "abp"]
        batches += [land(lake, run, stream, records) for stream, records in streams.items()]
    return batches


def _identifier(name: str, end: str) -> Record:
    raw = f"{name}-{end}"
    said = {
        "type": "phone" if end == "p" else "email", "raw": raw, "value": raw, "address": raw,
        "node_id": raw, "is_valid": True,
    }  # fmt: skip
    return raw, "upsert", json.dumps(said)


def _z(moment: datetime) -> str:
    return f"{moment.isoformat()}Z"
