"""Tasks after the plan: check and publish it, send its slices, let the ledger's word flow back."""

from __future__ import annotations

from pathlib import Path

from prefect import task

from connectors.core import snapshot
from connectors.ledger.emission.outbox import EmitResult
from flows import work
from flows.run import Slice, load
from flows.transform import as_tasks


@task
def publish(run_id: str, staged: str) -> str:
    """Check the staged snapshot and give it its name; where it is."""
    run = load(run_id)
    work.gate_snapshot(run, Path(staged))
    return str(snapshot.publish(Path(staged)))


@task(task_run_name="emit {audience}")
def emit(run_id: str, audience: Slice, *, live: bool = False) -> EmitResult:
    """Reserve and deliver one slice; what became of its messages."""
    return work.emit_slice(load(run_id, live=live), audience)


@task
def refresh_messages(run_id: str) -> str:
    """Land the ledger's messages and build them anew; the file that holds them."""
    return str(work.refresh_messages(load(run_id), as_tasks))
