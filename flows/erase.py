"""Erase people: first they are refused, then everything of theirs goes, then it is certified.

Each step can be done again. What was found is written down before anything goes, so that whoever
comes after a crash - the next `parley erase`, or the next run - goes on where it stopped.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from connectors.core import snapshot, warehouse
from connectors.core.clock import parse_as_of
from connectors.core.erasure import files
from connectors.core.erasure.request import Request, apart, folder_of, pending
from connectors.core.erasure.rewriting import rewrite
from connectors.core.erasure.staged import wait_for_staged
from connectors.core.erasure.tables import Folder, Marks
from connectors.core.lake import Lake
from connectors.core.settings import Settings
from connectors.destinations import bi
from connectors.ledger import erasures
from connectors.ledger.leases import no_emission
from connectors.ledger.manifest import LedgerManifest
from flows import certificate, holdings, replay
from flows.run import default_as_of, ledger_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from flows.build import Invoke

    Told = Callable[[str], AbstractContextManager[Callable[[str, int], None]]]

STAGED_SECONDS: Final = 600


@contextmanager
def untold(_step: str) -> Iterator[Callable[[str, int], None]]:
    """Tell nobody."""
    yield lambda _what, _rows: None


def look(
    settings: Settings, who: Sequence[str], invoke: Invoke, as_of: str | None, told: Told = untold
) -> Request:
    """What erasing these people would remove; nothing is changed. The caller holds the slot.

    Raises:
        FixConfig: nobody is known by one of them; which, is not said.
    """
    with told("bring the warehouse up to date"):
        holdings.bring_up_to_date(settings, invoke)
    sought = holdings.find(settings, who)
    request = Request(parse_as_of(as_of) if as_of else default_as_of(settings), sought)
    with told("look through the lake") as progress:
        request.found = holdings.scan(settings, sought, lambda rows: progress("rows", rows))
    request.add("lake", request.found.records)
    request.add("lake, of others", request.found.redacted)
    ledger = ledger_of(settings)
    own = {*sought.nodes} - request.found.shared
    rows = erasures.messages_of(ledger, own, sought.people)
    request.message_keys = {row["message_key"] for row in rows}
    request.sent = holdings.sent_by(rows)
    request.add("ledger", {"messages": len(rows)})
    request.marks = Marks(
        {*sought.nodes, *sought.people, *request.message_keys}, {*request.found.spellings}
    )
    with told("look through runs and files"):
        _look_at_runs(settings, request)
        _look_at_files(settings, request)
    return request


def _look_at_runs(settings: Settings, request: Request) -> None:
    for folder in _run_folders(settings):
        counts = Folder(folder, request.marks).counts()
        request.add("runs", counts)
        if {*snapshot.AUDIENCES} & {*counts}:
            request.runs.add(folder.name)


def _look_at_files(settings: Settings, request: Request) -> None:
    for file in files.handed_out(settings.out_dir):
        rows = files.count(file, request.marks)
        if rows:
            request.add("files out", {file.suffix.removeprefix("."): rows})


def carry_out(settings: Settings, request: Request, invoke: Invoke, told: Told = untold) -> Path:
    """Do what is left to do of a request; the certificate's path. The caller holds the slot.

    Raises:
        RetryLater: something is in use; what was done stays done.
        StopRun: the models could not be built from what is left.
    """
    request.save(settings)
    ledger = ledger_of(settings)
    wait_for_staged(settings.runs_dir, STAGED_SECONDS)
    with no_emission(ledger):
        for name, step in STEPS.items():
            if name not in request.done:
                with told(name):
                    step(settings, request)
                request.done.append(name)
                request.save(settings)
    with told("build the warehouse anew"):
        _build_anew(settings, request, invoke)
    path = certificate.write(settings, request)
    request.forget(settings)
    return path


def resume(settings: Settings, invoke: Invoke, told: Told = untold) -> list[Path]:
    """Carry out what was begun and not finished; certificates. The caller holds the slot."""
    return [carry_out(settings, request, invoke, told) for request in pending(settings)]


def _refuse(settings: Settings, request: Request) -> None:
    nodes = [
        erasures.ErasedNode(node, type_, node in request.found.shared)
        for node, type_ in sorted(request.sought.nodes.items())
    ]
    erasures.refuse(ledger_of(settings), request.request_id, nodes, request.as_of)


def _clear_lake(settings: Settings, request: Request) -> None:
    lake, manifest = Lake(settings.lake_root), LedgerManifest(ledger_of(settings))
    concerned = {*request.found.remove, *request.found.redact}
    for file in holdings.files_of(settings):
        if file.path in concerned:
            batch = rewrite(lake, file, request.found, request.sought, settings)
            if batch is not None:
                manifest.note_rewritten(batch)
    lake.remove_unfinished()


def _clear_runs(settings: Settings, request: Request) -> None:
    ledger = ledger_of(settings)
    for folder in _run_folders(settings):
        Folder(folder, request.marks).clear()
        if folder.name in request.runs and not folder.name.startswith("."):
            erasures.note_audience(ledger, folder.name, snapshot.audience_sha256(folder))


def _clear_files(settings: Settings, request: Request) -> None:
    for file in files.handed_out(settings.out_dir):
        if files.count(file, request.marks):
            files.clear(file, request.marks)
    files.remove_proofs(settings.out_dir, settings.preview_dir)
    shutil.rmtree(settings.tests_dir, ignore_errors=True)  # copies do not say whose they were


def _clear_ledger(settings: Settings, request: Request) -> None:
    ledger = ledger_of(settings)
    own = {*request.sought.nodes} - request.found.shared
    erasures.forget(ledger, request.message_keys, own, request.found.gone)
    erasures.scrub(ledger)


def _clear_bi(settings: Settings, request: Request) -> None:
    with apart(settings) as folder:
        if bi.unpack(settings.bi_path, folder):
            Folder(folder, request.marks).clear()
            bi.publish(folder, settings.bi_path)


def _clear_rest(settings: Settings, _request: Request) -> None:
    """What can be made again, or was only there to be looked at: replays, dbt's files and logs."""
    replay.clear_all(settings)
    shutil.rmtree(settings.home / "dbt", ignore_errors=True)


