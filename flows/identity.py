"""`parley identity split`: take a person apart, with the evidence and what was sent meanwhile."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from connectors.core import warehouse
from connectors.core.clock import as_utc, iso_z, parse_as_of
from connectors.core.errors import FixConfig
from connectors.core.identifiers import normalise_email
from connectors.core.identity import EDGES, Split, nodes_of, off, undone
from connectors.ledger import cuts, reports
from connectors.ledger.models import WENT_OUT
from flows.explain import find, latest
from flows.run import default_as_of, ledger_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from connectors.core.settings import Settings

SHOWN = 8  # characters of a node id: enough to tell it by


def look(settings: Settings, who: str, node: str | None = None) -> Split:
    """How a person would be taken apart; the caller holds the writer's slot.

    Args:
        settings: where everything is.
        who: an email or a person id.
        node: an email or a node id of the person's to take away; None undoes the latest merge.

    Raises:
        FixConfig: nobody is known so, the node is not theirs, or nothing joins it to them.
    """
    folder = latest(settings).folder
    person = find(settings, folder, who)
    types = nodes_of(folder, person)
    with tempfile.TemporaryDirectory(dir=settings.home) as name:
        edges = Path(name)
        with warehouse.opened(settings, edges) as opened:
            opened.write("intermediate", EDGES)
        if node is not None:
            found = off(edges, person, types, _node(settings, node, types))
        else:
            found = undone(folder, edges, person, types)
    if found is None:
        what = "nothing joins this identifier to others" if node else "no run merged this person"
        remedy = "`--node` takes one identifier away; `parley explain` shows what belongs to whom."
        raise FixConfig(what, f"person {person}", remedy)
    return found


def part(settings: Settings, split: Split, reason: str, as_of: str | None = None) -> int:
    """Cut the links between the sides, for good; the next run parts the people.

    Raises:
        FixConfig: they are cut already, or `as_of` is no moment.
    """
    clock = parse_as_of(as_of) if as_of else default_as_of(settings)
    pairs = [(link["node_id"], link["other_id"]) for link in split.links]
    number = cuts.cut(ledger_of(settings), pairs, clock, reason)
    if not number:
        what = "these links are cut already"
        raise FixConfig(what, f"person {split.person_id}", "Run `parley run daily`: it parts them.")
    return number


def lines(settings: Settings, split: Split) -> Iterator[str]:
    """The sides, what joined them, and what went out meanwhile; addresses by their nodes alone."""
    sides = sorted({*split.side_of.values()})
    yield f"[bold]Person {split.person_id}[/] would be {len(sides)} people"
    for side in sides:
        nodes = [node for node, of in split.side_of.items() if of == side]
        yield f"  {side}: " + ", ".join(f"{split.types[node]} {node[:SHOWN]}" for node in nodes)
    yield "[bold]What joins them[/], each link seen first and last, and when it was learned"
    for link in split.links:
        ends = " and ".join(
            f"{link[f'{end}_type']} {link[f'{end}_id'][:SHOWN]}" for end in ("node", "other")
        )
        seen = f"{_told(link['first_seen_at'])} to {_told(link['last_seen_at'])}"
        source = f"[dim]({escape(link['source_id'])})[/]"
        yield f"  {ends}: {seen}, learned {_told(link['known_at'])} {source}"
    yield from _messages(settings, split)


def _told(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "unknown"


def _messages(settings: Settings, split: Split) -> Iterator[str]:
    """The messages that went out while it was believed, oldest plan first."""
    since = as_utc(split.since)
    history = reports.message_history(ledger_of(settings), split.side_of, [split.person_id])
    sent = [each for each in history if each.planned_as_of >= since and each.state in WENT_OUT]
    yield f"[bold]Sent on this belief[/], since {iso_z(since)}: {len(sent)}"
    for each in sent:
        side = split.side_of.get(each.address_hash)
        to = f"to side {side}" if side else "to an address that is no longer theirs"
        perhaps = "" if each.state == "accepted" else f" ({each.state})"
        what = escape(f"{each.programme} {each.occasion} step {each.step}")
        when = f"{iso_z(each.planned_as_of)} by {each.channel} {to}{perhaps}"
        yield f"  {what}: {when} [dim]{each.message_key}[/]"


def _node(settings: Settings, node: str, types: dict[str, str]) -> str:
    """The person's one node that an email, or the beginning of a node id, means."""
    if "@" in node:
        node = normalise_email(node, settings.hash_key.get_secret_value()).node_id or node
    found = [
        each for each in types if each == node or (len(node) >= SHOWN and each.startswith(node))
    ]
    if len(found) == 1:
        return found[0]
    kind = "this address" if "@" in node else "such a node"
    what = f"{kind} is not one identifier of this person"
    raise FixConfig(what, "--node", "Without --node the command undoes the latest merge.")
