"""A run in words: sentences, tables and Markdown for people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from words_kit import AS_OF

from connectors.core.plan import FunnelRow
from connectors.core.settings import Settings
from connectors.ledger.emission.last_look import Ages
from connectors.ledger.emission.outbox import EmitResult
from flows import summary, terminal
from flows.pipeline import Outcome
from flows.run import Run


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


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


def test_how_old_the_facts_were_is_told_where_anything_left(settings: Settings) -> None:
    run = outcome(settings)
    assert " s old" not in summary.markdown(run, FUNNEL)
    run.ages = Ages(41, 3_600, 1_200)
    assert summary.age(run.ages) in summary.markdown(run, FUNNEL).splitlines()
    assert "41 s old for half" in summary.age(run.ages)
    assert "3,600 s for 99 %" in summary.age(run.ages)


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
