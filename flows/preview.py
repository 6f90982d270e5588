"""What a programme would say, to whom and why: the funnel, the audience, one message rendered."""

from __future__ import annotations

import json
import webbrowser
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from connectors.core import plan, plan_changes
from connectors.core.clock import iso_z
from connectors.core.delivery import OutMessage
from connectors.core.errors import FixConfig
from connectors.core.snapshot import flush
from connectors.destinations.proofs import proof
from connectors.destinations.render import RENDERED
from connectors.ledger import reports
from flows import explain, funnel, terminal
from flows.run import ledger_of
from flows.terminal import console

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from connectors.core.settings import Settings


def show(
    settings: Settings, programme: str, most: int, run_id: str | None, *,
    html: Path | None = None, opens: bool = False,
) -> None:  # fmt: skip
    """Show the funnel and the most valuable messages of a programme, and write one as it is sent.

    Args:
        settings: whose last published run it is, unless `run_id` names another.
        programme: its name.
        most: how many messages are listed.
        run_id: the run, or None.
        html: where the message is written, with its plain text beside it; by default
            `<home>/preview/<programme>.html`.
        opens: whether it is opened in a browser.

    Raises:
        FixConfig: no such programme, no published run, or a message that was asked for cannot be
            written: it has no sender, or nobody gets it.
    """
    shown = explain.latest(settings, run_id)
    known = [each["programme"] for each in plan.programmes(shown.folder)]
    if programme not in known:
        what = f"there is no programme called '{programme}'"
        raise FixConfig(what, "programmes.csv", f"Programmes: {', '.join(known)}.")
    console.print(f"{programme} at {iso_z(shown.as_of)} [dim](run {shown.run_id})[/]\n")
    terminal.show_plan(plan.funnel(shown.folder, programme))
    console.print()
    refused = reports.refusals_by_programme(ledger_of(settings), shown.run_id)
    funnel.show(plan_changes.gates(shown.folder, programme), refused)
    console.print()
    rows = plan.audience(shown.folder, programme, most)
    _list(rows)
    is_asked = opens or html is not None
    written = None
    try:
        written = _write(settings, rows, html or settings.preview_dir / f"{programme}.html")
    except FixConfig as error:
        if is_asked:
            raise
        console.print(f"[yellow]{escape(str(error))}[/]", soft_wrap=True)
    if written and opens:
        webbrowser.open(written.resolve().as_uri())
    elif is_asked and not written:
        what = "nobody gets an email of this programme"
        raise FixConfig(what, programme, "The funnel above says why.")


def _list(rows: Sequence[dict[str, Any]]) -> None:
    made = terminal.table("Who", "person", "verdict", "subject", "because")
    for row in rows:
        content = json.loads(row["content"])
        said = (escape(str(content.get(name, ""))) for name in ("subject", "fact"))
        made.add_row(row["person_id"][:12], row["verdict"], *said)
    console.print(made)


def _write(settings: Settings, rows: Sequence[dict[str, Any]], path: Path) -> Path | None:
    """Write the first message that is sent, else the first; None where none comes as an email."""
    first = min(rows, key=lambda row: row["verdict"] != "send", default=None)
    if first is None or first["channel"] not in RENDERED:
        return None
    made = proof(_message(first), settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    for file, text in ((path, made.html), (path.with_suffix(".txt"), made.text)):
        file.write_text(text, encoding="utf-8")
        flush(file)
    console.print(
        f"\nas person {first['person_id'][:12]} would read it, in {made.language}:"
        f" {escape(str(path))} [dim](and {path.with_suffix('.txt').name})[/]",
        soft_wrap=True,
    )
    return path


def _message(row: dict[str, Any]) -> OutMessage:
    """A row of an audience as a message to nobody."""
    return OutMessage(
        message_key=row["message_key"],
        address="",
        person_id=row["person_id"],
        programme=row["programme"],
        campaign_id=row["campaign_id"],
        step=row["step"],
        variant=row["variant"],
        channel=row["channel"],
        send_after=None,
        content=json.loads(row["content"]),
        evidence=json.loads(row["evidence"]),
        purpose=row["purpose"],
        language=row.get("language") or "",  # plans of earlier versions have none
    )
