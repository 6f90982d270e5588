"""The snapshot of a run: what it built, as Parquet that quality gates, emission and BI read.

It is written under a temporary name, checked there, and renamed when it has passed: nobody ever
sees tables of two runs, or half of one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow.parquet as pq

from connectors.core import warehouse
from connectors.core.errors import StopRun

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from connectors.core.settings import Settings
    from connectors.core.warehouse import Warehouse

MARTS: Final = "marts"
SEED_LAYER: Final = "seeds"
SEEDS: Final = ("campaigns", "contact_policy", "gates", "programmes", "reasons")
AUDIENCES: Final = ("audience_mass", "audience_triggered")
TEMPORARY: Final = ".tmp-"
FAILED: Final = ".failed-"
WITNESS: Final = "people.parquet"  # every whole snapshot has it
CHUNK_ROWS: Final = 10_000


@dataclass(frozen=True)
class Difference:
    """The first place where two plans differ, in message_key order; it shows no values."""

    table: str
    message_key: str | None
    what: str


def stage(settings: Settings, run_id: str) -> Path:
    """Write every table of `marts`, and the seeds that emission needs, as Parquet.

    The caller holds the writer's slot, so that all are of one build. They are ordered by all their
    columns, so that equal tables give equal files. Leftovers of runs that died are removed first;
    a failure leaves no more than a temporary folder for the next call to remove. The folder
    returned is `<home>/runs/.tmp-<run_id>`; give it to the gates, then to `publish`.

    Raises:
        FixConfig: there is no warehouse.
        RetryLater: another process is writing the warehouse, or its server is away.
        StopRun: a table could not be written.
    """
    remove_leftovers(settings.runs_dir)
    folder = settings.runs_dir / f"{TEMPORARY}{run_id}"
    shutil.rmtree(folder, ignore_errors=True)
    settings.runs_dir.mkdir(parents=True, exist_ok=True)
    _owner_file(folder).write_text(str(os.getpid()), encoding="utf-8")
    folder.mkdir()
    with warehouse.opened(settings, folder) as opened:
        for layer, table in _wanted(opened):
            opened.write(layer, table)
    return folder


def publish(staged: Path) -> Path:
    """Flush a staged snapshot to the disk and name it `<home>/runs/<run_id>` in one step.

    Raises:
        StopRun: this run is published already, or there is nothing staged.
    """
    target = staged.with_name(staged.name.removeprefix(TEMPORARY))
    if target == staged or not staged.is_dir():
        what = "there is no staged snapshot to publish"
        raise StopRun(what, str(staged), "Stage the run's snapshot first.")
    if target.exists():
        what = "this run's snapshot is published already"
        raise StopRun(what, str(target), "A snapshot never changes: start a new run instead.")
    for path in (*sorted(staged.iterdir()), staged):
        flush(path)
    staged.rename(target)
    flush(target.parent)
    _owner_file(staged).unlink(missing_ok=True)
    return target


def set_aside(staged: Path) -> Path:
    """Keep a staged snapshot that failed its gates, to be looked at; only the latest is kept."""
    for older in staged.parent.glob(f"{FAILED}*"):
        shutil.rmtree(older, ignore_errors=True)
    _owner_file(staged).unlink(missing_ok=True)
    return staged.rename(staged.with_name(FAILED + staged.name.removeprefix(TEMPORARY)))


def write_table(settings: Settings, table: str, folder: Path) -> Path:
    """Write one table of `marts` as it is now, such as `messages` after emission.

    Returns its Parquet file in `folder`, which is made if need be; raises as `stage` does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with warehouse.opened(settings, folder) as opened:
        return opened.write(MARTS, table)


def remove_leftovers(runs_dir: Path) -> list[str]:
    """Remove what died half-way left behind; returns the names. Folders in use are kept."""
    found = {path.with_name(path.name.removesuffix(".pid")) for path in runs_dir.glob(".tmp-*")}
    dead = sorted(folder for folder in found if not _is_alive(_owner_file(folder)))
    for folder in dead:
        shutil.rmtree(folder, ignore_errors=True)
        _owner_file(folder).unlink(missing_ok=True)
    return [folder.name for folder in dead]


