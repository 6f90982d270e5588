"""The certificate of an erasure: what went where, what stays and why, what is out of reach.

It holds counts and names of tables; nobody can be told from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from connectors.core.clock import iso_z, utc_now
from connectors.core.erasure.request import folder_of
from connectors.ledger.erasures import ADDRESSES

if TYPE_CHECKING:
    from pathlib import Path

    from connectors.core.erasure.request import Request
    from connectors.core.settings import Settings

ANEW = (
    "the warehouse: dropped and built from what the lake holds now",
    "the BI copy: written anew and swapped in",
    "replays, dbt's files and logs: removed",
    "the ledger's database: freed space overwritten",
)
STAYS = (
    ("email", "keyed hashes of emails, so that an import or a form does not bring them back"),
    ("phone", "keyed hashes of phones, for the same reason"),
    ("", "hashes of other ids (user, device, card), so that no record is taken for somebody's"),
)


def write(settings: Settings, request: Request) -> Path:
    """Write `<home>/erasures/<request>.json` and `.md`; the path of the first."""
    told = certificate(settings, request)
    path = folder_of(settings) / f"{request.request_id}.json"
    path.with_suffix(".md").write_text("\n".join([*lines(told), ""]), encoding="utf-8")
    path.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    return path


def certificate(settings: Settings, request: Request) -> dict[str, Any]:
    """What the certificate says, as data."""
    types = [kind if kind in ADDRESSES else "" for kind in request.sought.nodes.values()]
    stays = [(types.count(kind), why) for kind, why in STAYS]
    return {
        "request": request.request_id,
        "as_of": iso_z(request.as_of),
        "done_at": iso_z(utc_now()),
        "people": len(request.sought.people),
        "removed_rows": {
            place: {table: rows for table, rows in sorted(counts.items()) if rows}
            for place, counts in request.counts.items()
        },
        "made_anew": list(ANEW),
        "stays": [f"{count} {why}" for count, why in stays if count],
        "out_of_reach": _out_of_reach(settings, request),
    }


def _out_of_reach(settings: Settings, request: Request) -> list[str]:
    sources = ", ".join(sorted(settings.connected_sources()))
    sent = [f"{messages} to {name}" for name, messages in sorted(request.sent.items())]
    return [
        f"the connected sources ({sources}): erase there too; what they still hold stays out",
        *([f"messages that had left ({', '.join(sent)}): ask whoever sent them"] if sent else []),
        "backups, and copies that others made of tables and files",
        *_of_the_database(settings),
    ]


def _of_the_database(settings: Settings) -> list[str]:
    if settings.ledger_url.get_secret_value().startswith("sqlite"):
        return []
    return ["the database server's own logs, until it recycles them"]


def lines(told: dict[str, Any]) -> list[str]:
    """The certificate for people to read, as Markdown."""
    removed = [
        f"- {place}: {rows:,} in {table}"
        for place, counts in told["removed_rows"].items()
        for table, rows in counts.items()
    ]
    return [
        f"# Erasure {told['request']}",
        "",
        f"Asked for as of {told['as_of']}, done {told['done_at']}.",
        *("", "## Removed", "", *(removed or ["- there was nothing"])),
        *("", "## Made anew", "", *(f"- {each}" for each in told["made_anew"])),
        *("", "## Stays", "", *(f"- {each}" for each in told["stays"])),
        *("", "## Out of reach", "", *(f"- {each}" for each in told["out_of_reach"])),
    ]
