"""`parley new …`: files that pass the tests as they are, to be made one's own."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from connectors.core.errors import FixConfig
from flows.versions import DBT_PROJECT

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = DBT_PROJECT.parent
TEMPLATES = Path(__file__).parent / "templates"
# What each template becomes, below the project's folder.
SOURCE = {
    "source/spec.py.tmpl": "connectors/sources/$name.py",
    "source/staging.sql.tmpl": "dbt_project/models/staging/$name/stg_${name}__orders.sql",
    "source/staging.yml.tmpl": "dbt_project/models/staging/$name/_$name.yml",
    "source/suite.py.tmpl": "expectations/sources/$name.py",
    "source/world.py.tmpl": "tests/conformance/worlds/$name.py",
}
DESTINATION = {
    "destination/module.py.tmpl": "connectors/destinations/$name.py",
    "destination/world.py.tmpl": "tests/conformance/worlds/destinations/$name.py",
}
SEGMENT = {
    "segment/model.sql.tmpl": "dbt_project/models/segments/$name.sql",
    "segment/model.yml.tmpl": "dbt_project/models/segments/$name.yml",
}
TRIGGER = {
    "trigger/model.sql.tmpl": "dbt_project/models/programmes/triggered/$name.sql",
    "trigger/model.yml.tmpl": "dbt_project/models/programmes/triggered/$name.yml",
}
# What a trigger adds to files that are there: its entry with the columns of all programmes, and
# its rows. A column that is not named here stays empty.
ENTRY = ("trigger/entry.yml.tmpl", "dbt_project/models/programmes/_programmes.yml")
TRIGGER_ROWS: dict[str, dict[str, str]] = {
    "dbt_project/seeds/programmes.csv": {
        "kind": "triggered", "purpose": "marketing", "channel": "email", "priority": "45",
        "wait_minutes": "1440", "cooldown_hours": "168", "window_hours": "72", "goal": "buy",
        "holdout_percent": "10", "needs_fresh": "96", "destination": "file", "profile": "retail",
        "enabled": "true", "similar_products": "true", "one_per_account": "false",
    },
    "dbt_project/seeds/programme_steps.csv": {"step": "1", "wait_minutes": "1440"},
}  # fmt: skip
PROPOSALS = "dbt_project/models/decisions/int_proposals.sql"
STAGED = "dbt_project/macros/staged.sql"
NAMED = "dbt_project/models/intermediate/int_named_segments.sql"
# How the segments are called that segment_members makes by itself.
BUILT_IN = ("lifecycle_", "value_", "rfm_", "engagement_", "likes_")
_SOURCE = re.compile(r"[a-z][a-z0-9]{1,30}")
_WORDS = re.compile(r"[a-z][a-z0-9_]{2,50}")
_STAGED_ENTRY = re.compile(r'^        "(\w+)": \[', re.MULTILINE)
_NAMED_ENTRY = re.compile(r'^    "(\w+)",$', re.MULTILINE)


def new_source(name: str, root: Path = ROOT) -> list[str]:
    """Write a source's files and its line in the list of staged kinds.

    Args:
        name: the vendor's name: lower-case letters and digits.
        root: the project's folder.

    Returns:
        What was written, relative to `root`.

    Raises:
        FixConfig: the name can't be one, or is taken; nothing is written.
    """
    places = _vendor(SOURCE, name, "source", root)
    _write(places, name)
    _list(root / STAGED, _STAGED_ENTRY, name, f'        "{name}": ["orders"],\n')
    return [*(str(path.relative_to(root)) for path in places.values()), STAGED]


def new_destination(name: str, root: Path = ROOT) -> list[str]:
    """Write a destination's module and the world that tests it.

    Args:
        name: the vendor's name: lower-case letters and digits.
        root: the project's folder.

    Returns:
        What was written, relative to `root`.

    Raises:
        FixConfig: the name can't be one, or is taken; nothing is written.
    """
    places = _vendor(DESTINATION, name, "destination", root)
    _write(places, name)
    return [str(path.relative_to(root)) for path in places.values()]


def new_segment(name: str, root: Path = ROOT) -> list[str]:
    """Write a named segment: its model, what it is with its test, and its line in the list.

    Args:
        name: of the segment and of its model: lower-case words joined by underscores.
        root: the project's folder.

    Returns:
        What was written, relative to `root`.

    Raises:
        FixConfig: the name can't be one, or is taken; nothing is written.
    """
    _words(name, "segment", "one_time_buyers")
    if name.startswith(BUILT_IN):
        what = f"'{name}' begins like a segment that is there by itself"
        remedy = f"Choose a name that does not begin with {', '.join(BUILT_IN)}."
        raise FixConfig(what, "segment_members", remedy)
    _free(name, root)
    places = _places(SEGMENT, name, root)
    _write(places, name)
    _list(root / NAMED, _NAMED_ENTRY, name, f'    "{name}",\n')
    return [*(str(path.relative_to(root)) for path in places.values()), NAMED]


def new_trigger(name: str, root: Path = ROOT) -> list[str]:
    """Write a triggered programme: its model, test, rows, description and line in the list.

    Args:
        name: of the programme and of its model: lower-case words joined by underscores.
        root: the project's folder.

    Returns:
        What was written or added to, relative to `root`.

    Raises:
        FixConfig: the name can't be one, or is taken; nothing is written.
    """
    _words(name, "trigger", "first_order_thanks")
    _free(name, root)
    places = _places(TRIGGER, name, root)
    _write(places, name)
    template, described = ENTRY
    _append(root / described, _filled(template, name))
    for seed, values in TRIGGER_ROWS.items():
        _add_row(root / seed, {"programme": name, **values})
    _list(root / PROPOSALS, _NAMED_ENTRY, name, f'    "{name}",\n')
    written = (str(path.relative_to(root)) for path in places.values())
    return [*written, described, *TRIGGER_ROWS, PROPOSALS]


def _vendor(templates: Mapping[str, str], name: str, kind: str, root: Path) -> dict[str, Path]:
    """Where a vendor's files go; refuses what none could be called, and what is there already."""
    if not _SOURCE.fullmatch(name):
        what = f"'{name}' is no name for a {kind}"
        raise FixConfig(what, f"parley new {kind}", "Use lower-case letters and digits: acme.")
    places = _places(templates, name, root)
    # A module may also be a folder.
    there = [each for path in places.values() for each in (path, path.with_suffix(""))]
    if taken := [str(each.relative_to(root)) for each in there if each.exists()]:
        what = f"there is a {kind} '{name}' already"
        raise FixConfig(what, ", ".join(taken), "Choose another name.")
    return places


