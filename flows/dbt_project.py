"""The dbt project as dbt reads it, kept from run to run: to read it takes longer than to run it."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from dbt.contracts.graph.manifest import Manifest

# What dbt writes into a project, and what is of no project.
NOT_READ = {"target", "logs", "dbt_packages", "__pycache__"}
# Of these nothing stands in what was read: the file's name alone is part of names.
PATH, THREADS = "PARLEY_WAREHOUSE_PATH", "PARLEY_THREADS"


def kept(folder: Path, key: str, parse: Callable[[], Manifest]) -> Manifest:
    """What was read for this key before, else what `parse` reads now; it is kept in `folder`."""
    from dbt.contracts.graph.manifest import Manifest as Read  # noqa: PLC0415 - takes seconds

    place = folder / f"project-{key}.msgpack"
    try:
        return Read.from_msgpack(place.read_bytes())
    except (OSError, ValueError, LookupError, TypeError):
        manifest = parse()
    folder.mkdir(parents=True, exist_ok=True)
    for older in folder.glob("project-*.msgpack"):
        older.unlink(missing_ok=True)
    writing = folder / f"writing-{os.getpid()}"
    writing.write_bytes(manifest.to_msgpack())
    writing.replace(place)
    return manifest


@lru_cache(maxsize=8)
def key_of(project: Path, environment: frozenset[tuple[str, str]]) -> str:
    """A hash of everything that decides what dbt reads: its files, the target, dbt itself."""
    told = {name: value for name, value in environment if name != THREADS}
    if PATH in told:
        told[PATH] = Path(told[PATH]).stem
    digest = hashlib.sha256(repr(sorted(told.items())).encode())
    installed = {(each.name, each.version) for each in distributions()}
    digest.update(repr(sorted(each for each in installed if each[0].startswith("dbt"))).encode())
    for path in sorted(project.rglob("*")):
        place = path.relative_to(project)
        if path.is_file() and not NOT_READ.intersection(place.parts):
            digest.update(place.as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
