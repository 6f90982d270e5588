"""What a person has allowed, in words: what holds and why, what was declared, what was missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from connectors.core import declared
from connectors.core.clock import iso_z, parse_as_of
from connectors.core.identifiers import normalise_email
from connectors.ledger import runs
from flows import explain
from flows.run import ledger_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.core.declared import Declared, Row
    from connectors.core.settings import Settings

STYLES = {"granted": "green", "unconfirmed": "yellow", "expired": "yellow"}


def lines(
    settings: Settings, who: str, run_id: str | None = None, as_of: str | None = None
) -> Iterator[str]:
    """Tell what a person has allowed, line by line, with rich's markup; no address is shown.

    Args:
        settings: where the runs are.
        who: an email address or a person id, or how one begins.
        run_id: the run whose tables are read; default the last one.
        as_of: instead of `run_id`, a moment (ISO 8601): the last run of before then is read.

    Raises:
        FixConfig: nobody is known by `who`, or there is no such run with its tables.
    """
    if as_of and not run_id:
        run = runs.last_completed(ledger_of(settings), until=parse_as_of(as_of))
        run_id = run.run_id if run else "none of before then"
    shown = explain.latest(settings, run_id)
    person = explain.find(settings, shown.folder, who)
    known = declared.of_person(shown.folder, person)
    asked = normalise_email(who, settings.hash_key.get_secret_value()).node_id if "@" in who else ""
    yield f"[bold]Person {person}[/] at {iso_z(shown.as_of)} [dim](run {shown.run_id})[/]"
    for address in known.addresses:
        yield from _address(address, known, is_asked=address["node_id"] == asked)
    if not known.addresses:
        yield "  no address is known: there is nothing that could be allowed"
    if known.history or known.rejected:
        yield ""
        yield "[bold]What was declared[/]"
    for declaration in known.history:
        yield from _declaration(declaration, known)
    for rejected in known.rejected:
        problem = escape(rejected["problem"])
        yield f"  [yellow]does not count[/]: {problem} [dim]({_named(rejected)})[/]"


def _address(address: Row, known: Declared, *, is_asked: bool) -> Iterator[str]:
    """One address by its node, and what holds for it by purpose and channel."""
    yield ""
    yield f"[bold]{_label(address)}[/]{' (the one asked for)' if is_asked else ''}"
    held = [row for row in known.holds if row["address_node"] == address["node_id"]]
    for row in held:
        what = f"{row['purpose']} by {row['channel']}"
        state = f"[{STYLES.get(row['state'], 'red')}]{row['state']}[/]"
        why = f": no, {escape(row['sentence'] or row['reason'])}" if row["reason"] else ""
        ends = f"; until {iso_z(row['expires_at'])}" if row["expires_at"] else ""
        yield f"  {what}: {state} since {iso_z(row['since'])}{why}{ends} [dim]({_proof(row)})[/]"
    if not held:
        yield "  nothing was ever declared: no"


def _declaration(row: Row, known: Declared) -> Iterator[str]:
    """One declaration with both its clocks; below a late stop, what was sent in between."""
    said = f"{row['state']}, {row['purpose']} by {row['channel']}"
    node = _label({"node_id": row["node_id"], "node_type": _type_of(row["node_id"], known)})
    clocks = f"valid {iso_z(row['valid_from'])}, known {iso_z(row['known_at'])}"
    yield f"  {clocks}: {said} [dim]({node}; {_proof(row)})[/]"
    if row["state"] == "granted" or row["valid_from"] >= row["known_at"]:
        return
    missed = [each for each in known.missed if each["permission_key"] == row["permission_key"]]
    number = {0: "no message was", 1: "1 message was"}.get(
        len(missed), f"{len(missed)} messages were"
    )
    yield f"    {row['known_at'] - row['valid_from']} late; {number} sent in between"
    for each in missed:
        perhaps = "" if each["message_state"] == "accepted" else f" ({each['message_state']})"
        about = f"{each['programme']} {escape(each['occasion'])}"
        yield f"    [red]{about}[/] on {iso_z(each['sent_at'])}{perhaps}"


def _proof(row: Row) -> str:
    """Basis, proof, source and confirmation of a declaration; what sources said is no markup."""
    parts = [row["legal_basis"], row["proof"] or "no proof", row["source_id"]]
    if row["confirmed_at"]:
        parts.append(f"confirmed {iso_z(row['confirmed_at'])}")
    return escape(", ".join(parts))


def _named(row: Row) -> str:
    """Which declaration a rejected one was."""
    said = f"{row['state']}, {row['purpose']} by {row['channel']}"
    which = f"{row['source_id']}, {row['declaration_id']}"
    return escape(f"{said}; {which}; known {iso_z(row['known_at'])}")


def _type_of(node_id: str, known: Declared) -> str:
    types: dict[str, str] = {each["node_id"]: each["node_type"] for each in known.addresses}
    return types.get(node_id, "address")


def _label(address: Row) -> str:
    """An address as it may be shown: its kind and the beginning of its node."""
    return f"{address['node_type']} {address['node_id'][:8]}"
