"""The verbs of a run as plain functions: each takes the run and does one thing, Prefect or not."""

from __future__ import annotations

import logging
import shutil
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from connectors.core import live, plan, registry, snapshot
from connectors.core.clock import iso_z, utc_now
from connectors.core.errors import FixConfig, StopRun
from connectors.core.lake import Lake
from connectors.core.landing import Landed, Progress, land
from connectors.core.settings import LEDGER_SOURCE
from connectors.destinations import bi
from connectors.ledger import reports, runs
from connectors.ledger.emission.budgets import Pace
from connectors.ledger.emission.outbox import EmitResult, emit
from connectors.ledger.manifest import LedgerManifest
from expectations.gate import GateResult, check_audiences, check_batches, check_marts
from flows import build, copies
from flows.run import ledger_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from connectors.core.settings import Settings
    from connectors.core.spec import Batch
    from flows.build import Invoke
    from flows.run import Run, Slice

log = logging.getLogger("parley")


@contextmanager
def recorded(run: Run) -> Iterator[None]:
    """Write down how the run ends: failed, stopped by a gate, or (by `complete`) completed."""
    try:
        yield
    except StopRun:
        runs.finish(run.ledger, run.run_id, "stopped")
        raise
    except BaseException:
        runs.finish(run.ledger, run.run_id, "failed")
        raise


def streams(settings: Settings) -> list[tuple[str, str]]:
    """All (source_id, stream) that a run reads; the ledger's messages flow back like any other."""
    connected = {name: source.vendor for name, source in settings.connected_sources().items()}
    connected[LEDGER_SOURCE] = settings.source(LEDGER_SOURCE).vendor
    return [
        (source_id, stream.name)
        for source_id, vendor in connected.items()
        for stream in registry.source(vendor).streams
    ]


def land_stream(run: Run, source_id: str, stream: str, progress: Progress | None = None) -> Landed:
    """Extract what is new in one stream up to the run's clock, and land it."""
    source = run.settings.source(source_id)
    spec = registry.source(source.vendor)
    for problem in registry.misplaced(spec, source):
        raise FixConfig(problem.what, f"source {source_id}", problem.remedy)
    manifest, lake = LedgerManifest(run.ledger), Lake(run.settings.lake_root)
    landed = land(
        spec, spec.stream(stream), source_id, run.settings, manifest, lake, run.as_of, progress
    )
    log.info("landed %s rows of %s.%s", landed.rows, source_id, stream)
    if landed.kept_out:
        told = landed.kept_out, source_id, stream
        log.info("%s records of people who were erased stayed out of %s.%s", *told)
    return landed


def gate_landing(run: Run) -> dict[str, list[str]]:
    """Check the batches that no gate has seen; those that fail are quarantined, and it is said.

    Returns what is wrong with each batch, in words; nothing for one that passed.
    """
    manifest, lake = LedgerManifest(run.ledger), Lake(run.settings.lake_root)
    batches = manifest.unchecked()
    results = check_batches(batches, run.settings.lake_root, run.settings.docs_dir)
    wrong = {
        batch.batch_id: results[batch.batch_id].failed
        + ([] if lake.is_intact(batch) else ["its bytes are not those that were landed"])
        for batch in batches
    }
    manifest.mark_checked([batch_id for batch_id, words in wrong.items() if not words])
    for batch_id, words in wrong.items():
        if words:
            why = "; ".join(words)
            manifest.quarantine(batch_id, why)
            log.warning(
                "batch %s is quarantined: %s. `parley release %s` lets it in.",
                batch_id, why, batch_id,
            )  # fmt: skip
    return wrong


def release(settings: Settings, batch_id: str) -> None:
    """Let a quarantined batch in.

    Raises:
        FixConfig: it is unknown, was never withheld, or its file is gone.
    """
    manifest, lake = LedgerManifest(ledger_of(settings)), Lake(settings.lake_root)
    withheld = {batch.batch_id: batch.path for batch, _ in manifest.quarantined()}
    path = withheld.get(batch_id)
    if path and not lake.has(path):
        what = "its file is gone; every run that read it would fail"
        raise FixConfig(what, f"batch {batch_id}", f"Put {path} back into the lake, then release.")
    manifest.release(batch_id)


