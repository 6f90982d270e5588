"""`python -m tests.bench`: measures part after part, shows the table and writes the report."""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tests.bench.report import ROOT, Row, as_markdown, as_table, facts

PARTS = (
    *("land", "build", "increment", "latency"),
    *("emit", "ledger_rows", "mail", "orchestration"),
)
# Whoever runs this may have a Parley of their own: nothing of it is read or written.
FOREIGN = ("PARLEY_", "PREFECT_", "DBT_")


def main(arguments: Sequence[str] | None = None, home: Path = ROOT / "var" / "bench") -> int:
    """Measure; 0 also where goals are missed, 1 where a part failed."""
    asked = _asked(arguments)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        del os.environ[name]
    # A .env in the folder where we were called would be read, too.
    os.chdir(home)
    console, rows, failed = Console(stderr=True), [], []
    for part in asked.only:
        began = time.monotonic()
        try:
            rows += importlib.import_module(f"tests.bench.{part}").rows(asked.scale, home / part)
        except Exception as error:  # noqa: BLE001 - one part that fails must not hide the others
            traceback.print_exc()
            failed.append(part)
            rows.append(Row(part, "failed", "", None, "", None, notes=[_said(error)]))
        console.print(f"[dim]{part}: {time.monotonic() - began:.0f} s[/]")
    _report(rows, failed, asked.scale, home)
    return 1 if failed else 0


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="size of the data; 1 is default")
    parser.add_argument("--only", type=_parts, default=list(PARTS), help="some, like land,emit")
    return parser.parse_args(arguments)


def _parts(text: str) -> list[str]:
    wanted = text.split(",")
    if unknown := set(wanted) - set(PARTS):
        message = f"{', '.join(sorted(unknown))}: not one of {', '.join(PARTS)}"
        raise argparse.ArgumentTypeError(message)
    return [part for part in PARTS if part in wanted]


def _said(error: Exception) -> str:
    """The error's last line: what a failed child wrote last is what went wrong."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[-1]}"


def _report(rows: Sequence[Row], failed: Sequence[str], scale: float, home: Path) -> None:
    known = facts(scale)
    (home / "report.md").write_text(as_markdown(rows, known), encoding="utf-8")
    # Also in a log file, where there is no terminal to ask for its width.
    console = Console(width=None if sys.stdout.isatty() else 150)
    console.print(as_table(rows))
    for row in rows:
        for note in row.notes:
            console.print(f"{row.what}: {note}", markup=False, highlight=False, soft_wrap=True)
    console.print(", ".join(f"{name} {value}" for name, value in known.items()), soft_wrap=True)
    missed = [row.what for row in rows if row.met is False]
    console.print(f"goals missed: {'; '.join(missed) or 'none'}", soft_wrap=True)
    if failed:
        console.print(f"failed: {', '.join(failed)}", soft_wrap=True)
    console.print(f"written to {home / 'report.md'}", soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
