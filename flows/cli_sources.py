"""The commands `parley sources …`."""

from __future__ import annotations

from typing import Annotated

import typer

from connectors.core.settings import get_settings

app = typer.Typer(help="What is connected, and how it is.", invoke_without_command=True)
Source = Annotated[str | None, typer.Argument(help="A source's name; all of them by default.")]


@app.callback()
def listed(context: typer.Context) -> None:
    """List what is connected and what can be."""
    if context.invoked_subcommand is None:
        from flows import sources  # noqa: PLC0415 - each command loads only what it needs

        sources.show_all(get_settings())


@app.command()
def check(source: Source = None) -> None:
    """Ask each source: is it reached, do the credentials hold, what is missing."""
    from flows import sources  # noqa: PLC0415

    if not sources.check_all(get_settings(), source):
        raise typer.Exit(1)


@app.command()
def sample(
    source: str,
    stream: Annotated[str | None, typer.Argument(help="A stream; all of them by default.")] = None,
    rows: Annotated[int, typer.Option(min=1, max=100, help="How many records.")] = 3,
    unmasked: Annotated[bool, typer.Option("--unmasked", help="Show addresses too.")] = False,  # noqa: FBT002
) -> None:
    """Show the first records of a source as they would land; nothing lands."""
    from flows import sources  # noqa: PLC0415

    sources.sample(get_settings(), source, stream, rows, unmasked=unmasked)


@app.command()
def freshness() -> None:
    """Show how fresh each stream is, and how its records have changed."""
    from flows import sources  # noqa: PLC0415

    sources.freshness(get_settings())
