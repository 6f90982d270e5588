"""The commands `parley new …`: files to start from, which pass the tests as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from flows import terminal

if TYPE_CHECKING:
    from collections.abc import Iterable

app = typer.Typer(help="Write the files of something new, to be made your own.")


@app.callback()
def new() -> None:
    """Write the files of something new, to be made your own."""


@app.command()
def source(name: str) -> None:
    """Write a source: its spec, staging, suite and the world that tests it."""
    from flows.scaffold import new_source  # noqa: PLC0415 - each command loads only what it needs

    _show(new_source(name))
    terminal.console.print(
        f"\nNext: make them say what {name}'s API says, then"
        f" `pytest tests/conformance -k {name}` and"
        f" `dbt test --select stg_{name}__orders`."
    )


@app.command()
def destination(name: str) -> None:
    """Write a destination: its module and the world that tests it."""
    from flows.scaffold import new_destination  # noqa: PLC0415 - each command loads only what it needs

    _show(new_destination(name))
    terminal.console.print(
        f"\nNext: make them say what {name}'s API says, then"
        f" `pytest tests/conformance/test_destinations.py -k {name}`;"
        " then put its name in a programme's row of programmes.csv."
    )


@app.command()
def segment(name: str) -> None:
    """Write a named segment: its model with its test, and its line in the list of them."""
    from flows.scaffold import new_segment  # noqa: PLC0415 - each command loads only what it needs

    _show(new_segment(name))
    terminal.console.print(
        f"\nNext: make the rule and its test your own, then `dbt build --select {name}`;"
        " the next run fills it."
    )


@app.command()
def trigger(name: str) -> None:
    """Write a triggered programme: its model with its test, its rows, its line in the list."""
    from flows.scaffold import new_trigger  # noqa: PLC0415 - each command loads only what it needs

    _show(new_trigger(name))
    terminal.console.print(
        f"\nNext: make the occasion, the words and the test your own, then `dbt test --select"
        f" {name},test_type:unit`. `parley run daily --shadow` shows whom it would reach."
    )


def _show(paths: Iterable[str]) -> None:
    for path in paths:
        terminal.console.print(f"[green]✓[/] {path}")
