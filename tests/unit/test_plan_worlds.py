"""The one contact plan against an oracle, in random worlds.

`LONG=1`: two thousand worlds, and every planted error in all of them; `PARLEY_SEED` draws others.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from plan_policy import CAPS, GATES, MARKETING, PRICES, Verdict
from plan_warehouse import Moment, Worlds, compiled
from plan_worlds import CLOCKS, PROGRAMMES, Row

IS_LONG = bool(os.environ.get("LONG"))
SEED = int(os.environ.get("PARLEY_SEED", "7"))
WORLDS, SPOILED_WORLDS = (2000, 400) if IS_LONG else (200, 100)

# What is changed in which model; each must be seen.
ERRORS = {
    "a cap lets one more through": (
        "gate_caps",
        "messages >= max_messages",
        "messages > max_messages",
    ),
    "a window holds its very first moment too": (
        "gate_caps",
        "s.planned_as_of >",
        "s.planned_as_of >=",
    ),
    "the contact window ignores calls": (
        "gate_caps",
        "c.person_id = s.person_id",
        "c.person_id = s.person_id and s.channel <> 'call'",
    ),
    "a local day has at most 24 hours": (
        "gate_caps", "case when o.calendar_day then 2 else 0 end", "0",
    ),
    "a day is one of UTC": ("gate_caps", "time zone c.time_zone", "time zone 'UTC'"),
    "the budget may be overdrawn by a hair": (
        "gate_caps", "+ p.units > coalesce", "+ p.units > 0.5 + coalesce",
    ),
    "what is held back spends nothing": ("int_interruptions", "m.counts and", "m.is_received and"),
    "ties are broken the other way": (
        "gate_arbitration", "value desc nulls last,\n            candidate_key asc",
        "value desc nulls last,\n            candidate_key desc",
    ),
    "colleagues are spoken to at once": ("gate_arbitration", "account_id is null or", "true or"),
    "campaigns do not wait for a trigger": (
        "gate_arbitration",
        "then 'trigger_pending'",
        "then null",
    ),
    "campaigns talk over who decides": (
        "int_mass_waits",
        "stage = 'deciding'",
        "stage = 'decided'",
    ),
    "what was stopped survives": ("int_survivors", "s.candidate_key is null", "true"),
    "what is unclear is a yes": (
        "gate_permission",
        "p.state <> 'granted'",
        "p.state = 'withdrawn'",
    ),
    "what was said to a merged person is said again": (
        "gate_memory",
        "b.message_key is not null or p.candidate_key is not null",
        "b.message_key is not null",
    ),
    "the steps of one occasion cool each other down": (
        "gate_memory", "coalesce(c.occasion, '') <> coalesce(s.occasion, '')", "true",
    ),
    "a colleague's purchase ends nothing": ("gate_context", "c.account_id = v.account_id", "false"),
    "stale sources are believed": ("gate_context", "then 'stale_source'", "then null"),
    "a holdout takes one too many": (
        "gate_programme_holdout",
        "c.percentile < c.holdout_percent",
        "c.percentile <= c.holdout_percent",
    ),
    "to wait beats to fail": (
        "decisions", "case when verdict = 'fail' then 0 else 1 end, gate_no", "gate_no",
    ),
    "two persons' one message is sent twice": ("int_audience", "where rank = 1", "where rank >= 1"),
}  # fmt: skip
FEW = tuple(ERRORS) if IS_LONG else tuple(ERRORS)[::3]


@pytest.fixture(scope="module")
def models(warehouse: Path) -> dict[str, str]:
    """The statements of the plan, as dbt makes them."""
    return compiled(warehouse)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with the tables that the plan reads."""
    return tmp_path_factory.mktemp("worlds") / "plan_worlds.duckdb"


@pytest.fixture(scope="module")
def moments(warehouse: Path, models: dict[str, str]) -> list[Moment]:
    """All runs over all worlds."""
    return list(Worlds(warehouse, models, WORLDS, SEED).run())


def differences(moment: Moment) -> Iterator[str]:
    """Tell where the plan is not the oracle's."""
    if set(moment.gates) != set(moment.plan.verdicts):
        yield "other candidates"
        return
    for key, said in moment.gates.items():
        candidate = moment.plan.candidates[key]
        if moment.chosen[key] != candidate["address_node"]:
            yield f"{candidate}: not {moment.chosen[key]}"
        for gate in GATES:
            if said[gate] != moment.plan.verdicts[key][gate]:
                yield f"{gate}: {said[gate]}, not {moment.plan.verdicts[key][gate]}: {candidate}"


def faults(moment: Moment) -> Iterator[str]:
    """Tell what the plan of a run breaks, whatever the gates said."""
    yield from _unsound(moment)
    marketing = [row for row in moment.audience if row["purpose"] == MARKETING]
    for row in marketing:
        plan = moment.plan
        yield from (f"{rule}: {row}" for rule in _broken(moment, row))
        spent, budget = plan.purse(row["person_id"])
        if spent + PRICES[row["channel"], row["kind"]] > budget:
            yield f"over the budget: {row}"
        channel = "call" if row["channel"] == "call" else "email"
        permission = plan.allowed.get((row["address_node"], channel, MARKETING))
        if permission is None or permission["state"] != "granted":
            yield f"without permission: {row}"
    yield from (f"two at once: {who}" for who in _twice(row["person_id"] for row in marketing))
    of_companies = [
        (plan_row["account_id"], row["programme"])
        for row in marketing
        if (plan_row := moment.plan.people[row["person_id"]])["account_id"]
        and PROGRAMMES[row["programme"]]["one_per_account"] == "true"
    ]
    yield from (f"two of a company: {each}" for each in _twice(of_companies))


