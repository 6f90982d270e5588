"""What a person opens in the Prefect UI after a run: its summary, its audiences, Data Docs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.artifacts import (
    create_image_artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_table_artifact,
)

from connectors.core import plan, plan_changes
from connectors.ledger import reports
from expectations.gate import docs_index
from flows import funnel, summary

if TYPE_CHECKING:
    from pathlib import Path

    from flows.pipeline import Outcome


def publish(outcome: Outcome) -> None:
    """Publish the run's artifacts; each key keeps its history in the UI."""
    run = outcome.run
    # Shadows have a history of their own: nobody heard of them.
    series = f"{run.kind}-shadow" if run.is_shadow else run.kind
    rows = plan.funnel(run.snapshot_dir)
    refused = reports.refusals_by_programme(run.ledger, run.run_id)
    gates = funnel.markdown(plan_changes.gates(run.snapshot_dir), refused)
    create_markdown_artifact(
        summary.markdown(outcome, rows, gates, funnel.changed(run)),
        key=f"{series}-run",
        description=f"What the {run.kind} run {run.run_id} did",
    )
    create_table_artifact(
        summary.funnel_table(rows),
        key=f"{series}-audiences",
        description="Candidates by programme, verdict and reason",
    )
    create_link_artifact(
        docs_index(run.settings.docs_dir).as_uri(),
        link_text="Data Docs: what the quality gates looked at",
        key="data-docs",
        description="On the machine that ran the flow",
    )


def publish_calibration(goal: str, page: Path, picture: str | None) -> None:
    """Publish what a calibration found of a goal: its page, and the plot where there is one."""
    key = f"weights-{goal.replace('_', '-')}"
    create_markdown_artifact(
        page.read_text(encoding="utf-8"), key=key, description=f"Weights of the goal {goal}"
    )
    if picture is not None:
        create_image_artifact(
            picture, key=f"{key}-plot", description="Expected and reached, by tenths of the people"
        )
