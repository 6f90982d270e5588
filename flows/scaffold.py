"""`parley new source`: a source that passes the conformance suite, to be made one's own."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

from connectors.core.errors import FixConfig
from flows.versions import DBT_PROJECT

ROOT = DBT_PROJECT.parent
TEMPLATES = Path(__file__).parent / "templates" / "source"
# What each template becomes, below the project's folder.
PLACES = {
    "spec.py.tmpl": "connectors/sources/$name.py",
    "staging.sql.tmpl": "dbt_project/models/staging/$name/stg_${name}__orders.sql",
    "staging.yml.tmpl": "dbt_project/models/staging/$name/_$name.yml",
    "suite.py.tmpl": "expectations/sources/$name.py",
    "world.py.tmpl": "tests/conformance/worlds/$name.py",
}
LIST = "dbt_project/macros/staged.sql"
_NAME = re.compile(r"[a-z][a-z0-9]{1,30}")
_ENTRY = re.compile(r'^        "(\w+)": \[', re.MULTILINE)


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
    if not _NAME.fullmatch(name):
        what = f"'{name}' is no name for a source"
        raise FixConfig(what, "parley new source", "Use lower-case letters and digits: acme.")
    places = {
        template: root / Template(place).substitute(name=name) for template, place in PLACES.items()
    }
    taken = [str(path.relative_to(root)) for path in places.values() if path.exists()]
    if taken:
        what = f"there is a source '{name}' already"
        raise FixConfig(what, ", ".join(taken), "Choose another name.")
    for template, path in places.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        text = (TEMPLATES / template).read_text(encoding="utf-8")
        made = Template(text).safe_substitute(name=name, title=name.capitalize())
        path.write_text(made, encoding="utf-8")
    _list(root / LIST, name)
    return [*(str(path.relative_to(root)) for path in places.values()), LIST]


def _list(path: Path, name: str) -> None:
    """Put the source's line in its place in the alphabet."""
    text = path.read_text(encoding="utf-8")
    later = [found for found in _ENTRY.finditer(text) if found[1] > name]
    *_, last = _ENTRY.finditer(text)
    place = later[0].start() if later else text.index("\n", last.start()) + 1
    line = f'        "{name}": ["orders"],\n'
    path.write_text(text[:place] + line + text[place:], encoding="utf-8")
