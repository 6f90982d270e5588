"""Data Docs on the disk: the latest site of each gate, its last failure, and a page over them.

One site holds one run of one gate: a gate that runs every five minutes must not pile up pages.
"""

from __future__ import annotations

import html
import json
import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from connectors.core.clock import iso_z, utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SUMMARY: Final = "summary.json"
FAILED: Final = "_last_failure"

PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Quality gates</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem}}
table{{border-collapse:collapse;width:100%}}
td,th{{border-bottom:1px solid #ccc;padding:.4rem;text-align:left;vertical-align:top}}</style>
</head><body><h1>Quality gates</h1>
<table><tr><th>Gate</th><th>Checked</th><th>Run</th><th>Tables</th><th>Result</th></tr>
{rows}</table></body></html>
"""
ROW: Final = """<tr><td><a href="{folder}/index.html">{name}</a></td><td>{checked_at}</td>
<td>{label}</td><td>{checks}</td><td>{result}</td></tr>
"""


def index_path(docs_dir: Path) -> Path:
    """The page that links to the latest Data Docs of every gate."""
    return docs_dir / "index.html"


@contextmanager
def new_site(docs_dir: Path, suite: str) -> Iterator[Path]:
    """A folder to build a gate's site in; on leaving, it takes the place of the one before."""
    docs_dir.mkdir(parents=True, exist_ok=True)
    building = docs_dir / f".{suite}.{os.getpid()}.tmp"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    try:
        yield building
        if _read(building).get("failed"):
            copy = building.with_name(f"{building.name}2")
            _put(shutil.copytree(building, copy), docs_dir / f"{suite}{FAILED}")
        _put(building, docs_dir / suite)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    _write_index(docs_dir)


def summarise(site: Path, *, suite: str, label: str, checks: int, failed: Sequence[str]) -> None:
    """Leave beside the pages what the page over all sites says about this one."""
    summary = {
        "suite": suite,
        "label": label,
        "checked_at": iso_z(utc_now()),
        "checks": checks,
        "failed": list(failed),
    }
    (site / SUMMARY).write_text(json.dumps(summary, indent=2), encoding="utf-8")
    # These are megabytes, and shown by the how-to buttons only, which are off.
    for picture in site.glob("static/images/*.gif"):
        picture.unlink()


def _put(building: Path, site: Path) -> None:
    for _ in range(3):
        shutil.rmtree(site, ignore_errors=True)
        with suppress(OSError):
            building.rename(site)
            return
    # Another process keeps putting its own there: as fresh as this one.


def _read(site: Path) -> dict[str, Any]:
    try:
        summary: dict[str, Any] = json.loads((site / SUMMARY).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return summary


def _write_index(docs_dir: Path) -> None:
    sites = sorted(path.parent for path in docs_dir.glob(f"*/{SUMMARY}"))
    page = PAGE.format(rows="".join(_row(site) for site in sites))
    building = docs_dir / f".index.{os.getpid()}.tmp"
    building.write_text(page, encoding="utf-8")
    building.replace(index_path(docs_dir))


def _row(site: Path) -> str:
    summary = _read(site)
    faults = [html.escape(line) for line in summary.get("failed", [])]
    return ROW.format(
        folder=site.name,
        name=html.escape(site.name.replace("_", " ")),
        checked_at=summary.get("checked_at", ""),
        label=html.escape(str(summary.get("label", ""))),
        checks=summary.get("checks", ""),
        result="<br>".join(faults) or "passed",
    )