def _words(name: str, kind: str, example: str) -> None:
    """Refuse what no model could be called."""
    if not _WORDS.fullmatch(name):
        what = f"'{name}' is no name for a {kind}"
        remedy = f"Use lower-case words joined by underscores: {example}."
        raise FixConfig(what, f"parley new {kind}", remedy)


def _free(name: str, root: Path) -> None:
    """Refuse the name of a model or seed: dbt knows each name once."""
    project = root / "dbt_project"
    found = [
        *(project / "models").rglob(f"{name}.sql"),
        *(project / "models").rglob(f"{name}.yml"),
        *(project / "seeds").glob(f"{name}.csv"),
    ]
    if found:
        what = f"there is a model or seed '{name}' already"
        taken = sorted(str(path.relative_to(root)) for path in found)
        raise FixConfig(what, ", ".join(taken), "Choose another name.")


def _places(templates: Mapping[str, str], name: str, root: Path) -> dict[str, Path]:
    """Where each template goes."""
    return {each: root / Template(place).substitute(name=name) for each, place in templates.items()}


def _write(places: Mapping[str, Path], name: str) -> None:
    """Write each template to its place, with the name filled in."""
    for template, path in places.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_filled(template, name), encoding="utf-8")


def _filled(template: str, name: str) -> str:
    """A template with the name filled in."""
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    return Template(text).safe_substitute(name=name, title=name.capitalize(), upper=name.upper())


def _append(path: Path, text: str) -> None:
    """Add text at the end of a file, on a line of its own."""
    before = path.read_text(encoding="utf-8").rstrip("\n")
    path.write_text(f"{before}\n{text}", encoding="utf-8")


def _add_row(path: Path, values: Mapping[str, str]) -> None:
    """Add a row to a seed, in the order of its columns; what is not named stays empty."""
    header = path.read_text(encoding="utf-8").partition("\n")[0].split(",")
    _append(path, ",".join(values.get(column, "") for column in header) + "\n")


def _list(path: Path, entry: re.Pattern[str], name: str, line: str) -> None:
    """Put a line in its place in the alphabet; `entry` finds the names that are listed."""
    text = path.read_text(encoding="utf-8")
    entries = list(entry.finditer(text))
    later = [found for found in entries if found[1] > name]
    place = later[0].start() if later else text.index("\n", entries[-1].start()) + 1
    path.write_text(text[:place] + line + text[place:], encoding="utf-8")
