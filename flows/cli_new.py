"""The commands `parley new …`: files to start from, which pass the tests as they are."""

from __future__ import annotations

import typer

from flows import terminal

app = typer.Typer(help="Write the files of something new, to be made your own.")


@app.callback()
def new() -> None:
    """Write the files of something new, to be made your own."""


@app.command()
def source(name: str) -> None:
    """Write a source: its spec, staging, suite and the world that tests it."""
    from flows.scaffold import new_source  # noqa: PLC0415 - each command loads only what it needs

    for path in new_source(name):
        terminal.console.print(f"[green]✓[/] {path}")
    terminal.console.print(
        f"\nNext: make them say what {name}'s API says, then"
        f" `pytest tests/conformance -k {name}` and"
        f" `dbt test --select stg_{name}__orders`."
    )