def _build_anew(settings: Settings, request: Request, invoke: Invoke) -> None:
    """Drop the warehouse and build it from what the lake holds now.

    Freed blocks and logs keep what was deleted, so the whole file goes. Rows that no build from
    scratch can make are carried over; a build that died is begun again with those.
    """
    kept = folder_of(settings) / ".kept"
    if not kept.is_dir():
        _keep(settings, request, kept)
    warehouse.drop(settings)
    for layer, table in holdings.KEPT:
        file = kept / f"{table}.parquet"
        if file.is_file():
            warehouse.restore(settings, layer, file)
    clock = holdings.newest(settings)
    if clock is not None:
        holdings.rebuild(settings, clock, invoke)
    shutil.rmtree(kept)


def _keep(settings: Settings, request: Request, kept: Path) -> None:
    with apart(settings) as folder:
        whole = folder / kept.name
        whole.mkdir()
        if warehouse.exists(settings):
            with warehouse.opened(settings, whole) as opened:
                for layer, table in holdings.KEPT:
                    if table in opened.tables(layer):
                        opened.write(layer, table)
            Folder(whole, request.marks).clear()
        whole.rename(kept)


def _run_folders(settings: Settings) -> list[Path]:
    """Snapshots of runs, whole ones first: their keys find rows in those that were thinned."""
    found = [path for path in settings.runs_dir.glob("*") if path.is_dir()]
    return sorted(found, key=lambda path: (not snapshot.is_whole(path), path.name))


# In this order: who is refused cannot be written to while the rest goes.
STEPS: Final[dict[str, Callable[[Settings, Request], None]]] = {
    "refuse them from now on": _refuse,
    "clear the lake": _clear_lake,
    "clear the runs": _clear_runs,
    "clear files that went out": _clear_files,
    "clear the ledger": _clear_ledger,
    "clear the BI copy": _clear_bi,
    "clear replays and logs": _clear_rest,
}
