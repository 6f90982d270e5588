"""The parts, measured: each shop goes through the dates of all its parts once."""

from __future__ import annotations

import importlib
import time
import traceback
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

from tests.quality import shops
from tests.quality.home import Home
from tests.quality.report import Row
from tests.quality.selection import Need, need

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date
    from pathlib import Path
    from types import ModuleType

    from tests.quality.shops import Shop

# Each is a module here. `identity` has `rows(folder)`; the others have SHOPS, `wanted(shop)`, which
# says what is to be built at which date, and `rows(home)`, which reads what was kept of it.
PARTS = (
    *("identity", "intent", "coupons", "categories", "response"),
    *("recommendations", "value"),
)
# Those that need order lines alone.
OF_LINES = ("intent", "recommendations", "value")
# Parts that look at a shop on the same dates share a home, which goes through them once. Longest
# first: dbt itself keeps one core busy at most, whatever its threads.
BY_DATES = ("intent", "categories", "recommendations", "value")
BY_CAMPAIGNS = ("coupons", "response")
JOBS = (("cj", BY_DATES), ("cj", BY_CAMPAIGNS), ("uci", BY_DATES))
AT_ONCE = 2


def parts(folder: Path, asked: Sequence[str]) -> list[Row]:
    """The rows of the parts on what we have, in the order of the parts; two homes at a time."""
    jobs = [
        (name, own)
        for name, together in JOBS
        if (own := [p for p in together if p in asked and name in _module(p).SHOPS])
    ]
    with ProcessPoolExecutor(AT_ONCE, mp_context=get_context("spawn")) as pool:
        homes = [folder / f"{number}-{name}" for number, (name, _) in enumerate(jobs)]
        working = [pool.submit(_job, home, *job) for home, job in zip(homes, jobs, strict=True)]
        if "identity" in asked:
            working.append(pool.submit(_identity, folder / "identity"))
        done = [each.result() for each in working]
    return [row for part in asked for rows in done for row in rows.get(part, ())]


def _identity(home: Path) -> dict[str, list[Row]]:
    home.mkdir()
    return {home.name: _safely(home.name, lambda: _module(home.name).rows(home))}


def _job(folder: Path, name: str, asked: Sequence[str]) -> dict[str, list[Row]]:
    """The rows by part of a shop."""
    try:
        known = shops.shop(name, folder / "lines")
    except Exception as error:  # noqa: BLE001 - shown as a row
        return {asked[0]: _failed(f"{asked[0]}, {name}", error)}
    return dict(_of_shop(folder, known, asked))


def shop(folder: Path, known: Shop, asked: Sequence[str]) -> list[Row]:
    """The rows of the parts on one shop."""
    lines = Row(f"lines of {known.name}", f"{len(known.dates)} dates", notes=known.notes)
    return [lines, *(row for _, rows in _of_shop(folder, known, asked) for row in rows)]


def _of_shop(folder: Path, known: Shop, asked: Sequence[str]) -> Iterable[tuple[str, list[Row]]]:
    home, began = Home(known, folder / known.name), time.monotonic()
    wanted: dict[date, Need] = defaultdict(lambda: need(()))
    for part in asked:
        for day, needed in _module(part).wanted(known).items():
            wanted[day] |= needed
    try:
        home.walk(wanted)
    except Exception as error:  # noqa: BLE001 - shown as a row
        return [(part, _failed(f"{part}, {known.name}", error)) for part in asked]
    print(f"{known.name}: {len(wanted)} dates in {time.monotonic() - began:.0f} s", flush=True)
    return [
        (part, _safely(f"{part}, {known.name}", lambda part=part: _module(part).rows(home)))
        for part in asked
    ]


def _module(part: str) -> ModuleType:
    return importlib.import_module(f"tests.quality.{part}")


def _safely(what: str, rows: Callable[[], list[Row]]) -> list[Row]:
    """A part's rows; one that fails must not hide the others."""
    try:
        return rows()
    except Exception as error:  # noqa: BLE001 - shown as a row
        return _failed(what, error)


def _failed(what: str, error: Exception) -> list[Row]:
    traceback.print_exception(error)
    return [Row(what, f"failed: {type(error).__name__}", met=False)]
