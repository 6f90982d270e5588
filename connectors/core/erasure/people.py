"""From an email, a phone, a person id or a node to the person: their nodes, and their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.core import plan
from connectors.core.erasure.sought import Sought
from connectors.core.errors import FixConfig
from connectors.core.identifiers import normalise_email, normalise_phone

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from connectors.core.settings import Settings

_PEOPLE = """
select distinct person_id from people_nodes
where node_id = ? or (length(?) >= 8 and starts_with(person_id, ?))
"""
_NODES = "select node_id, node_type from people_nodes where person_id in (select unnest(?))"
_EARLIER = "select distinct person_id from people_nodes where node_id in (select unnest(?))"
_OTHERS = """
select distinct person_id from people_nodes
where person_id in (select unnest(?)) and node_id not in (select unnest(?))
"""


def find(folder: Path, who: Sequence[str], settings: Settings) -> Sought:
    """The people of these addresses or ids, by the table `people_nodes` in a folder.

    An address that belongs to no person is sought by itself.

    Raises:
        FixConfig: an id is nobody's, or could be several people's; no address is repeated.
    """
    nodes: dict[str, str] = {}
    people: set[str] = set()
    for each in who:
        type_, node = _address(each, settings)
        found = [row["person_id"] for row in plan.query(folder, _PEOPLE, [node] * 3)]
        if len(found) > 1 or (not found and not type_):
            what = "this could be several people" if found else "nobody is known by this id"
            raise FixConfig(what, "person", "Give an email, or a person id as `explain` shows it.")
        if not found:
            nodes[node] = type_
        people.update(found)
    nobodys = frozenset(nodes)
    rows = plan.query(folder, _NODES, [sorted(people)])
    nodes.update({row["node_id"]: row["node_type"] for row in rows})
    return Sought(nodes, frozenset(people), nobodys)


def earlier_names(
    now: Path, snapshots: Iterable[Path], nodes: Sequence[str], told: Iterable[str]
) -> set[str]:
    """The person ids that these nodes had in earlier snapshots or in what was `told` of them.

    An id that is somebody else's now is left out: they were taken for one person then.
    """
    found = set(told)
    for folder in snapshots:
        if (folder / "people_nodes.parquet").is_file():
            found |= {row["person_id"] for row in plan.query(folder, _EARLIER, [list(nodes)])}
    others = plan.query(now, _OTHERS, [sorted(found), list(nodes)])
    return found - {row["person_id"] for row in others}


def _address(who: str, settings: Settings) -> tuple[str, str]:
    """The type and node of an address; an id has no type and is its own node.

    Raises:
        FixConfig: it looks like an address and is none.
    """
    key = settings.hash_key.get_secret_value()
    if "@" in who:
        found = normalise_email(who, key)
    elif who.startswith("+"):
        found = normalise_phone(who, settings.default_country, key)
    else:
        return "", who
    if found.node_id is None:
        what = f"this is no {found.type} ({found.reason})"
        raise FixConfig(what, "person", "Check the spelling; of a phone, give +country and number.")
    return found.type, found.node_id