def thin(runs_dir: Path, keep: int) -> int:
    """Leave of all but the newest `keep` snapshots only the audiences; how many files went.

    What is delivered after a crash, and what a replay is compared with, is an audience. Every
    other table of an old run can be had again by replaying it.
    """
    whole = [folder for folder in runs_dir.glob("[!.]*") if is_whole(folder)]
    whole.sort(key=lambda folder: ((folder / WITNESS).stat().st_mtime, folder.name))
    files = [file for folder in whole[:-keep] for file in folder.glob("*.parquet")]
    going = [file for file in files if file.stem not in AUDIENCES]
    for file in going:
        file.unlink(missing_ok=True)
    return len(going)


def is_whole(folder: Path) -> bool:
    """Whether a snapshot is there with all its tables."""
    return (folder / WITNESS).is_file()


def row_counts(folder: Path) -> dict[str, int]:
    """Rows of each table of a snapshot, from the files' metadata."""
    paths = sorted(folder.glob("*.parquet"))
    return {path.stem: pq.read_metadata(path).num_rows for path in paths}


def audience_sha256(folder: Path) -> str:
    """A hash of both audiences: the same plan has the same hash, however its files were written.

    It is the SHA-256 of one JSON line per row, columns in name order and as text, rows sorted by
    message_key. `run_id` is left out, so that a replay can be compared with its original.
    """
    digest = hashlib.sha256()
    for table in AUDIENCES:
        digest.update(f"{table}\n".encode())
        for row in _rows(folder, table):
            digest.update(json.dumps(row, ensure_ascii=False, sort_keys=True).encode())
            digest.update(b"\n")
    return digest.hexdigest()


def first_difference(folder_a: Path, folder_b: Path) -> Difference | None:
    """Where the audiences of two snapshots differ first; None when they are the same."""
    for table in AUDIENCES:
        rows_a, rows_b = _rows(folder_a, table), _rows(folder_b, table)
        while True:
            a, b = next(rows_a, None), next(rows_b, None)
            if a != b:
                return _describe(table, a or {}, b or {})
            if a is None:
                break
    return None


def _describe(table: str, a: dict[str, str | None], b: dict[str, str | None]) -> Difference:
    key_a, key_b = a.get("message_key"), b.get("message_key")
    if key_a == key_b:
        columns = sorted(
            name for name in {*a, *b} if (name in a, a.get(name)) != (name in b, b.get(name))
        )
        return Difference(table, key_a, f"differs in {', '.join(columns)}")
    if key_b is None or (key_a is not None and key_a < key_b):
        return Difference(table, key_a, "only in the first")
    return Difference(table, key_b, "only in the second")


def _rows(folder: Path, table: str) -> Iterator[dict[str, str | None]]:
    """The rows of an audience as text by column name, sorted by message_key, without run_id."""
    path = folder / f"{table}.parquet"
    if not path.is_file():
        what = "the snapshot lacks an audience"
        raise StopRun(what, str(path), "Decide again, or restore the run's folder from a backup.")
    with warehouse.scratch([folder]) as connection:
        relation = connection.read_parquet(str(path))
        # The key comes first: sorting by all columns then means by key, ties by the rest.
        names = ["message_key", *sorted({*relation.columns} - {"message_key", "run_id"})]
        # Text, because a number's or a time's Parquet type may change without its meaning.
        text = ", ".join(f'cast("{name}" as varchar) as "{name}"' for name in names)
        relation = relation.project(text).order("all")
        while rows := relation.fetchmany(CHUNK_ROWS):
            yield from (dict(zip(names, row, strict=True)) for row in rows)


def flush(path: Path) -> None:
    """Make sure that a file, or a folder's list of names, has reached the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _wanted(opened: Warehouse) -> list[tuple[str, str]]:
    marts = [(MARTS, table) for table in opened.tables(MARTS)]
    known = opened.tables(SEED_LAYER)
    missing = [seed for seed in SEEDS if seed not in known]
    if not marts or missing:
        what = f"the warehouse lacks {'seeds.' + missing[0] if missing else 'its marts'}"
        raise StopRun(what, "snapshot", "Run the transformation first.")
    return [*marts, *((SEED_LAYER, seed) for seed in SEEDS)]


def _owner_file(folder: Path) -> Path:
    """Where the process that stages `folder` leaves its id, beside it, not inside."""
    return folder.with_name(f"{folder.name}.pid")


def _is_alive(owner: Path) -> bool:
    try:
        os.kill(int(owner.read_text(encoding="utf-8")), 0)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
