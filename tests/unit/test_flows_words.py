"""What people read: the plan of a small handmade snapshot, in tables, sentences and Markdown."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.text import Text

from connectors.core import plan
from connectors.core.errors import FixConfig
from connectors.core.identifiers import normalise_email
from connectors.core.plan import FunnelRow
from connectors.core.settings import Settings, get_settings
from connectors.ledger import runs
from connectors.ledger.outbox import EmitResult
from connectors.ledger.reports import MessageHistory, Step
from connectors.ledger.runs import Versions
from flows import explain, summary, terminal, tour
from flows.pipeline import Outcome
from flows.run import Run, ledger_of

AS_OF = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
MORNING = datetime(2011, 12, 6, 9, 0)  # noqa: DTZ001 - a snapshot's times have no zone
ADA, BOB = "ada00000" * 4, "bob00000" * 4
EMAIL = normalise_email("ada@example.com", "parley-demo").node_id
GATES = ("identity", "permission", "context", "local_time")
SENTENCES = {
    ("permission", "no_permission"): "nobody ever gave permission",
    ("context", "goal_reached"): "this person bought after the occasion",
    ("local_time", "quiet_hours"): "it is night where this person lives",
}


def candidate(key: str, person: str, programme: str, **changes: Any) -> dict[str, Any]:
    return {
        "candidate_key": key, "message_key": f"m-{key}", "programme": programme,
        "kind": "mass" if programme == "new_collection" else "triggered", "person_id": person,
        "occasion": f"o-{key}", "step": 1, "occurred_at": MORNING, "value": 10.0,
        "expires_at": MORNING + timedelta(days=1), "content": "{}", "evidence": '{"items": 2}',
        "context_ok": True,
        **changes,
    }  # fmt: skip


def decision(key: str, verdict: str, gate: str | None = None, reason: str | None = None) -> Any:
    return {
        "candidate_key": key, "verdict": verdict, "gate": gate, "reason": reason,
        "defer_until": None,
    }  # fmt: skip


CANDIDATES = [
    candidate("a1", ADA, "abandoned_cart", occasion="cart [/b] 7", value=30.0),
    candidate("a2", ADA, "abandoned_cart", occasion="cart 8", value=20.0),
    candidate("b1", BOB, "abandoned_cart", context_ok=False),
    candidate("a3", ADA, "new_collection"),
    candidate("b3", BOB, "new_collection"),
    candidate("b4", BOB, "new_collection", occasion="spring"),
]
DECISIONS = [
    decision("a1", "send"),
    decision("a2", "defer", "local_time", "quiet_hours"),
    decision("b1", "drop", "permission", "no_permission"),
    decision("a3", "hold"),
    decision("b3", "drop", "permission", "no_permission"),
    decision("b4", "drop", "permission", "no_permission"),
]


def verdicts(key: str, **failed: tuple[str, str, str | None]) -> list[dict[str, Any]]:
    """What each gate said: passed unless told otherwise (verdict, reason, what it looked at)."""
    rows = []
    for number, gate in enumerate(GATES, start=1):
        verdict, reason, seen = failed.get(gate, ("pass", None, None))
        rows.append({
            "candidate_key": key, "gate_no": number, "gate": gate, "verdict": verdict,
            "reason": reason, "seen": seen,
        })  # fmt: skip
    return rows


NO = ("fail", "no_permission", None)
AUDIENCE = [
    {
        "message_key": f"m-{key}", "person_id": ADA, "programme": programme, "occasion": "o",
        "verdict": verdict, "destination": "file", "address": "ada@example.com",
        "content": json.dumps({"subject": "Your [kettle]", "fact": "You left it."}),
        "evidence": "{}",
    }
    for key, programme, verdict in (
        ("a1", "abandoned_cart", "send"), ("a3", "new_collection", "hold"),
    )
]  # fmt: skip
TABLES: dict[str, list[dict[str, Any]]] = {
    "candidates": CANDIDATES,
    "decisions": DECISIONS,
    "decision_gates": [
        *verdicts("a1"),
        *verdicts("a2", local_time=("defer", "quiet_hours", "23:10 Europe/London")),
        *verdicts("a3"),
        *verdicts("b1", permission=NO, context=("fail", "goal_reached", "order [/i] 5"),
                  local_time=("not_reached", None, None)),
        *verdicts("b3", permission=NO),
        *verdicts("b4", permission=NO),
    ],
    "reasons": [
        {"gate": gate, "reason": reason, "sentence": sentence}
        for (gate, reason), sentence in SENTENCES.items()
    ],
    "programmes": [
        {
            "programme": name, "kind": kind, "purpose": "marketing", "channel": "email",
            "priority": 1, "goal": "buy", "window_hours": 24,
        }
        for name, kind in (
            ("new_collection", "mass"), ("abandoned_cart", "triggered"), ("welcome", "triggered"),
        )
    ],
    "audience_triggered": AUDIENCE[:1],
    "audience_mass": AUDIENCE[1:],
    "people": [
        {"person_id": ADA, "country": "GB", "order_count": 2, "last_order_at": MORNING},
        {"person_id": BOB, "country": None, "order_count": 0, "last_order_at": None},
    ],
    "people_nodes": [
        {"node_id": EMAIL, "person_id": ADA, "node_type": "email", "since": MORNING},
        {"node_id": "d1", "person_id": ADA, "node_type": "device", "since": MORNING},
        {"node_id": "d2", "person_id": ADA, "node_type": "device", "since": MORNING},
        {"node_id": "u2", "person_id": BOB, "node_type": "user_id", "since": MORNING},
    ],
    "segments": [
        {
            "person_id": ADA, "lifecycle": "active", "value_tier": "high",
            "favourite_category": "tea", "engaged_at": MORNING,
        }
    ],
    "intent_scores": [
        {
            "person_id": ADA, "goal": "buy", "probability": 0.25, "stage": "deciding",
            "contributions": '{"cart": 1.5, "age": -2.0, "views": 0.1, "visits": 0.2}',
        }
    ],
    "permissions": [{"permission_key": "p1", "proof": "box [v3]"}],
    "permission_now": [
        {
            "address_node": EMAIL, "channel": "email", "purpose": "marketing", "state": "granted",
            "since": MORNING, "legal_basis": "consent", "permission_key": "p1",
        }
    ],
    "memory": [
        {
            "memory_key": "f1", "person_id": ADA, "kind": "stated", "topic": "[red]",
            "fact": "likes", "value": "yes", "said_at": MORNING,
        }
    ],
    "conversions": [
        {
            "conversion_key": "c1", "node_id": EMAIL, "goal": "buy", "occurred_at": MORNING,
            "known_at": MORNING + timedelta(days=1),
        }
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The snapshot of a run that was published."""
    folder = tmp_path_factory.mktemp("home") / "var" / "runs" / "r1"
    folder.mkdir(parents=True)
    for name, rows in TABLES.items():
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    return folder


