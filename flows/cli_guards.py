"""The commands that stop what goes out, and let it go on."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer
from rich.markup import escape

from connectors.core.settings import get_settings
from flows import terminal
from flows.summary import emission

Live = Annotated[bool, typer.Option("--live", help="Destinations that contact people may be used.")]
Programme = Annotated[str, typer.Argument(help="A programme; none: everything.")]


def pause(
    programme: Programme = "",
    reason: Annotated[str, typer.Option(help="Why; it is shown to everybody.")] = "",
) -> None:
    """Stop a programme, or everything, at once: neither what is planned nor what waits leaves."""
    from flows import guards  # noqa: PLC0415 - each command loads only what it needs

    _tell(guards.pause(get_settings(), programme, reason, by=_who()))


def resume(programme: Programme = "") -> None:
    """Let a programme, or everything, go on with the next run."""
    from flows import guards  # noqa: PLC0415

    still = guards.resume(get_settings(), programme, by=_who())
    terminal.console.print(f"[green]{escape(programme or 'everything')} goes on[/]")
    _tell(still)


def confirm(run: str, programme: str, live: Live = False) -> None:  # noqa: FBT002
    """Send a push that was held because its size is unusual; `parley status` lists those."""
    from flows import guards  # noqa: PLC0415

    result = guards.confirm(get_settings(), run, programme, by=_who(), live=live)
    terminal.console.print(f"[bold]Sent[/]: {emission(result)}")


def _tell(sentences: list[str]) -> None:
    for each in sentences:
        terminal.console.print(f"[yellow]{escape(each)}[/]", soft_wrap=True)


def _who() -> str:
    """Whoever is logged in, where the system knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody at the terminal"
