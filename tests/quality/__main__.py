"""`python -m tests.quality`: measures part after part, shows the table and writes the report."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from tests.quality.report import ROOT, Row, as_markdown, as_table

# Each is a module here with `rows(home)`, which measures in that folder.
PARTS = ("identity",)
REPORT = ROOT / "var" / "quality" / "report.md"
# Whoever runs this may have a Parley of their own: nothing of it is read or written.
FOREIGN = ("PARLEY_", "PREFECT_", "DBT_")


def main(arguments: Sequence[str] | None = None, report: Path = REPORT) -> int:
    """Measure; 1 where a goal is missed or a part failed."""
    parser = argparse.ArgumentParser(prog="make quality", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of: {', '.join(PARTS)}")
    asked = parser.parse_args(arguments).parts or PARTS
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        del os.environ[name]
    with TemporaryDirectory(prefix="parley-quality-") as home:
        # A .env in the folder where we were called would be read, too.
        os.chdir(home)
        rows = [row for part in asked for row in _measured(part, Path(home) / part)]
        os.chdir(ROOT)
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(as_markdown(rows), encoding="utf-8")
    Console().print(as_table(rows))
    print(f"Report: {report}")
    return int(any(row.met is False for row in rows))


def _measured(part: str, home: Path) -> list[Row]:
    """A part's rows; one that fails must not hide the others."""
    try:
        home.mkdir(parents=True)
        found: list[Row] = importlib.import_module(f"tests.quality.{part}").rows(home)
    except Exception as error:  # noqa: BLE001 - shown as a row
        traceback.print_exc()
        return [Row(part, f"failed: {type(error).__name__}", met=False)]
    return found


if __name__ == "__main__":
    sys.exit(main())