@pytest.fixture
def settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    for name in list(os.environ):
        if name.startswith("PARLEY_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PARLEY_HOME", str(folder.parents[1]))
    get_settings.cache_clear()
    yield get_settings()
    get_settings.cache_clear()


@pytest.fixture
def published(settings: Settings, folder: Path) -> str:
    """The id of a completed run whose snapshot that is."""
    ledger = ledger_of(settings)
    run_id = runs.start(ledger, "daily", AS_OF, Versions())
    runs.finish(ledger, run_id, "completed")
    (settings.runs_dir / run_id).symlink_to(folder)
    return run_id


def plain(lines: Iterator[str] | list[str]) -> list[str]:
    """Lines as a terminal shows them; wrong markup is an error."""
    return [Text.from_markup(line).plain for line in lines]


def test_the_funnel_counts_candidates_and_people_and_puts_what_goes_out_first(
    folder: Path,
) -> None:
    found = [
        (row.programme, row.verdict, row.reason, row.candidates, row.people)
        for row in plan.funnel(folder)
    ]
    assert found == [
        ("abandoned_cart", "send", None, 1, 1),
        ("abandoned_cart", "defer", "quiet_hours", 1, 1),
        ("abandoned_cart", "drop", "no_permission", 1, 1),
        ("new_collection", "hold", None, 1, 1),
        ("new_collection", "drop", "no_permission", 2, 1),
    ]
    of_one = plan.funnel(folder, "new_collection")
    assert {row.programme for row in of_one} == {"new_collection"}
    assert of_one[1].sentence == "nobody ever gave permission"


