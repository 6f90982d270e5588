"""Whether a history file has the columns that its kind needs; if not, what was found instead."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from connectors.core.errors import FixConfig
from connectors.core.files.csv_files import Row
from connectors.core.history.layouts import Layout, groups, plain

_MOST_NAMES, _MOST_LETTERS = 12, 30


def check_header(header: Row, layout: Layout, constants: Mapping[str, str], where: str) -> None:
    """Raise `FixConfig` for a header that has columns twice or lacks one, and for a wrong --set."""
    known = [column.name for column in layout.columns]
    wrong = next((name for name in constants if name not in known), None)
    if wrong is not None:
        what = f"{layout.kind} have no column '{wrong}'"
        raise FixConfig(what, "--set", f"Their columns: {', '.join(known)}.")
    first: dict[str, int] = {}
    for number, name in enumerate(map(plain, header.cells), 1):
        if name and first.setdefault(name, number) != number:
            what = f"line {header.line}: columns {first[name]} and {number} have the same name"
            raise FixConfig(what, where, "Take one out or rename it, and import again.")
    found = {*layout.places(header.cells), *constants}
    for group in layout.needed:
        if not found & {*group}:
            raise FixConfig(_missing(header, group, layout), where, _remedy(group, layout))


def _missing(header: Row, group: Sequence[str], layout: Layout) -> str:
    name = " or ".join(group)
    if not layout.places(header.cells):
        # It may be a row and not a header: what stands there is not repeated.
        return (
            f"line {header.line} has no column {name}, and no other name that is known:"
            f" {len(header.cells)} columns were found, is it a header?"
        )
    return f"line {header.line} has no column {name}; found: {_shown(header.cells)}"


def _shown(names: Sequence[str]) -> str:
    """The first names of a header; what looks like somebody's data is left out."""
    harmless = [
        re.sub(r"\s+", " ", name)[:_MOST_LETTERS]
        for name in names
        if name.strip() and "@" not in name and not re.search(r"\d{5}", name)
    ]
    return ", ".join(harmless[:_MOST_NAMES]) + (", …" if len(harmless) > _MOST_NAMES else "")


def _remedy(group: Sequence[str], layout: Layout) -> str:
    by_hand = f", or give it for all rows with --set {group[0]}=…" if len(group) == 1 else ""
    return (
        f"{layout.kind} need {groups(layout.needed)}: rename the column{by_hand}."
        " The README lists the names that are understood."
    )
