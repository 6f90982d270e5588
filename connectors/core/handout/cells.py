"""Cells of a CSV that a spreadsheet takes for text, whatever somebody wrote into them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as pa_csv

# What makes a spreadsheet read a cell as a formula: these signs, also behind blanks and what is not
# seen (control characters, joiners, marks of direction), and whatever some programs fold to them:
# full width, small, raised, lowered.
UNSEEN = r"\p{Z}\p{Cc}\p{Cf}"
SIGNS = (
    r"=+\-@\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}\x{fe66}\x{fe62}\x{fe63}\x{fe6b}"
    r"\x{207a}\x{207c}\x{208a}\x{208c}\x{207b}\x{208b}\x{2212}\x{fb29}"
)
FORMULA = rf"\A(?:[\t\r\n\x00]|[{UNSEEN}]*[{SIGNS}])"


def safe_cells(texts: pa.Array) -> pa.Array:
    """Prefix a quote to what a spreadsheet would take for a formula."""
    is_formula = pc.match_substring_regex(texts, FORMULA)
    return pc.if_else(is_formula, pc.binary_join_element_wise("'", texts, ""), texts)


def write_csv(path: Path, columns: Mapping[str, pa.Array]) -> None:
    """Write columns of texts, which may hold nulls, with every cell safe to open."""
    shown = {name: safe_cells(pc.fill_null(column, "")) for name, column in columns.items()}
    # Every cell is quoted, so that no separator or line break inside one starts another.
    options = pa_csv.WriteOptions(quoting_style="all_valid")
    pa_csv.write_csv(pa.table(shown), path, options)