def test_an_audience_is_shown_without_addresses(folder: Path) -> None:
    [row] = plan.audience(folder, "abandoned_cart", 5)
    assert (row["message_key"], row["verdict"], row["value"]) == ("m-a1", "send", 30.0)
    assert "address" not in row
    assert plan.audience(folder, "abandoned_cart", 0) == []
    assert plan.audience(folder, "welcome", 5) == []
    assert plan.destinations(folder) == ["file"]


def test_a_person_is_found_by_node_by_id_and_by_the_beginning_of_it(folder: Path) -> None:
    assert EMAIL is not None
    for known in (EMAIL, "d2", ADA, ADA[:8], ADA[:12]):
        assert plan.person_of(folder, known) == ADA
    for unknown in ("", "ada", ADA[:7], "d3", f"{ADA}0", "%"):
        assert plan.person_of(folder, unknown) is None


def test_a_profile_holds_what_is_known_and_nobody_elses(folder: Path) -> None:
    ada, bob = plan.profile(folder, ADA), plan.profile(folder, BOB)
    assert (ada["lifecycle"], ada["stage"], len(ada["nodes"])) == ("active", "deciding", 3)
    assert [each["proof"] for each in ada["permissions"]] == ["box [v3]"]
    assert (bob["lifecycle"], bob["probability"]) == (None, None)
    assert (bob["permissions"], bob["memory"]) == ([], [])
    nobody = plan.profile(folder, "nobody")
    assert nobody == {"nodes": [], "permissions": [], "memory": []}


def test_each_candidate_comes_with_its_gates_in_order(folder: Path) -> None:
    found = {each["candidate_key"]: each for each in plan.verdicts(folder, BOB)}
    assert set(found) == {"b1", "b3", "b4"}
    assert [gate["gate"] for gate in found["b1"]["gates"]] == list(GATES)
    assert found["b1"]["gates"][1]["sentence"] == "nobody ever gave permission"


def test_examples_and_counts_come_from_the_plan(folder: Path) -> None:
    assert plan.example(folder, "abandoned_cart", "send", None) == ADA
    assert plan.example(folder, "new_collection", "drop", "no_permission") == BOB
    # Whose basket was ordered is no example of someone without a permission.
    assert plan.example(folder, "abandoned_cart", "drop", "no_permission") is None
    assert plan.example(folder, "abandoned_cart", "drop", "goal_reached") is None
    names = [each["programme"] for each in plan.programmes(folder)]
    assert names == ["abandoned_cart", "welcome", "new_collection"]
    assert plan.segment_counts(folder) == [{"lifecycle": "active", "people": 1, "high_value": 1}]
    [intent] = plan.intent_counts(folder)
    assert (intent["stage"], intent["mean_percent"]) == ("deciding", 25.0)
    [goal, *_] = plan.goals_reached(folder, ADA)
    assert (goal["goal"], goal["window_hours"]) == ("buy", 24)


def row(programme: str, verdict: str, candidates: int, **more: Any) -> FunnelRow:
    empty = {"gate": None, "reason": None, "sentence": None}
    return FunnelRow(
        **{**empty, **more}, programme=programme, kind="triggered", verdict=verdict,
        candidates=candidates, people=candidates,
    )  # fmt: skip


FUNNEL = [
    row("cart", "send", 1200),
    row("cart", "drop", 30, gate="caps", reason="per_day", sentence="had one today"),
    row("cart", "drop", 4, gate="caps", reason="new_reason"),
    row("store", "defer", 5, gate="local_time", reason="quiet_hours", sentence="it is night"),
]


def test_candidates_are_the_sum_of_their_verdicts() -> None:
    assert summary.totals(FUNNEL) == {
        "cart": {"candidates": 1234, "send": 1200, "hold": 0, "defer": 0, "drop": 34},
        "store": {"candidates": 5, "send": 0, "hold": 0, "defer": 5, "drop": 0},
    }
    assert summary.totals([]) == {}


