"""The seed of public holidays, made with a library that the product itself does not need.

`python tests/unit/holidays_kit.py` writes it; a test compares it with what the library gives.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path

import holidays

SEEDS = Path(__file__).parents[2] / "dbt_project" / "seeds"
SEED = SEEDS / "holidays.csv"
YEARS = range(2010, 2031)
EVERYWHERE_ELSE = "ZZ"


def countries() -> list[str]:
    """The countries that have rules."""
    with (SEEDS / "country_rules.csv").open(encoding="utf-8") as file:
        named = [row["country"] for row in csv.DictReader(file)]
    return sorted(set(named) - {EVERYWHERE_ELSE})


def rows(country: str) -> list[tuple[str, str, str]]:
    """Country, day and name: what the whole country keeps, or at least half of its parts do.

    In which part somebody lives is not known: Easter Monday is none in Scotland alone.
    """
    known = holidays.list_supported_countries()[country]
    names = dict(_kept(country, None))
    parts = Counter[str]()
    for part in known:
        kept = _kept(country, part)
        parts.update(kept.keys())
        for day, name in kept.items():
            names.setdefault(day, name)
    whole = _kept(country, None)
    found = {day for day, count in parts.items() if 2 * count >= len(known)} | set(whole)
    return [(country, day, names[day]) for day in sorted(found)]


def _kept(country: str, part: str | None) -> dict[str, str]:
    kind = getattr(holidays, country)
    language = "en_US" if "en_US" in kind.supported_languages else None
    days = holidays.country_holidays(country, subdiv=part, years=YEARS, language=language)
    # Some fall into the year after the last one, observed before or after.
    return {day.isoformat(): name for day, name in days.items() if day.year in YEARS}


def written() -> str:
    """The seed's text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["country", "day", "name"])
    for country in countries():
        writer.writerows(rows(country))
    return text.getvalue()


if __name__ == "__main__":
    SEED.write_text(written(), encoding="utf-8")
