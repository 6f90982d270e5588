"""The commands by which a person's rights are answered: what is held of them, and that it goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connectors.core.settings import get_settings
from flows import terminal

if TYPE_CHECKING:
    from connectors.core.erasure.request import Request

AsOf = Annotated[str | None, typer.Option(help="The request's clock, ISO 8601 UTC; default now.")]
Who = Annotated[
    list[str] | None,
    typer.Argument(help="Emails, +phones or person ids; none: finish what was interrupted."),
]


def erase(
    who: Who = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,  # noqa: FBT002
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look, and change nothing.")] = False,  # noqa: FBT002
    as_of: AsOf = None,
) -> None:
    """Erase people from everything that Parley holds, and certify it; it cannot be undone."""
    from connectors.core.warehouse import writer_slot  # noqa: PLC0415
    from flows import build, erase  # noqa: PLC0415 - each command loads only what it needs
    from flows.pipeline import SLOT_SECONDS  # noqa: PLC0415

    settings = get_settings()
    with terminal.Steps() as told, writer_slot(settings, SLOT_SECONDS):
        finished = [] if dry_run else erase.resume(settings, build.plainly, told)
        request = erase.look(settings, who, build.plainly, as_of, told) if who else None
        if request and yes and not dry_run:
            finished.append(erase.carry_out(settings, request, build.plainly, told))
    if request:
        _show(request)
        if dry_run or not yes:
            _ask(dry_run=dry_run)
            with terminal.Steps() as told, writer_slot(settings, SLOT_SECONDS):
                # Runs may have come in between: what goes is what is there now.
                request = erase.look(settings, who or [], build.plainly, as_of, told)
                finished.append(erase.carry_out(settings, request, build.plainly, told))
    for path in finished:
        terminal.console.print(f"[green]erased[/]; the certificate: {path}", soft_wrap=True)
    if not finished:
        terminal.console.print("nothing was interrupted; name somebody to erase them")


def export_person(
    who: Annotated[str, typer.Argument(help="An email, a +phone or a person id.")],
    out: Annotated[Path | None, typer.Option(help="A new file; default the terminal.")] = None,
) -> None:
    """Show everything that Parley holds of a person, as JSON."""
    from connectors.core.warehouse import writer_slot  # noqa: PLC0415
    from flows import build  # noqa: PLC0415
    from flows.export_person import export  # noqa: PLC0415
    from flows.pipeline import SLOT_SECONDS  # noqa: PLC0415

    settings = get_settings()
    with writer_slot(settings, SLOT_SECONDS):
        told = export(settings, who, build.plainly)
    if out is None:
        typer.echo(told)
        return
    out.touch(mode=0o600, exist_ok=True)
    out.write_text(told, encoding="utf-8")
    terminal.console.print(f"written to {out}", soft_wrap=True)


def _ask(*, dry_run: bool) -> None:
    """Go on only if somebody wants it."""
    if dry_run:
        terminal.console.print("nothing was changed")
        raise typer.Exit
    typer.confirm("Erase all of this? It cannot be undone", abort=True)


def _show(request: Request) -> None:
    """What would go: counts by place and table, and what others' records lose."""
    made = terminal.table("What is theirs", "place", "table", "rows#")
    for place, counts in request.counts.items():
        for table, rows in sorted(counts.items()):
            made.add_row(place, table, f"{rows:,}")
    terminal.console.print(made)
    kinds = ", ".join(sorted({*request.sought.nodes.values()})) or "no identifier"
    terminal.console.print(
        f"{len(request.sought.people)} person ids, {len(request.sought.nodes)} nodes ({kinds})",
        soft_wrap=True,
    )
    if request.found.shared:
        shared = "an identifier of theirs is other people's too: it is taken out of those records"
        terminal.console.print(f"[yellow]{shared}[/]", soft_wrap=True)
