"""Why a person does or does not hear from us, in words: every programme, every gate, the ledger."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from connectors.core import plan, snapshot
from connectors.core.clock import as_utc, iso_z
from connectors.core.errors import FixConfig
from connectors.core.identifiers import normalise_email
from connectors.ledger import reports, runs
from flows import refusals
from flows.run import ledger_of
from flows.summary import told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from connectors.core.settings import Settings

INTERCEPT = "intercept"  # as the seed intent_weights names it
PRODUCT = "product_key"  # a hash: it is for the ledger
MARKS = {
    "pass": "[green]✓[/]",
    "fail": "[red]✗[/]",
    "defer": "[yellow]…[/]",
    "not_reached": "[dim]·[/]",
}
SAID = {
    "send": "[green]to be sent[/]",
    "hold": "[cyan]held back[/]",
    "defer": "[yellow]waits[/]",
    "drop": "[red]not sent[/]",
}


@dataclass(frozen=True)
class Shown:
    """The published run that is explained."""

    run_id: str
    as_of: datetime
    folder: Path


def latest(settings: Settings, run_id: str | None = None) -> Shown:
    """The run to show: that of the id, else the last that completed. Raises `FixConfig`."""
    ledger = ledger_of(settings)
    run = runs.get(ledger, run_id) if run_id else runs.last_completed(ledger)
    folder = settings.runs_dir / run.run_id if run else None
    if run is None or folder is None or not snapshot.is_whole(folder):
        what = "there is no published run to look at"
        remedy = "Run `parley run daily`; of old runs only the audiences are kept."
        raise FixConfig(what, str(settings.runs_dir), remedy)
    return Shown(run.run_id, run.as_of, folder)


def find(settings: Settings, folder: Path, who: str) -> str:
    """The person id of an email address or person id. Raises `FixConfig` if nobody is known."""
    node = who
    if "@" in who:
        found = normalise_email(who, settings.hash_key.get_secret_value())
        node = found.node_id or who
    person = plan.person_of(folder, node)
    if person is None:
        # The address itself is not repeated: errors end up in logs.
        kind = "this address" if "@" in who else f"person {who}"
        what = f"nobody is known by {kind}"
        raise FixConfig(what, "explain", "Check the spelling; `parley preview` lists person ids.")
    return person


def lines(settings: Settings, who: str, run_id: str | None = None) -> Iterator[str]:
    """Explain a person, line by line, with rich's markup; what sources said is never markup."""
    shown = latest(settings, run_id)
    person = find(settings, shown.folder, who)
    known = plan.profile(shown.folder, person)
    yield f"[bold]Person {person}[/] at {iso_z(shown.as_of)} [dim](run {shown.run_id})[/]"
    yield from _about(known)
    history = reports.message_history(
        ledger_of(settings), [node["node_id"] for node in known["nodes"]], [person]
    )
    by_key = {message.message_key: message for message in history}
    reached = plan.goals_reached(shown.folder, person)
    yield from _plan(shown.folder, person, by_key, reached)
    earlier = sorted(by_key.values(), key=lambda message: message.planned_as_of)
    if earlier:
        yield ""
        yield "[bold]Earlier messages[/]"
        for message in earlier:
            yield from _ledger(message, reached)


def _plan(
    folder: Path,
    person: str,
    by_key: dict[str, reports.MessageHistory],
    reached: list[dict[str, Any]],
) -> Iterator[str]:
    """Every programme; what the ledger knows of its messages is taken out of `by_key`."""
    candidates = plan.verdicts(folder, person)
    idle = []
    for programme in plan.programmes(folder):
        name = programme["programme"]
        mine = [each for each in candidates if each["programme"] == name]
        if not mine:
            idle.append(name)
            continue
        yield ""
        about = " · ".join(programme[key] for key in ("kind", "purpose", "channel"))
        yield f"[bold]{name}[/] [dim]{about}[/]"
        for candidate in mine:
            yield from _candidate(candidate)
            yield from _ledger(by_key.pop(candidate["message_key"], None), reached)
    if idle:
        yield ""
        yield f"[dim]no occasion, nothing happened lately that it answers: {', '.join(idle)}[/]"


