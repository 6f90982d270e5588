"""Flow `extract`: one task a stream, then the landing gate."""

from __future__ import annotations

from prefect import State, flow, task

from connectors.core.errors import RetryLater
from flows import work
from flows.run import load


def _may_go_better(_task: object, _run: object, state: State[int]) -> bool:
    """Retry only what says of itself that it may go better later."""
    try:
        state.result()
    except RetryLater:
        return True
    except Exception:  # noqa: BLE001 - whatever else it is, repeating it won't help
        return False
    return False


@task(
    task_run_name="land {source_id}.{stream}",
    retries=2,
    retry_delay_seconds=[10, 60],
    retry_condition_fn=_may_go_better,
)
def land_stream(run_id: str, source_id: str, stream: str) -> int:
    """Land what is new in one stream; the number of rows."""
    return work.land_stream(load(run_id), source_id, stream).rows


@task
def gate_landing(run_id: str) -> int:
    """Check what landed; the number of batches that were quarantined."""
    return sum(bool(wrong) for wrong in work.gate_landing(load(run_id)).values())


@task
def take_in(run_id: str) -> int:
    """Settle which batches the run sees; how many."""
    return len(work.take_in(load(run_id)))


@flow(flow_run_name="extract {run_id}")
def extract(run_id: str) -> dict[str, int]:
    """Land every stream and check it; rows by stream."""
    landed = {
        f"{source_id}.{stream}": land_stream(run_id, source_id, stream)
        for source_id, stream in work.streams(load(run_id).settings)
    }
    gate_landing(run_id)
    take_in(run_id)
    return landed
