"""What a person opens in the Prefect UI after a run: its summary, its audiences, Data Docs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_table_artifact,
)

from connectors.core import plan
from expectations.gate import docs_index
from flows import summary

if TYPE_CHECKING:
    from flows.pipeline import Outcome


def publish(outcome: Outcome) -> None:
    """Publish the run's artifacts; each key keeps its history in the UI."""
    run = outcome.run
    funnel = plan.funnel(run.snapshot_dir)
    create_markdown_artifact(
        summary.markdown(outcome, funnel),
        key=f"{run.kind}-run",
        description=f"What the {run.kind} run {run.run_id} did",
    )
    create_table_artifact(
        summary.funnel_table(funnel),
        key=f"{run.kind}-audiences",
        description="Candidates by programme, verdict and reason",
    )
    create_link_artifact(
        docs_index(run.settings.docs_dir).as_uri(),
        link_text="Data Docs: what the quality gates looked at",
        key="data-docs",
        description="On the machine that ran the flow",
    )