def _about(known: dict[str, Any]) -> Iterator[str]:
    orders = known.get("order_count") or 0
    bought = "no order"
    if orders:
        number = "1 order" if orders == 1 else f"{orders} orders"
        bought = f"{number}, the last on {known['last_order_at']:%Y-%m-%d}"
    country = escape(known.get("country") or "country unknown")
    yield f"  {known.get('lifecycle') or 'stage unknown'}, {bought}; {country}"
    if known.get("probability") is not None:
        signals = json.loads(known["contributions"])
        signals.pop(INTERCEPT, None)  # the same for everybody
        strongest = sorted(signals.items(), key=lambda item: -abs(item[1]))[:3]
        because = ", ".join(f"{name} {weight:+.2f}" for name, weight in strongest)
        yield f"  {known['stage']}: {known['probability']:.1%} to buy within 7 days ({because})"
    for each in known["permissions"]:
        proof = f", {escape(each['proof'])}" if each["proof"] else ""
        yield (
            f"  permission: {each['purpose']} by {each['channel']} {each['state']}"
            f" since {each['since']:%Y-%m-%d} ({each['legal_basis']}{proof})"
        )
    if not known["permissions"]:
        yield "  permission: none was ever given"
    yield from _memory(known["memory"])
    types: dict[str, int] = {}
    for node in known["nodes"]:
        types[node["node_type"]] = types.get(node["node_type"], 0) + 1
    yield "  known by " + ", ".join(_counted(name, count) for name, count in sorted(types.items()))


def _memory(facts: list[dict[str, Any]]) -> Iterator[str]:
    """What is remembered: first what holds, then what has expired or was stated otherwise."""
    for fact in facts[:6]:
        about = f"{fact['topic']}, {fact['product']}" if fact["product"] else fact["topic"]
        said = escape(f"{fact['fact']} {about}: {fact['value']}")
        until = f"until {fact['expires_at']:%Y-%m-%d}"
        until = until if fact["is_current"] else f"{until}, no longer counts"
        yield f"  {fact['kind']}: {said} [dim]{fact['said_at']:%Y-%m-%d} {until}[/]"


def _counted(node_type: str, count: int) -> str:
    return f"{count} {node_type.replace('_', ' ')}{'s' if count > 1 else ''}"


def _candidate(candidate: dict[str, Any]) -> Iterator[str]:
    by_gate: dict[str, dict[str, Any]] = {gate["gate"]: gate for gate in candidate["gates"]}
    decisive = by_gate.get(candidate["gate"], {})
    because = told(decisive.get("sentence"), candidate["reason"])
    looked_at = decisive.get("seen")
    seen = f" [dim](seen: {escape(looked_at)})[/]" if looked_at else ""
    occasion = f"{escape(candidate['occasion'])}, step {candidate['step']}"
    yield f"  {occasion}: {SAID[candidate['verdict']]}: {because}{seen}"
    answered = json.loads(candidate["content"] or "{}").get("fact")
    if answered:
        yield f"    answers: {escape(answered)}"
    known = json.loads(candidate["evidence"])
    told_of = ((name, value) for name, value in known.items() if name != PRODUCT)
    evidence = ", ".join(f"{name} {value}" for name, value in told_of if value is not None)
    yield f"    [dim]evidence: {escape(evidence)}[/]"
    yield "    " + " ".join(f"{MARKS[g['verdict']]}{g['gate']}" for g in candidate["gates"])
    for gate in candidate["gates"]:
        if gate["reason"] and gate["gate"] != candidate["gate"]:
            seen = f" ({escape(gate['seen'])})" if gate["seen"] else ""
            yield f"    [dim]also {gate['gate']}: {told(gate['sentence'], gate['reason'])}{seen}[/]"


def _ledger(message: reports.MessageHistory | None, reached: list[dict[str, Any]]) -> Iterator[str]:
    if message is None:
        yield "    ledger: nothing was sent"
        return
    steps = " → ".join(step.to_state for step in message.steps) or message.state
    refused = f" ({message.refusal})" if message.refusal else ""
    yield (
        f"    ledger: {message.programme} {escape(message.occasion)} planned"
        f" {iso_z(message.planned_as_of)}: {steps}{refused} by {message.destination}"
        f" [dim](run {message.run_id})[/]"
    )
    if message.refusal in refusals.SENTENCES:
        yield f"    refused: {refusals.SENTENCES[message.refusal]}"
    # What would have stopped it, had it been known: why a right decision looks wrong later.
    for goal in reached:
        at, known_at = as_utc(goal["occurred_at"]), as_utc(goal["known_at"])
        planned, window = message.planned_as_of, timedelta(hours=goal["window_hours"])
        if goal["programme"] == message.programme and planned - window < at < planned < known_at:
            what = "an order" if goal["goal"] == "buy" else f"goal {goal['goal']}"
            yield f"    {what} of {iso_z(at)} was not yet known then: it landed {iso_z(known_at)}"
