"""Why someone does or does not hear from us, in words: all verdicts, all gates, the ledger."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text
from words_kit import ADA, AS_OF, BOB, MORNING, write

from connectors.core import plan
from connectors.core.errors import FixConfig
from connectors.core.settings import Settings, get_settings
from connectors.ledger import runs
from connectors.ledger.reports import MessageHistory, Step
from connectors.ledger.runs import Versions
from flows import explain, preview
from flows.run import ledger_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("home") / "var" / "runs" / "r1")


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
    assert ada[1:7] == [
        "  active, 2 orders, the last on 2011-12-06; GB",
        "  deciding: 25.0% to buy within 7 days (age -2.00, cart +1.50, visits +0.20)",
        "  permission: marketing by email granted since 2011-12-06 (consent, box [v3])",
        "  said: interest [red], Kettle [/b]: interested 2011-12-06 until 2013-12-05",
        "  did: interest [red]: interested 2011-12-06 until 2013-12-05, no longer counts",
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
        "new_collection mass · marketing · email",
    ]
    assert "no occasion, nothing happened lately that it answers: welcome" in lines


@pytest.mark.usefixtures("published")
def test_every_verdict_and_every_gate_is_put_into_words(settings: Settings) -> None:
    ada, bob = told(settings, ADA), told(settings, BOB)
    assert "  cart [/b] 7, step 1: to be sent: all gates passed" in ada
    assert "    answers: You left [it]." in ada
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


def test_what_is_not_sent_never_passed_all_gates() -> None:
    """A reason that no seed puts into words is told by its name."""
    gate = {"gate": "caps", "verdict": "fail", "reason": "new", "sentence": None, "seen": None}
    candidate = {
        "gates": [gate, {**gate, "gate": "context"}], "gate": "caps", "reason": "new",
        "verdict": "drop", "occasion": "o", "step": 1, "evidence": "{}", "content": "{}",
    }  # fmt: skip
    lines = plain(explain._candidate(candidate))
    assert lines[0] == "  o, step 1: not sent: new"
    assert lines[-1] == "    also context: new"


def message(**changes: Any) -> MessageHistory:
    fields: dict[str, Any] = {
        "message_key": "m-a1", "run_id": "r1", "programme": "abandoned_cart", "campaign_id": "",
        "occasion": "cart [/b] 7", "step": 1, "channel": "email", "purpose": "marketing",
        "person_id": ADA, "address_hash": "e1", "destination": "file", "planned_as_of": AS_OF,
        "state": "accepted", "refusal": None, "reserved_at": AS_OF, "accepted_at": AS_OF,
        "sent_at": None, "delivered_at": None, "batch_id": None, "attempts": 1,
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
    told = plain(explain._ledger(message(state="cancelled", refusal="goal_reached"), []))
    assert "cancelled (goal_reached) by file" in told[0]
    assert told[1:] == ["    refused: the goal was reached after the plan"]
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
    preview.show(settings, "abandoned_cart", 20, published)
    said = capsys.readouterr().out
    for words in (ADA[:12], "Your [kettle]", "You left it.", "nobody ever gave permission"):
        assert words in said
    assert "@" not in said
    with pytest.raises(FixConfig, match="Programmes: abandoned_cart, welcome, new_collection"):
        preview.show(settings, "abandoned_card", 20, published)


def test_a_preview_writes_a_message_as_its_reader_would_see_it(
    settings: Settings, published: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(preview.webbrowser, "open", opened.append)
    preview.show(settings, "abandoned_cart", 20, published, html=tmp_path / "x.html", opens=True)
    preview.show(settings, "abandoned_cart", 20, published)
    page = (tmp_path / "x.html").read_text()
    assert opened == [(tmp_path / "x.html").as_uri()]
    assert (settings.home / "preview" / "abandoned_cart.html").read_text() == page
    assert "Your [kettle]" in page
    assert "Unsubscribe" in (tmp_path / "x.txt").read_text()
    assert "ada@" not in page
    assert "/proof." in page
    with pytest.raises(FixConfig, match="nobody gets an email of this programme"):
        preview.show(settings, "welcome", 20, published, opens=True)


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
