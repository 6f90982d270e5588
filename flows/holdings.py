"""Everything that is held of a person: looked up once, for `erase` and for `export-person`."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from connectors.core import snapshot, warehouse
from connectors.core.clock import as_utc
from connectors.core.erasure import people
from connectors.core.erasure.request import apart
from connectors.core.erasure.scan import Scan
from connectors.core.erasure.sought import Guards, lake_files
from connectors.core.errors import FixConfig
from connectors.core.lake import Lake
from connectors.core.settings import OWN_VENDOR
from connectors.ledger import erasures, runs
from connectors.ledger.manifest import LedgerManifest
from connectors.ledger.models import WENT_OUT
from flows import build
from flows.run import Run, ledger_of, rebuild_reason
from flows.versions import seed, versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from connectors.core.erasure.sought import Found, LakeFile, Sought
    from connectors.core.settings import Settings
    from flows.build import Invoke

# Rows of this table can be had from nowhere else: no build from scratch may lose them.
KEPT = (("intermediate", "int_identity_changes"),)


def find(settings: Settings, who: Sequence[str]) -> Sought:
    """The people of these addresses or ids; the caller holds the writer's slot.

    Raises:
        FixConfig: nobody is known by one of them; which, is not said.
    """
    with table_of_people(settings) as now:
        sought = people.find(now, who, settings)
        own = sorted({*sought.nodes} - sought.nobodys)
        told = erasures.messages_of(ledger_of(settings), own, ())
        snapshots = sorted(settings.runs_dir.glob("[!.]*"))
        names = people.earlier_names(now, snapshots, own, {row["person_id"] for row in told})
    return replace(sought, people=sought.people | names)


def files_of(settings: Settings) -> list[LakeFile]:
    """Every file of the lake."""
    return lake_files(Lake(settings.lake_root), LedgerManifest(ledger_of(settings)).every())


def scan(settings: Settings, sought: Sought, tell: Callable[[int], None]) -> Found:
    """What the lake holds of them.

    Raises:
        FixConfig: there is nothing, neither there nor in the ledger, or hashes alone.
    """
    lake = Lake(settings.lake_root)
    found = Scan(settings, lake, files_of(settings), sought, guards(), tell).run()
    if found.remove or found.redact or sought.people:
        return found
    ledger = ledger_of(settings)
    if {*sought.nodes} <= {*LedgerManifest(ledger).erased()}:
        what = "whoever this is was erased before: hashes alone are held, so that they stay out"
        raise FixConfig(what, "person", "There is nothing left to do; see erasures/.")
    if not erasures.suppressions_of(ledger, [*sought.nodes]):
        what = "nobody is known by this address"
        raise FixConfig(what, "person", "Check the spelling; there is nothing of theirs here.")
    return found


@contextmanager
def table_of_people(settings: Settings) -> Iterator[Path]:
    """A folder with the table `people_nodes` as it is now; empty before the first run."""
    with apart(settings) as folder:
        with warehouse.opened(settings, folder) as opened:
            opened.write(snapshot.MARTS, "people_nodes")
        yield folder


def bring_up_to_date(settings: Settings, invoke: Invoke) -> None:
    """Let the warehouse take in what has landed, or build it where it is gone or of older models.

    Who is one person is known by the models alone.

    Raises:
        FixConfig: nothing ever landed.
        StopRun: a model failed.
    """
    ledger, clock = ledger_of(settings), newest(settings)
    if clock is None:
        what = "nothing has landed yet: nobody is known"
        raise FixConfig(what, str(settings.home), "Run `parley run daily` first.")
    made_of = versions(warehouse.label(settings))
    from_scratch = not warehouse.exists(settings) or rebuild_reason(ledger, clock, made_of)
    applied = set() if from_scratch else warehouse.applied_batches(settings)
    batches = LedgerManifest(ledger).visible(clock)
    # What the ledger tells joins nobody to anybody.
    news = [b for b in batches if b.vendor != OWN_VENDOR and b.batch_id not in applied]
    if from_scratch or news:
        rebuild(settings, clock, invoke, full_refresh=bool(from_scratch))


def rebuild(
    settings: Settings, clock: datetime, invoke: Invoke, *, full_refresh: bool = True
) -> None:
    """Build staging to marts from what may be seen at a clock; no plan is made."""
    batches = LedgerManifest(ledger_of(settings)).visible(clock)
    run = Run("erasure", "triggered", clock, full_refresh, settings)
    build.build(run, "transform", batches, invoke)


def newest(settings: Settings) -> datetime | None:
    """The clock that the warehouse stands at: of the newest run, else of the newest batch."""
    ledger = ledger_of(settings)
    ran = [as_utc(run.as_of) for run in runs.recent(ledger, 100) if run.kind != "replay"]
    landed = [as_utc(batch.landed_at) for batch in LedgerManifest(ledger).every()]
    return max(ran or landed, default=None) if landed else None


def guards() -> Guards:
    """What the seeds say of identity."""
    limits = {
        (row["node_type"], row["other_type"]): int(row["max_links"])
        for row in seed("identity_limits")
    }
    blocked = {(r["identifier_type"], r["value"].lower()) for r in seed("blocked_identifiers")}
    return Guards(limits, frozenset(blocked))


def sent_by(rows: list[dict[str, str]]) -> Counter[str]:
    """How many messages may have left, by destination."""
    return Counter(row["destination"] for row in rows if row["state"] in WENT_OUT)
