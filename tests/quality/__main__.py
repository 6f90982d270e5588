"""`python -m tests.quality`: measures part after part, shows the table and writes the report.

Shops are landed through a real source, date by date, so that the product's own models score each
date from what had landed by then; what happened afterwards is read from the raw file alone.
"""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from tests.quality import lines, measured, shops
from tests.quality.report import ROOT, Row, as_table, write

REPORT = ROOT / "var" / "quality" / "report.md"
# Whoever runs this may have a Parley of their own: nothing of it is read or written.
FOREIGN = ("PARLEY_", "PREFECT_", "DBT_")
EPILOG = f"""
Another shop: --lines FILE --as-of DATE [DATE ...] measures intent (buys within 7 days), value
(spend of 60 days) and recommendations (items of 14 days) on its order lines, one row a line.

  {", ".join(lines.NEEDED)} are needed; {", ".join(lines.OPTIONAL)} are used where they are there.

  FILE is Parquet or CSV with a header, in any order of rows and columns. ordered_at is a time or a
  day, UTC: ISO 8601, or day/month/year, month/day/year. amount is what the line came to, discount
  what was taken off by coupons, in whole units of one currency (12.50). Ids are any text or number;
  a line without customer_id counts as somebody's whom nobody knows. Returns and corrections (below
  zero) and lines that can't be read are left out, and counted in the report.

  At a DATE (YYYY-MM-DD, 00:00 UTC) the shop is scored from what happened on the days before; that
  day and later is the future. A figure is told of the dates whose future lies in the file as a
  whole; a few weeks should lie before the first. Weights are fitted for each date on windows that
  had closed by then; where there are too few of them, the shipped ones are used, and it is said.
"""


def main(arguments: Sequence[str] | None = None, report: Path = REPORT) -> int:
    """Measure; 1 where a goal is missed or a part failed, 2 where the file can't be used."""
    asked = _parser().parse_args(arguments)
    file = asked.lines.resolve() if asked.lines else None
    report = asked.report.resolve() if asked.report else report
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        del os.environ[name]
    before = Path.cwd()
    with ExitStack() as stack:
        folder = asked.folder.resolve() if asked.folder else None
        home = folder or Path(stack.enter_context(TemporaryDirectory(prefix="parley-quality-")))
        home.mkdir(parents=True, exist_ok=True)
        # A .env in the folder where we were called would be read, too.
        stack.callback(os.chdir, before)
        os.chdir(home)
        try:
            rows = _rows(home, file, asked.as_of, asked.parts)
        except lines.LinesError as error:
            print(error, file=sys.stderr)
            return 2
        write(rows, report)
    # Also in a log file, where there is no terminal to ask for its width.
    Console(width=None if sys.stdout.isatty() else 150).print(as_table(rows))
    print(f"Report: {report}")
    return int(any(row.met is False for row in rows))


def _rows(home: Path, file: Path | None, dates: list[date], parts: list[str]) -> list[Row]:
    if file is None:
        return measured.parts(home, parts or measured.PARTS)
    if not dates:
        what = "name the dates to score at: --as-of DATE [DATE ...]"
        raise lines.LinesError(what)
    asked = [part for part in measured.OF_LINES if part in (parts or measured.OF_LINES)]
    return measured.shop(home, shops.of_file(file, dates, home), asked)


def _part(name: str) -> str:
    if name not in measured.PARTS:
        raise argparse.ArgumentTypeError(f"there is no part {name}")  # noqa: EM102, TRY003
    return name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.quality",
        description=textwrap.dedent(__doc__ or ""),
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    told = f"some of: {', '.join(measured.PARTS)} (with --lines: {', '.join(measured.OF_LINES)})"
    parser.add_argument("parts", nargs="*", metavar="PART", type=_part, help=told)
    parser.add_argument("--lines", type=Path, metavar="FILE", help="measure on these order lines")
    parser.add_argument(
        "--as-of", type=date.fromisoformat, nargs="+", default=[], metavar="DATE",
        help="the dates to score the file's shop at",
    )  # fmt: skip
    parser.add_argument("--folder", type=Path, help="work here and leave it there (default: none)")
    parser.add_argument("--report", type=Path, help=f"where the report goes (default: {REPORT})")
    return parser


if __name__ == "__main__":
    sys.exit(main())