def test_a_reason_is_told_as_a_sentence_or_else_by_its_name() -> None:
    told = [each["because"] for each in summary.funnel_table(FUNNEL)]
    assert told == ["all gates passed", "had one today", "new_reason", "it is night"]
    assert [each["gate"] for each in summary.funnel_table(FUNNEL)] == [
        "", "caps", "caps", "local_time",
    ]  # fmt: skip


def test_an_emission_tells_only_what_happened() -> None:
    assert summary.emission(EmitResult()) == "nothing"
    refused = {"per_week": 2, "suppressed": 1}
    told = EmitResult(reserved=1500, accepted=1499, unknown=1, held=7, absorbed=3, refused=refused)
    assert summary.emission(told) == (
        "1,499 accepted, 7 held back to measure, 3 sent before, 1 unknown, 3 refused by the ledger"
    )


def outcome(settings: Settings) -> Outcome:
    run = Run("r1", "daily", AS_OF, full_refresh=True, settings=settings)
    emitted = {"triggered": EmitResult(accepted=1200), "mass": EmitResult()}
    return Outcome(run, {"shop.orders": 12345, "web.events": 0}, emitted)


def test_the_markdown_of_a_run_tells_plan_what_left_and_what_landed(settings: Settings) -> None:
    run = outcome(settings)
    told = summary.markdown(run, FUNNEL).splitlines()
    assert told[:3] == [
        "# Daily run at 2011-12-06T11:05:00Z", "", "`r1` · built from scratch",
    ]  # fmt: skip
    head = told.index("| programme | candidates | send | hold | defer | drop |")
    assert told[head + 1] == "|---|--:|--:|--:|--:|--:|"
    assert told[head + 2 : head + 4] == [
        "| cart | 1,234 | 1,200 | 0 | 0 | 34 |", "| store | 5 | 0 | 0 | 5 | 0 |",
    ]  # fmt: skip
    assert "- **triggered**: 1,200 accepted" in told
    assert "- **mass**: nothing" in told
    assert "| shop.orders | 12,345 |" in told
    continued = replace(run.run, full_refresh=False)
    assert "built from scratch" not in summary.markdown(replace(run, run=continued), FUNNEL)