def take_in(run: Run) -> list[Batch]:
    """Settle which batches the run sees: landed by its clock, checked, not quarantined."""
    batches = LedgerManifest(run.ledger).visible(run.as_of)
    runs.attach_batches(run.ledger, run.run_id, [batch.batch_id for batch in batches])
    return batches


def transform(run: Run, invoke: Invoke, asked: Mapping[str, str] | None = None) -> None:
    """Build staging to marts from the run's batches; `asked` are variables of the models."""
    build.build(run, "transform", runs.batches_of(run.ledger, run.run_id), invoke, asked)


def decide(run: Run, invoke: Invoke) -> None:
    """Build candidates, gates, decisions and audiences: triggered and mass in one plan."""
    build.build(run, "decide", runs.batches_of(run.ledger, run.run_id), invoke)


def stage(run: Run) -> Path:
    """Write the run's tables as Parquet under a temporary name."""
    return snapshot.stage(run.settings, run.run_id)


def gate_snapshot(run: Run, staged: Path) -> list[GateResult]:
    """Check marts and audiences as staged. Raises `StopRun` on a failure: nothing is emitted."""
    docs = run.settings.docs_dir
    results = [check_marts(staged, docs), check_audiences(staged, docs)]
    failed = [f"{result.suite}: {line}" for result in results for line in result.failed]
    if failed:
        what = f"the {'; the '.join(failed)}. Nothing was published or sent"
        kept = snapshot.set_aside(staged)
        remedy = "Mend the cause and run again; the tables kept there show the rows."
        raise StopRun(what, str(kept), remedy)
    return results


def emit_slice(run: Run, audience: Slice, at: datetime | None = None) -> EmitResult:
    """Reserve and deliver one slice of the plan; times in the ledger are the run's clock, or `at`.

    In test mode a few copies go to the test address instead.
    """
    if run.settings.test_address:
        return copies.send(run, audience)
    # Also those that a dead run was sending to: only they can tell what arrived.
    # One that is no longer there can't, and must not hold up the others.
    still_open = {*reports.open_destinations(run.ledger)} & {*registry.known_destinations()}
    wanted = {*plan.destinations(run.snapshot_dir), *still_open}
    made = live.destinations(run.settings, wanted, live=run.is_live)

    def clock() -> datetime:
        return at or run.as_of

    def late() -> timedelta:
        # What people get must not come too late, whatever clock it was planned by; a file may be of
        # another day, and is the same however long it took.
        return utc_now() - clock() if run.is_live else timedelta()

    pace = Pace(late=late)
    result = emit(run.ledger, run.snapshot_dir, run.run_id, audience, made, clock=clock, pace=pace)
    log.info("emitted %s: %s", audience, result)
    return result


def refresh_messages(run: Run, invoke: Invoke) -> Path:
    """Let what the ledger did flow back: land it, build `messages`, write them to a file."""
    land_stream(run, LEDGER_SOURCE, "messages")
    gate_landing(run)
    build.build(run, "messages", LedgerManifest(run.ledger).visible(run.as_of), invoke)
    outcome = run.snapshot_dir.with_name(f"{run.run_id}.outcome")
    shutil.rmtree(outcome, ignore_errors=True)
    return snapshot.write_table(run.settings, "messages", outcome)


def publish_bi(run: Run, messages: Path) -> Mapping[str, int]:
    """Swap in the BI copy: the run's snapshot, with `messages` as they are after emission.

    A run that a later one has overtaken leaves the later one's copy; the caller holds the slot.
    """
    try:
        latest = runs.last_completed(run.ledger)
        if latest and latest.started_at > runs.get(run.ledger, run.run_id).started_at:
            log.info("run %s came later and is published: the BI copy stays", latest.run_id)
            return snapshot.row_counts(run.snapshot_dir)
        return bi.publish(run.snapshot_dir, run.settings.bi_path, {"messages": messages})
    finally:
        shutil.rmtree(messages.parent, ignore_errors=True)


def complete(run: Run, rows_in: Mapping[str, int], rows_out: Mapping[str, int]) -> None:
    """Write down that the run completed, its rows and the hash of its plan."""
    rows = {"in": dict(rows_in), "out": dict(rows_out)}
    digest = snapshot.audience_sha256(run.snapshot_dir)
    runs.finish(run.ledger, run.run_id, "completed", rows, digest)
    snapshot.thin(run.settings.runs_dir, run.settings.keep_runs)
    log.info("run %s completed at %s", run.run_id, iso_z(run.as_of))
