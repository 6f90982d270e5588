"""Which code, seeds and weights a run is made of: hashes of the files that decide."""

from __future__ import annotations

import csv
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.ledger.runs import Versions

if TYPE_CHECKING:
    from collections.abc import Iterable

DBT_PROJECT = Path(__file__).resolve().parent.parent / "dbt_project"
# Seeds that tables built by day have taken in: to change them means to build those anew.
BUILT_IN = ("blocked_identifiers.csv", "consent_fields.csv", "identity_limits.csv")
WEIGHTS = "intent_weights.csv"


@lru_cache(maxsize=1)
def versions(engine: str) -> Versions:
    """The versions of this installation, by the contents of its files (12 hex digits each).

    `engine` is the label of the warehouse that they build.
    """
    seeds = DBT_PROJECT / "seeds"
    code = [*(DBT_PROJECT / "models").rglob("*.sql"), *(DBT_PROJECT / "macros").rglob("*.sql")]
    code += [DBT_PROJECT / "dbt_project.yml", *(seeds / name for name in BUILT_IN)]
    return Versions(
        code=_digest(code),
        seeds=_digest(seeds.glob("*.*")),
        weights=_digest([seeds / WEIGHTS]),
        engine=engine,
    )


def seed(name: str) -> list[dict[str, str]]:
    """The rows of a seed, as text."""
    with (DBT_PROJECT / "seeds" / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.relative_to(DBT_PROJECT).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
