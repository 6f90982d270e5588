"""A run in words and tables, for the Prefect UI and the terminal alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.core.clock import iso_z

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from connectors.core.plan import FunnelRow
    from connectors.ledger.emission.last_look import Ages
    from connectors.ledger.emission.outbox import EmitResult
    from flows.pipeline import Outcome

VERDICTS = ("send", "hold", "defer", "drop")


def totals(funnel: Iterable[FunnelRow]) -> dict[str, dict[str, int]]:
    """Candidates by programme and verdict, with 'candidates' as their sum."""
    table: dict[str, dict[str, int]] = {}
    for row in funnel:
        line = table.setdefault(row.programme, {"candidates": 0, **dict.fromkeys(VERDICTS, 0)})
        line[row.verdict] += row.candidates
        line["candidates"] += row.candidates
    return table


def because(row: FunnelRow) -> str:
    """Why candidates ended so, as a sentence."""
    return told(row.sentence, row.reason)


def told(sentence: str | None, reason: str | None) -> str:
    """Why in words: a reason without a sentence is told by its name, none is no objection."""
    return sentence or reason or "all gates passed"


def funnel_table(funnel: Sequence[FunnelRow]) -> list[dict[str, Any]]:
    """The funnel as rows to show."""
    return [
        {
            "programme": row.programme,
            "verdict": row.verdict,
            "gate": row.gate or "",
            "because": because(row),
            "candidates": row.candidates,
            "people": row.people,
        }
        for row in funnel
    ]


def emission(result: EmitResult) -> str:
    """What became of a slice, in a line."""
    parts = {
        "accepted": result.accepted,
        "held back to measure": result.held,
        "sent before": result.absorbed,
        "rejected": result.rejected,
        "unknown": result.unknown,
        "refused by the ledger": sum(result.refused.values()),
    }
    return ", ".join(f"{count:,} {name}" for name, count in parts.items() if count) or "nothing"


def age(ages: Ages) -> str:
    """How old the newest facts were when messages left, in a sentence."""
    return (
        f"The facts that a last look was taken on were at most {ages.p50:,} s old for half of the"
        f" messages (p50), {ages.p99:,} s for 99 % of them (p99)."
    )


def shadow(outcome: Outcome) -> str:
    """What a shadow sent, in a sentence."""
    if outcome.emitted:
        return "Only copies to the test address: this was a test."
    return "Nothing: this was a shadow."


def _sent(outcome: Outcome) -> list[str]:
    """What left, how old the facts were, and what was kept back."""
    lines = ["", "## Sent", ""]
    lines += [f"- **{name}**: {emission(result)}" for name, result in outcome.emitted.items()]
    lines += [shadow(outcome)] if outcome.run.is_shadow else []
    lines += ["", age(outcome.ages)] if outcome.ages else []
    kept_back = [f"- {notice}" for notice in outcome.notices]
    return lines + (["", "## Kept back", "", *kept_back] if kept_back else [])


def markdown(
    outcome: Outcome,
    funnel: Sequence[FunnelRow],
    gates: Sequence[str] = (),
    changed: Sequence[str] = (),
) -> str:
    """The run as Markdown: its clock, the plan, what left, what changed, the gates, what landed.

    `gates` and `changed` are lines of Markdown, as `flows.funnel` writes them.
    """
    run = outcome.run
    what = "shadow run" if run.is_shadow else "run"
    lines = [
        f"# {run.kind.capitalize()} {what} at {iso_z(run.as_of)}",
        "",
        f"`{run.run_id}`" + (" · built from scratch" if run.full_refresh else ""),
        "",
        "## Plan",
        "",
        "| programme | candidates | " + " | ".join(VERDICTS) + " |",
        "|---|--:|" + "--:|" * len(VERDICTS),
    ]
    for programme, line in totals(funnel).items():
        numbers = " | ".join(f"{line[name]:,}" for name in ("candidates", *VERDICTS))
        lines.append(f"| {programme} | {numbers} |")
    lines += _sent(outcome)
    for title, told_lines in (("Since the run before", changed), ("Gate by gate", gates)):
        lines += ["", f"## {title}", "", *told_lines] if told_lines else []
    lines += ["", "## Landed", "", "| stream | rows |", "|---|--:|"]
    lines += [f"| {stream} | {rows:,} |" for stream, rows in outcome.landed.items()]
    return "\n".join([*lines, ""])
