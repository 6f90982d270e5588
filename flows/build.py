"""dbt, called in this process: under Prefect every node is a task, elsewhere it is quick."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Literal

from connectors.core.clock import iso_z
from connectors.core.errors import StopRun
from connectors.core.lake import Lake
from flows.versions import DBT_PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from connectors.core.spec import Batch
    from flows.run import Run

Stage = Literal["transform", "decide", "messages"]
SELECTIONS: dict[Stage, tuple[str, ...]] = {
    "transform": (
        "path:seeds",
        "path:models/staging",
        "path:models/intermediate",
        "path:models/marts",
    ),
    "decide": ("path:models/programmes", "path:models/decisions"),
    "messages": ("base_parley__messages", "stg_parley__messages", "messages"),
}


def build(
    run: Run, stage: Stage, batches: Sequence[Batch], invoke: Callable[[list[str]], None]
) -> None:
    """Build one stage of the models for a run, from exactly these batches.

    Args:
        run: the run; its clock and settings decide what is built where.
        stage: transform, decide, or messages alone.
        batches: what the run may see of the lake.
        invoke: `plainly` or what `flows.transform` passes; it runs dbt with the arguments.

    Raises:
        StopRun: a model or test failed; the message names it.
    """
    settings = run.settings
    folder = settings.home / "dbt"
    folder.mkdir(parents=True, exist_ok=True)
    # The profile reads these: the one way to tell dbt, whoever calls it.
    os.environ["PARLEY_WAREHOUSE"] = settings.warehouse
    os.environ["PARLEY_WAREHOUSE_PATH"] = str(settings.warehouse_path)
    os.environ["PARLEY_THREADS"] = str(settings.threads)
    excluded = ["unit_test"] if run.kind == "daily" else ["unit_test", "test"]
    refresh = run.full_refresh and stage != "messages"
    invoke([
        "build",
        "--project-dir", str(DBT_PROJECT),
        "--profiles-dir", str(DBT_PROJECT),
        "--target-path", str(folder / "target"),
        "--log-path", str(folder / "logs"),
        "--select", *SELECTIONS[stage],
        "--exclude-resource-type", *excluded,
        "--vars", json.dumps(_vars(run, batches)),
        *(["--full-refresh"] if refresh else []),
    ])  # fmt: skip


def plainly(args: list[str], tell: Callable[[str], None] | None = None) -> None:
    """Run dbt without Prefect; `tell` hears of each node that is done."""
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - takes seconds

    def heard(event: Any) -> None:  # noqa: ANN401 - dbt's own event type is generated
        if tell is not None and event.info.name == "LogModelResult":
            tell(event.data.node_info.node_name)

    quiet = ["--quiet", "--log-level", "none", "--log-level-file", "info"]
    result = dbtRunner(callbacks=[heard]).invoke([*args, *quiet])
    if result.success:
        return
    raise dbt_failed(failed_nodes(result) or [type(result.exception).__name__])


def failed_nodes(result: object) -> list[str]:
    """Which nodes failed, by dbt's result; none where dbt itself did."""
    nodes = getattr(getattr(result, "result", None), "results", None) or []
    return [node.node.name for node in nodes if str(node.status) in {"error", "fail"}]


def dbt_failed(names: Sequence[str]) -> StopRun:
    """The error for failed nodes. The engine's own message may quote a value: it is in the log."""
    what = f"dbt could not build {', '.join(names)}"
    remedy = "See dbt/logs/dbt.log under PARLEY_HOME, mend it, run again."
    return StopRun(what, "dbt_project", remedy)


def _vars(run: Run, batches: Sequence[Batch]) -> dict[str, Any]:
    lake = Lake(run.settings.lake_root)
    # Also of sources that are no longer read: what they brought keeps its meaning.
    spaces = {name: each.id_space for name, each in run.settings.sources.items()}
    listed = [
        {
            "batch_id": batch.batch_id,
            "vendor": batch.vendor,
            "source_id": batch.source_id,
            "id_space": spaces.get(batch.source_id, "main"),
            "stream": batch.stream,
            "path": lake.url(batch.path),
        }
        for batch in batches
    ]
    return {"as_of": iso_z(run.as_of), "run_id": run.run_id, "batches": listed}
