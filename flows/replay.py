"""Replay: build a past run again from what it knew then, and compare the plans."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from connectors.core import snapshot, warehouse
from connectors.core.clock import as_utc, iso_z
from connectors.core.errors import FixConfig
from connectors.ledger import runs
from connectors.ledger.erasures import erased_since
from flows import build, work
from flows.run import load
from flows.versions import versions

if TYPE_CHECKING:
    from connectors.core.settings import Settings
    from connectors.core.snapshot import Difference
    from flows.build import Invoke
    from flows.run import Run


@dataclass(frozen=True)
class Replayed:
    """How a replay compares: hashes, the first difference, and which versions changed since."""

    run_id: str
    original_sha256: str
    replayed_sha256: str
    difference: Difference | None
    changed: list[str]

    @property
    def is_same(self) -> bool:
        """Whether the audiences are equal, byte for byte."""
        return self.original_sha256 == self.replayed_sha256


def replay(run_id: str, invoke: Invoke) -> Replayed:
    """Build the plan of a run anew in a warehouse of its own, from the batches that it saw.

    Raises:
        FixConfig: there is no such run, or it published no plan.
        RetryLater: the warehouse's server is away.
        StopRun: a model failed.
    """
    original = load(run_id)
    row = runs.get(original.ledger, run_id)
    expected = row.audience_sha256 or _published_hash(original)
    made_of = versions(warehouse.label(original.settings))
    settings = _apart(original.settings, run_id)
    _clear(settings)
    seen = _seen(original, row)
    replay_id = runs.start(original.ledger, "replay", original.as_of, made_of, full_refresh=True)
    runs.attach_batches(original.ledger, replay_id, seen)
    again = replace(
        original, run_id=replay_id, kind="replay", full_refresh=True, has_seeds=False,
        settings=settings,
    )  # fmt: skip
    with work.recorded(again):
        _build(again, row, invoke)
        snapshot.publish(work.stage(again))
        work.complete(again, {}, {})
    result = Replayed(
        run_id,
        expected,
        snapshot.audience_sha256(again.snapshot_dir),
        _difference(original.snapshot_dir.is_dir(), original, again),
        _changed(original, row, made_of),
    )
    if result.is_same:
        _clear(settings)
    return result


def _seen(original: Run, row: runs.Run) -> list[str]:
    """The batches that it read, unless they were forgotten since."""
    seen = [batch.batch_id for batch in runs.batches_of(original.ledger, original.run_id)]
    if not seen and row.rows.get("out"):
        what = "what this run read is no longer known"
        raise FixConfig(
            what, f"run {original.run_id}", "Runs can be replayed for PARLEY_KEEP_DAYS."
        )
    return seen


def _build(again: Run, row: runs.Run, invoke: Invoke) -> None:
    """Build the plan as the original did: what it took over from its day's run is built as of then.

    Runs between two daily ones leave what to offer as the last day's run made it.
    """
    is_whole = row.kind == "daily" or row.full_refresh
    base = None if is_whole else runs.last_of_a_day(again.ledger, row)
    if base is None:
        work.transform(again, invoke)
    else:
        clock = as_utc(base.as_of)
        earlier = replace(again, as_of=clock)
        seen = runs.batches_of(again.ledger, base.run_id)
        build.build(earlier, "transform", seen, invoke)
        again = replace(again, full_refresh=False, has_seeds=True)
        seen = runs.batches_of(again.ledger, again.run_id)
        build.build(again, "transform", seen, invoke, {"last_as_of": iso_z(clock)})
    work.decide(again, invoke)


def clear_all(settings: Settings) -> None:
    """Remove everything that replays left to be looked at."""
    for folder in (settings.home / "replay").glob("*"):
        _clear(_apart(settings, folder.name))


def _apart(settings: Settings, run_id: str) -> Settings:
    """The original's settings, lake and ledger, but a home and schemas of its own to build in."""
    own = f"replay_{run_id.rpartition('-')[2]}"
    update = {
        "home": settings.home / "replay" / run_id,
        "schema_prefix": settings.schema_of(own),
    }
    return settings.model_copy(update=update)


def _clear(settings: Settings) -> None:
    """Remove everything that a replay built: its warehouse and its home."""
    warehouse.drop(settings)
    shutil.rmtree(settings.home, ignore_errors=True)


def _changed(original: Run, row: runs.Run, made_of: runs.Versions) -> list[str]:
    now = {"code": made_of.code, "seeds": made_of.seeds, "weights": made_of.weights}
    changed = [name for name, version in now.items() if getattr(row, f"{name}_version") != version]
    changed += ["engine"] if row.engine != made_of.engine else []
    # Erased people are not in either plan, but what they bought told others what is liked.
    return changed + (["who is known"] if erased_since(original.ledger, original.as_of) else [])


def _published_hash(original: Run) -> str:
    """The hash of the plan of a run that failed after it was published."""
    if not original.snapshot_dir.is_dir():
        what = "this run published no plan"
        remedy = "Choose one that did: `parley status` shows their audiences."
        raise FixConfig(what, f"run {original.run_id}", remedy)
    return snapshot.audience_sha256(original.snapshot_dir)


def _difference(is_kept: bool, original: Run, again: Run) -> Difference | None:  # noqa: FBT001
    if not is_kept:
        return None
    return snapshot.first_difference(original.snapshot_dir, again.snapshot_dir)
