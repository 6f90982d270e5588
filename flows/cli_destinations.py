"""The commands `parley sync` and `parley destinations …`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from connectors.core.settings import get_settings
from flows import terminal
from flows.cli_guards import Live

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.ledger.lists.sync import SyncResult

app = typer.Typer(help="Where messages and lists go.", invoke_without_command=True)
Name = Annotated[str | None, typer.Argument(help="A destination; all of them by default.")]


def sync(
    audience: Annotated[str, typer.Option(help="One audience; all by default.")] = "",
    *,
    full: Annotated[bool, typer.Option("--full", help="Compare with what lists hold.")] = False,
    live: Live = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and change nothing.")] = False,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Also where most of a list would leave it.")
    ] = False,
) -> None:
    """Keep the lists at destinations equal to the audiences of the last plan."""
    from flows import sync as syncing  # noqa: PLC0415 - each command loads only what it needs

    asked = syncing.Asked(audience, full, live, dry_run, confirm)
    synced = syncing.sync(get_settings(), asked)
    terminal.show_rows("Would be done" if dry_run else "Done", _rows(synced.results))
    for name, why in synced.skipped.items():
        terminal.console.print(f"[yellow]{name}[/]: {escape(why)}", soft_wrap=True)
    for trouble in synced.troubles:
        said = f"[red]{type(trouble).__name__}[/]: {escape(str(trouble))}"
        terminal.errors.print(said, soft_wrap=True)
    if synced.troubles:
        raise typer.Exit(1)


def _rows(results: Sequence[SyncResult]) -> list[dict[str, Any]]:
    """A row for each list; what nobody met with takes no room."""
    told = [each.people() for each in results]
    shown = [name for name in (told[0] if told else ()) if any(each[name] for each in told)]
    return [
        {
            "audience": each.audience,
            "destination": each.destination,
            **{name: people[name] for name in shown},
        }
        for each, people in zip(results, told, strict=True)
    ]


@app.callback()
def listed(context: typer.Context) -> None:
    """List where messages and lists can go."""
    if context.invoked_subcommand is None:
        from flows import destinations  # noqa: PLC0415

        destinations.show_all(get_settings())


@app.command()
def check(name: Name = None) -> None:
    """Ask each destination: is it reached, do the credentials hold, what is missing."""
    from flows import destinations  # noqa: PLC0415

    if not destinations.check_all(get_settings(), name):
        raise typer.Exit(1)


@app.command()
def requests(
    name: str,
    run: Annotated[str | None, typer.Option(help="A run's id; default the last one.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many people.")] = 5,
    audience: Annotated[str, typer.Option(help="Of a list's members, not of messages.")] = "",
) -> None:
    """Show the very requests that would leave, with the addresses in them; nothing is sent."""
    from flows import destinations  # noqa: PLC0415

    destinations.show_requests(get_settings(), name, run, limit, audience)
