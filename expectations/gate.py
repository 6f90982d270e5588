"""The quality gates: run a suite on DuckDB, and say in words what failed.

Great Expectations takes seconds to import, so it is imported when the first suite runs.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from expectations import audiences, docs, landing, marts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from connectors.core.spec import Batch
    from expectations.engine import Verdict
    from expectations.rules import Check

    Run = Callable[..., Mapping[str, Verdict]]


@dataclass(frozen=True)
class GateResult:
    """What a gate says.

    `failed` has one line for each failure, in words and without values; `evaluated` counts the
    expectations that were looked at; `docs` is the index page of the Data Docs, where there is one.
    """

    passed: bool
    suite: str
    failed: list[str]
    evaluated: int
    docs: Path | None = None


def check_batches(
    batches: Sequence[Batch], lake_root: str | Path, docs_dir: Path | None = None
) -> dict[str, GateResult]:
    """Look at landed batches: the lake record's columns, keys and operations, and the manifest.

    Args:
        batches: rows of the manifest.
        lake_root: a local path or any fsspec URL.
        docs_dir: where Data Docs are written; None writes none.

    Returns:
        One result a batch, by batch_id; a batch that fails is to be quarantined.
    """
    if not batches:
        return {}
    root = str(lake_root).rstrip("/")
    checks = [landing.check(batch, f"{root}/{batch.path}") for batch in batches]
    label = max(batch.batch_id for batch in batches)
    verdicts = _run("landing", checks, docs_dir, label, root=root)
    index = docs.index_path(docs_dir) if docs_dir else None
    return {
        batch_id: GateResult(
            not verdict.failed, "landing", verdict.failed, verdict.evaluated, index
        )
        for batch_id, verdict in verdicts.items()
    }


def check_marts(staged_dir: Path, docs_dir: Path | None = None) -> GateResult:
    """Look at the marts of a staged snapshot: grains, keys, states, ranges; an empty one passes."""
    return _check_snapshot("marts", marts.checks(staged_dir), staged_dir, docs_dir)


def check_audiences(staged_dir: Path, docs_dir: Path | None = None) -> GateResult:
    """Look at the audiences of a staged snapshot; nothing may be emitted if this fails."""
    return _check_snapshot("audiences", audiences.checks(staged_dir), staged_dir, docs_dir)


def docs_index(docs_dir: Path) -> Path:
    """The page that links to the latest Data Docs of every gate."""
    return docs.index_path(docs_dir)


def _check_snapshot(
    suite: str, checks: Sequence[Check], staged_dir: Path, docs_dir: Path | None
) -> GateResult:
    label = staged_dir.name.removeprefix(".tmp-")
    verdicts = _run(suite, checks, docs_dir, label, root=str(staged_dir))
    failed = [line for verdict in verdicts.values() for line in verdict.failed]
    evaluated = sum(verdict.evaluated for verdict in verdicts.values())
    index = docs.index_path(docs_dir) if docs_dir else None
    return GateResult(not failed, suite, failed, evaluated, index)


def _run(
    suite: str, checks: Sequence[Check], docs_dir: Path | None, label: str, *, root: str
) -> Mapping[str, Verdict]:
    with _hidden("pyspark"):
        run: Run = import_module("expectations.engine").run
    if docs_dir is None:
        return run(suite, checks, label=label, root=root, site=None)
    with docs.new_site(docs_dir, suite) as site:
        verdicts = run(suite, checks, label=label, root=root, site=site)
        failed = [line for verdict in verdicts.values() for line in verdict.failed]
        docs.summarise(site, suite=suite, label=label, checks=len(checks), failed=failed)
    return verdicts


@contextmanager
def _hidden(package: str) -> Iterator[None]:
    """Keep Great Expectations from importing a package that it looks for and we don't need here.

    This one costs seconds and warns, and ends the process where there is no script (`python -c`).
    """
    loaded: dict[str, Any] = sys.modules
    is_new = loaded.setdefault(package, None) is None
    try:
        yield
    finally:
        if is_new:
            del loaded[package]
