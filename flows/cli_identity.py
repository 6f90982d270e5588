"""The commands `parley identity …`: who is one person, and who is not."""

from __future__ import annotations

from typing import Annotated

import typer

from connectors.core.settings import get_settings
from flows import terminal

app = typer.Typer(help="Who is one person, and who is not.")
Node = Annotated[
    str | None, typer.Option(help="An email or node id to take away; default: undo the last merge.")
]


@app.callback()
def identity() -> None:
    """Who is one person, and who is not."""


@app.command()
def split(
    who: Annotated[str, typer.Argument(help="An email or a person id.")],
    node: Node = None,
    reason: Annotated[str, typer.Option(help="Why; it is kept with the cut.")] = "split by hand",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look, and cut nothing.")] = False,  # noqa: FBT002
    as_of: Annotated[
        str | None, typer.Option(help="The clock, ISO 8601 in UTC; default now.")
    ] = None,
) -> None:
    """Un-merge a person for good: the evidence, and what went out on the wrong belief."""
    from connectors.core.warehouse import writer_slot  # noqa: PLC0415
    from flows import identity  # noqa: PLC0415 - each command loads only what it needs
    from flows.pipeline import SLOT_SECONDS  # noqa: PLC0415

    settings = get_settings()
    with writer_slot(settings, SLOT_SECONDS):
        found = identity.look(settings, who, node)
    for line in identity.lines(settings, found):
        terminal.console.print(line, soft_wrap=True)
    if dry_run:
        terminal.console.print("nothing was cut")
        return
    number = identity.part(settings, found, reason, as_of)
    links = "1 link is" if number == 1 else f"{number} links are"
    terminal.console.print(f"[green]{links} cut[/]; the next run makes them two people")