def _twice(items: Iterable[object]) -> list[object]:
    return [item for item, count in Counter(items).items() if count > 1]


def _broken(moment: Moment, row: Row) -> Iterator[str]:
    """Name the caps that this message breaks, itself counted."""
    plan, who = moment.plan, row["person_id"]
    for cap in CAPS:
        both = [
            other for other in [*plan.sent.get(who, []), row]
            if other["purpose"] == MARKETING
            and all(cap[name] in ("any", other[name]) for name in ("channel", "kind"))
        ]  # fmt: skip
        window = timedelta(hours=int(cap["window_hours"]))
        if cap["calendar_day"] == "true":
            today = plan.day(who, plan.as_of)
            both = [each for each in both if plan.day(who, each["planned_as_of"]) == today]
        else:
            both = [each for each in both if plan.as_of - each["planned_as_of"] < window]
        if row in both and len(both) > int(cap["max_messages"]):
            yield str(cap["rule"])


def _unsound(moment: Moment) -> Iterator[str]:
    """Tell what does not add up."""
    candidates = moment.plan.candidates
    for key, said in moment.gates.items():
        if moment.decisions.get(key) != decided(said):
            yield f"decided {moment.decisions.get(key)} of {said}"
    asked = Counter(c["programme"] for c in candidates.values())
    if asked != Counter(candidates[key]["programme"] for key in moment.decisions):
        yield "candidates are not what was decided"
    spoken = {
        candidates[key]["message_key"]
        for key, (verdict, *_) in moment.decisions.items()
        if verdict in ("send", "hold")
    }
    if sorted(spoken) != sorted(row["message_key"] for row in moment.audience):
        yield "the audience is not what was decided"
    yield from (f"again: {key}" for key in spoken & moment.plan.keys)


def decided(said: dict[str, Verdict]) -> tuple[str, str | None, str | None]:
    """Work out a decision from what the gates said: to fail beats to wait, then the first."""
    for verdict in ("fail", "defer"):
        for gate in GATES:
            if said[gate].verdict == verdict:
                name = (
                    "hold"
                    if gate == "programme_holdout"
                    else {"fail": "drop"}.get(verdict, verdict)
                )
                return name, gate, said[gate].reason
    return "send", None, None


def test_every_gate_says_what_the_oracle_says(moments: list[Moment]) -> None:
    found = [each for moment in moments for each in differences(moment)]
    assert not found, (len(found), found[:3])


def test_no_plan_breaks_a_cap_a_permission_a_budget_or_its_own_sums(moments: list[Moment]) -> None:
    found = [each for moment in moments for each in faults(moment)]
    assert not found, (len(found), found[:3])


def test_the_worlds_reach_every_verdict(moments: list[Moment]) -> None:
    """What never happens in them is not tested."""
    reached = {
        verdict.reason for m in moments for said in m.gates.values() for verdict in said.values()
    }
    never = {
        "permission_withdrawn", "contact_window", "per_day", "per_week", "mass_per_week", "calls",
        "budget", "lost_arbitration", "colleague_first", "trigger_pending", "after_trigger",
        "deciding",
        "programme_holdout", "global_holdout", "already_sent", "cooldown", "declined",
        "declined_channel", "not_similar", "goal_reached", "decided", "stale_source", "expired",
    } - reached  # fmt: skip
    assert not never
    assert all({d[0] for d in m.decisions.values()} >= {"send", "drop", "defer"} for m in moments)
    assert any(d[0] == "hold" for m in moments for d in m.decisions.values())


def test_neither_the_order_of_rows_nor_threads_change_a_decision(
    warehouse: Path, models: dict[str, str], moments: list[Moment]
) -> None:
    last = moments[-1]
    hashes = set()
    for threads, shuffled in ((1, False), (4, True), (2, True)):
        worlds = Worlds(warehouse, models, 0, SEED + threads, threads)
        worlds.plan(last.plan.tables, CLOCKS[-1], shuffled=shuffled)
        hashes.add(sha256(repr(worlds.outcomes()).encode()).hexdigest())
    assert len(hashes) == 1


@pytest.mark.parametrize("error", FEW)
def test_a_planted_error_is_seen(warehouse: Path, models: dict[str, str], error: str) -> None:
    model, right, wrong = ERRORS[error]
    name = next(name for name in models if name.endswith(f".{model}"))
    assert right in models[name]
    spoiled = models | {name: models[name].replace(right, wrong)}
    worlds = Worlds(warehouse, spoiled, SPOILED_WORLDS, SEED)
    assert any(True for moment in worlds.run() for _ in (*differences(moment), *faults(moment)))