def test_a_terminal_shows_the_same(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show_plan(FUNNEL)
    terminal.show_outcome(outcome(settings))
    said = capsys.readouterr().out
    for words in ("1,234", "had one today", "1,200 accepted", "12,345 new records", "run r1"):
        assert words in said


def told(settings: Settings, who: str) -> list[str]:
    return plain(explain.lines(settings, who))


def test_a_person_is_explained_by_address_or_id(settings: Settings, published: str) -> None:
    by_address, by_id = told(settings, "Ada@Example.com "), told(settings, ADA[:12])
    assert by_address == by_id
    assert by_address[0] == f"Person {ADA} at 2011-12-06T11:05:00Z (run {published})"
    assert not [line for line in by_address if "@" in line]


@pytest.mark.usefixtures("published")
def test_what_is_known_of_a_person_is_told(settings: Settings) -> None:
    ada, bob = told(settings, ADA), told(settings, BOB)
    assert ada[1:6] == [
        "  active, 2 orders, the last on 2011-12-06; GB",
        "  deciding: 25.0% to buy within 7 days (age -2.00, cart +1.50, visits +0.20)",
        "  permission: marketing by email granted since 2011-12-06 (consent, box [v3])",
        "  stated: likes [red]: yes 2011-12-06",
        "  known by 2 devices, 1 email",
    ]
    assert bob[1:4] == [
        "  stage unknown, no order; country unknown",
        "  permission: none was ever given",
        "  known by 1 user id",
    ]


@pytest.mark.usefixtures("published")
def test_every_programme_is_told_also_the_one_without_an_occasion(settings: Settings) -> None:
    lines = told(settings, ADA)
    heads = [line for line in lines if " · " in line and not line.startswith(" ")]
    assert heads == [
        "abandoned_cart triggered · marketing · email",
        "welcome triggered · marketing · email",
        "new_collection mass · marketing · email",
    ]
    nothing = "  no occasion: nothing happened lately that it answers"
    assert lines[lines.index(heads[1]) + 1] == nothing


@pytest.mark.usefixtures("published")
def test_every_verdict_and_every_gate_is_put_into_words(settings: Settings) -> None:
    ada, bob = told(settings, ADA), told(settings, BOB)
    assert "  cart [/b] 7, step 1: to be sent: all gates passed" in ada
    assert "    evidence: items 2" in ada
    assert "    ✓identity ✓permission ✓context ✓local_time" in ada
    night = "it is night where this person lives (seen: 23:10 Europe/London)"
    assert f"  cart 8, step 1: waits: {night}" in ada
    assert "    ✓identity ✓permission ✓context …local_time" in ada
    assert "  o-a3, step 1: held back: all gates passed" in ada
    assert "  o-b1, step 1: not sent: nobody ever gave permission" in bob
    assert "    ✓identity ✗permission ✗context ·local_time" in bob
    assert "    also context: this person bought after the occasion (order [/i] 5)" in bob
    assert ada.count("    ledger: nothing was sent") == 3


def message(**changes: Any) -> MessageHistory:
    fields: dict[str, Any] = {
        "message_key": "m-a1", "run_id": "r1", "programme": "abandoned_cart", "campaign_id": "",
        "occasion": "cart [/b] 7", "step": 1, "channel": "email", "purpose": "marketing",
        "person_id": ADA, "destination": "file", "planned_as_of": AS_OF, "state": "accepted",
        "refusal": None, "reserved_at": AS_OF, "accepted_at": AS_OF, "sent_at": None,
        "delivered_at": None, "batch_id": None, "attempts": 1,
    }  # fmt: skip
    return MessageHistory(**{**fields, **changes})


def test_the_ledger_is_told_step_by_step_with_its_refusal(folder: Path) -> None:
    steps = tuple(
        Step(None, state, AS_OF, "r1", None) for state in ("reserved", "delivering", "accepted")
    )
    [line] = plain(explain._ledger(message(steps=steps), []))
    assert line == (
        "    ledger: abandoned_cart cart [/b] 7 planned 2011-12-06T11:05:00Z:"
        " reserved → delivering → accepted by file (run r1)"
    )
    [line] = plain(explain._ledger(message(state="cancelled", refusal="per_week"), []))
    assert "cancelled (per_week) by file" in line
    # Ordered at nine, planned at eleven, known the next day: right then, wrong-looking now.
    late = plain(explain._ledger(message(), plan.goals_reached(folder, ADA)))[1:]
    [was_late] = late
    assert was_late == (
        "    an order of 2011-12-06T09:00:00Z was not yet known then:"
        " it landed 2011-12-07T09:00:00Z"
    )


@pytest.mark.usefixtures("published")
def test_nobody_known_is_told_without_the_address(settings: Settings) -> None:
    with pytest.raises(FixConfig, match="nobody is known by this address") as raised:
        told(settings, "eve@example.com")
    assert "eve" not in str(raised.value)
    with pytest.raises(FixConfig, match="nobody is known by person nobody"):
        told(settings, "nobody")


def test_without_a_published_run_there_is_nothing_to_explain(tmp_path: Path) -> None:
    empty = Settings(home=tmp_path)
    with pytest.raises(FixConfig, match="there is no published run to look at"):
        explain.latest(empty)


def test_a_preview_shows_people_and_words_and_names_the_programmes(
    settings: Settings, published: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tour.show_preview(settings, "abandoned_cart", 20, published)
    said = capsys.readouterr().out
    for words in (ADA[:12], "Your [kettle]", "You left it.", "nobody ever gave permission"):
        assert words in said
    assert "@" not in said
    with pytest.raises(FixConfig, match="Programmes: abandoned_cart, welcome, new_collection"):
        tour.show_preview(settings, "abandoned_card", 20, published)


@pytest.mark.parametrize(
    ("count", "words"), [(1, "1 loyalty card"), (2, "2 loyalty cards"), (0, "0 loyalty card")]
)
def test_numbers_above_one_are_plural(count: int, words: str) -> None:
    assert explain._counted("loyalty_card", count) == words


def test_one_order_is_one_order() -> None:
    known = {"order_count": 1, "last_order_at": MORNING, "lifecycle": "new", "country": "FR"}
    lists: dict[str, list[Any]] = {"permissions": [], "memory": [], "nodes": []}
    assert next(explain._about({**known, **lists})) == (
        "  new, 1 order, the last on 2011-12-06; FR"
    )
