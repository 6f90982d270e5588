"""dbt, called in this process; under Prefect what it builds is shown as tasks.

The project is parsed once a process. A run's clock and batches are given when it is built: given
while parsing, they would make dbt parse all of it anew for each.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from connectors.core import warehouse
from connectors.core.clock import iso_z
from connectors.core.errors import StopRun
from connectors.core.lake import Lake
from connectors.core.settings import OWN_VENDOR
from flows import dbt_project
from flows.run import last_clock
from flows.versions import DBT_PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from dbt.contracts.graph.manifest import Manifest

    from connectors.core.spec import Batch
    from flows.run import Run

    Invoke = Callable[[list[str], Manifest], None]

Stage = Literal["transform", "decide", "messages", "calibrate", "what_if"]
QUIET = ("--quiet", "--log-level", "none", "--log-level-file", "info", "--no-write-json")
STAGING = "path:models/staging"
STAGED_VENDORS = DBT_PROJECT / "models/staging"
# What reads the staging of all vendors: views.
UNIONS = "int_*_versions"
REJECTS = "rejects"
# What to offer is compared among all people and things, and changes by the day: the runs in between
# leave it as the day's run made it.
BY_DAILY_RUNS = ("int_item_*", "int_recommend_*", "recommendations")
SELECTIONS: dict[Stage, tuple[str, ...]] = {
    "transform": (
        "path:seeds",
        "path:models/intermediate",
        "path:models/segments",
        "path:models/marts",
    ),
    "decide": ("path:models/programmes", "path:models/decisions"),
    "messages": ("stg_parley__messages", "messages"),
    "calibrate": ("path:models/calibration",),
    # The plan, and what else reads the seeds that may be asked about.
    "what_if": ("programmes+", "programme_steps+", "contact_policy+"),
}


def build(
    run: Run,
    stage: Stage,
    batches: Sequence[Batch],
    invoke: Invoke,
    asked: Mapping[str, Any] | None = None,
) -> None:
    """Build one stage of the models for a run, from exactly these batches.

    Args:
        run: the run; its clock and settings decide what is built where.
        stage: transform, decide, messages alone, what is learned from, or what a seed changes.
        batches: what the run may see of the lake.
        invoke: `plainly` or what `flows.transform` passes; it runs dbt with the arguments, on the
            project as it was parsed.
        asked: variables of the stage's own.

    Raises:
        StopRun: a model or test failed; the message names it.
        RetryLater: the warehouse's server is away.
    """
    # The profile reads these: the one way to tell dbt, whoever calls it.
    environment = warehouse.dbt_environment(run.settings)
    os.environ.update(environment)
    places = _places(run)
    excluded = ["unit_test"] if run.kind == "daily" else ["unit_test", "test"]
    if run.has_seeds:
        excluded.append("seed")
    refresh = run.full_refresh and stage != "messages"
    fresh = _fresh(run, batches)
    arguments = [
        "build",
        *places,
        *_selection(run, stage, batches, fresh),
        "--exclude-resource-type", *excluded,
        "--vars", json.dumps({**_vars(run, batches, fresh), **(asked or {})}),
        *(["--full-refresh"] if refresh else []),
    ]  # fmt: skip
    try:
        invoke(arguments, _parsed(places, frozenset(environment.items())))
    finally:
        warehouse.release(run.settings)


def _places(run: Run) -> tuple[str, ...]:
    folder = run.settings.home / "dbt"
    return (
        "--project-dir", str(DBT_PROJECT),
        "--profiles-dir", str(DBT_PROJECT),
        "--target-path", str(folder / "target"),
        "--log-path", str(folder / "logs"),
    )  # fmt: skip


@lru_cache(maxsize=8)
def _parsed(places: tuple[str, ...], environment: frozenset[tuple[str, str]]) -> Manifest:
    """The project as dbt reads it, for one target."""

    def parse() -> Manifest:
        from dbt.cli.main import dbtRunner  # noqa: PLC0415 - takes seconds

        result = dbtRunner().invoke(["parse", *places, *QUIET])
        if not result.success:
            raise dbt_failed(["the project"])
        return cast("Manifest", result.result)

    target = Path(places[places.index("--target-path") + 1])
    return dbt_project.kept(target, dbt_project.key_of(DBT_PROJECT, environment), parse)


def plainly(
    args: list[str], manifest: Manifest, *, tell: Callable[[str], None] | None = None
) -> None:
    """Run dbt without Prefect; `tell` hears of each node that is done."""
    from dbt.cli.main import dbtRunner  # noqa: PLC0415 - takes seconds

    def heard(event: Any) -> None:  # noqa: ANN401 - dbt's own event type is generated
        if tell is not None and event.info.name == "LogModelResult":
            tell(event.data.node_info.node_name)

    result = dbtRunner(manifest, callbacks=[heard]).invoke([*args, *QUIET])
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


def _fresh(run: Run, batches: Sequence[Batch]) -> list[Batch]:
    """The batches that the warehouse has not taken in."""
    applied = set() if run.full_refresh else warehouse.applied_batches(run.settings)
    return [batch for batch in batches if batch.batch_id not in applied]


def _selection(
    run: Run, stage: Stage, batches: Sequence[Batch], fresh: Sequence[Batch]
) -> list[str]:
    """What dbt has to build; of staging, the vendors with batches that are new to its tables."""
    if stage != "transform":
        return ["--select", *SELECTIONS[stage]]
    staged = _vendors(fresh)
    if run.full_refresh:
        staged.add(OWN_VENDOR)  # what is joined everywhere is there, if empty
    folders = [f"{STAGING}/{vendor}" for vendor in sorted(staged)]
    chosen = ["--select", *SELECTIONS[stage], *folders]
    # A vendor's first batch adds it to the views; else they change with the code alone.
    news = {batch.batch_id for batch in fresh}
    before = _vendors(batch for batch in batches if batch.batch_id not in news)
    left_out = [] if run.full_refresh or run.kind == "daily" else [*BY_DAILY_RUNS]
    if not run.full_refresh and staged <= before:
        left_out.append(UNIONS)
    else:
        chosen.append(REJECTS)
    return [*chosen, *(["--exclude", *left_out] if left_out else [])]


def _vendors(batches: Iterable[Batch]) -> set[str]:
    """Whose models the batches are for."""
    vendors = {batch.vendor for batch in batches}
    return {vendor for vendor in vendors if (STAGED_VENDORS / vendor).is_dir()}


def _vars(run: Run, batches: Sequence[Batch], fresh: Sequence[Batch]) -> dict[str, Any]:
    """What the models are told: the clock, the run, and the batches that they may have to read.

    Those are the fresh ones, with all others of the days on which they landed: some engines write
    a day of landing as a whole.
    """
    lake = Lake(run.settings.lake_root)
    days = {batch.landed_at.date() for batch in fresh}
    # Also of sources that are no longer read: what they brought keeps its meaning.
    spaces = {name: each.id_space for name, each in run.settings.sources.items()}
    listed = [
        {
            "batch_id": batch.batch_id,
            "vendor": batch.vendor,
            "source_id": batch.source_id,
            "id_space": spaces.get(batch.source_id, "main"),
            "stream": batch.stream,
            "landed_at": iso_z(batch.landed_at),
            "path": lake.url(batch.path),
        }
        for batch in batches
        if batch.landed_at.date() in days
    ]
    vendors = sorted({OWN_VENDOR, *_vendors(batches)})
    last = last_clock(run)
    told = {
        "as_of": iso_z(run.as_of),
        "run_id": run.run_id,
        "last_as_of": iso_z(last) if last else "",
    }
    named = ("fuzzy_identity", "default_language")
    asked = {name: getattr(run.settings, name) for name in named}
    return {**told, **asked, "vendors": vendors, "batches": listed}
