"""Everything that is held of a person, as JSON: what they may ask for."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import orjson

from connectors.core.clock import iso_z
from connectors.core.erasure.request import apart
from connectors.core.erasure.tables import Folder, Marks
from connectors.core.lake import Lake
from connectors.core.payload import json_text
from connectors.core.subjects import parsed
from connectors.ledger import erasures
from flows import holdings
from flows.explain import latest
from flows.run import default_as_of, ledger_of

if TYPE_CHECKING:
    from connectors.core.erasure.sought import Found, Sought
    from connectors.core.settings import Settings
    from flows.build import Invoke


def export(settings: Settings, who: str, invoke: Invoke) -> str:
    """What is held, as JSON text; the caller holds the writer's slot.

    `identifiers`; `records` as they landed, by source and stream; `tables` of the last run;
    `messages` and `suppressions` of the ledger; how many `records_of_others` name them.

    Raises:
        FixConfig: nobody is known by this address or id.
    """
    holdings.bring_up_to_date(settings, invoke)
    sought = holdings.find(settings, [who])
    found = holdings.scan(settings, sought, lambda _: None)
    own = {*sought.nodes} - found.shared
    messages = erasures.messages_of(ledger_of(settings), own, sought.people)
    marks = Marks({*own, *sought.people, *(row["message_key"] for row in messages)})
    listed = erasures.suppressions_of(ledger_of(settings), [*sought.nodes])
    told = {
        "as_of": iso_z(default_as_of(settings)),
        "person_ids": sorted(sought.people),
        "identifiers": [
            {"node_id": node, "type": kind, "is_shared": node in found.shared}
            for node, kind in sorted(sought.nodes.items())
        ],
        "spellings": sorted(found.spellings),
        "records": _records(settings, found),
        "records_of_others": sum(map(len, found.redact.values())),
        "tables": _tables(settings, sought, marks),
        "messages": messages,
        "suppressions": [each._asdict() for each in listed],
    }
    return orjson.dumps(orjson.loads(json_text(told)), option=orjson.OPT_INDENT_2).decode()


def _records(settings: Settings, found: Found) -> dict[str, list[dict[str, Any]]]:
    """The records that are theirs, as they landed; a payload that is no JSON stays text."""
    lake = Lake(settings.lake_root)
    told: dict[str, list[dict[str, Any]]] = {}
    for file in holdings.files_of(settings):
        seqs = found.remove.get(file.path, set())
        for part in lake.read(file.path) if seqs else ():
            for row in part.to_pylist():
                if row["seq"] in seqs:
                    payload = parsed(row["payload"])
                    row["payload"] = row["payload"] if payload is None else payload
                    told.setdefault(file.place, []).append(row)
    return told


def _tables(settings: Settings, sought: Sought, marks: Marks) -> dict[str, list[dict[str, Any]]]:
    """Their rows in the tables of the last run; none where they were in no run yet."""
    if not sought.people:
        return {}
    # A copy, since what is looked at must not be thinned meanwhile.
    with apart(settings) as folder:
        shown = shutil.copytree(latest(settings).folder, folder / "shown")
        tables = Folder(shown, marks)
        tables.counts()
        return dict(tables.rows())
