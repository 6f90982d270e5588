"""The command `parley`. Every command says what it did; an error says what, where, what next."""

from __future__ import annotations

import logging
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from connectors.core.errors import ParleyError
from connectors.core.history import layouts
from connectors.core.history.times import Dates
from connectors.core.settings import get_settings
from flows import (
    cli_calibrate,
    cli_destinations,
    cli_guards,
    cli_identity,
    cli_ledger,
    cli_new,
    cli_people,
    cli_sources,
    terminal,
)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A marketing data pipeline that asks first, remembers, and explains itself.",
)
app.add_typer(cli_sources.app, name="sources")
app.add_typer(cli_destinations.app, name="destinations")
app.add_typer(cli_new.app, name="new")
app.add_typer(cli_identity.app, name="identity")
AsOf = Annotated[str | None, typer.Option(help="The run's clock, ISO 8601 in UTC; default now.")]
Days = Annotated[int, typer.Option(min=1, max=7, help="How many days are run, up to its own.")]
RunId = Annotated[str | None, typer.Option("--run", help="A run's id; default the last one.")]


class Kind(StrEnum):
    """What can be run by hand."""

    DAILY = "daily"
    TRIGGERED = "triggered"
    MASS = "mass"


class History(StrEnum):
    """What the previous tool knew, and how calls and meetings ended."""

    CONSENTS = "consents"
    SUPPRESSIONS = "suppressions"
    BOUNCES = "bounces"
    SENDS = "sends"
    OUTCOMES = "outcomes"


def main() -> None:
    """Run the command line; an error of Parley's own is a sentence, not a traceback."""
    logging.getLogger("parley").addHandler(logging.StreamHandler())
    try:
        app(standalone_mode=True)
    except ParleyError as error:
        said = f"[red]{type(error).__name__}[/]: {escape(str(error))}"
        terminal.errors.print(said, soft_wrap=True)
        raise SystemExit(1) from None


@app.command()
def demo(days: Days = 2) -> None:
    """Build the demo shop, run the days up to its own, and show what came out."""
    from flows import tour  # noqa: PLC0415 - each command loads only what it needs

    tour.demo(days)


@app.command()
def run(
    kind: Kind,
    as_of: AsOf = None,
    *,
    full_refresh: bool = False,
    shadow: Annotated[bool, typer.Option("--shadow", help="Plan, and send nothing.")] = False,
    live: cli_guards.Live = False,
) -> None:
    """Run the pipeline once, without Prefect."""
    from connectors.core import plan  # noqa: PLC0415
    from flows.pipeline import PlainSteps, execute  # noqa: PLC0415

    with terminal.Steps() as told:
        steps = PlainSteps(get_settings(), told)
        how = {"full_refresh": full_refresh, "shadow": shadow, "live": live}
        outcome = execute(kind.value, steps, as_of, **how)
    terminal.show_plan(plan.funnel(outcome.run.snapshot_dir))
    terminal.show_outcome(outcome)


@app.command()
def explain(who: str, run: RunId = None) -> None:
    """Say why a person (email or person id) does or does not hear from us."""
    from flows.explain import lines  # noqa: PLC0415

    for line in lines(get_settings(), who, run):
        terminal.console.print(line, soft_wrap=True)


@app.command()
def permission(
    who: str,
    run: RunId = None,
    as_of: Annotated[
        str | None, typer.Option(help="As the last run of before then saw it.")
    ] = None,
) -> None:
    """Show what a person (email or person id) has allowed, since when and by which proof."""
    from flows.permission import lines  # noqa: PLC0415

    for line in lines(get_settings(), who, run, as_of):
        terminal.console.print(line, soft_wrap=True)


@app.command()
def preview(
    programme: str,
    most: int = 20,
    run: RunId = None,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="What if: column=value of the programme, or contact_policy.rule.column=value;"
            " may be repeated.",
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a recipient's message there.")] = None,
    *,
    opens: Annotated[bool, typer.Option("--open", help="Show it in a browser.")] = False,
) -> None:
    """Show who a programme would speak to and why, and one message; nothing is sent."""
    if values:
        from flows import what_if  # noqa: PLC0415

        what_if.show(get_settings(), programme, values, run)
        return
    from flows.preview import show  # noqa: PLC0415

    show(get_settings(), programme, most, run, html=html, opens=opens)


@app.command()
def replay(run_id: str) -> None:
    """Build a past run again from what it knew then, and prove its audience by hash."""
    from flows import build  # noqa: PLC0415
    from flows.replay import replay as again  # noqa: PLC0415

    with terminal.Steps() as told, told(f"replay {run_id[:20]}") as progress:
        result = again(run_id, partial(build.plainly, tell=lambda name: progress(name, 1)))
    terminal.console.print(f"original {result.original_sha256}\nreplayed {result.replayed_sha256}")
    if result.is_same:
        terminal.console.print("[green]the same audience, byte for byte[/]")
        return
    for name in result.changed:
        terminal.console.print(f"[yellow]{name} changed since that run[/]")
    if result.difference:
        found = result.difference
        terminal.console.print(f"first difference: {found.table} {found.message_key}: {found.what}")
    raise typer.Exit(1)


@app.command()
def status() -> None:
    """Show the last runs, how fresh each source is, and what is withheld."""
    from flows.status import show  # noqa: PLC0415

    show(get_settings())


@app.command()
def release(batch: str) -> None:
    """Let a quarantined batch in; the next run reads it."""
    from flows import work  # noqa: PLC0415

    work.release(get_settings(), batch)
    terminal.console.print(f"batch {batch} is released; the next run reads it")


@app.command(epilog=layouts.in_words())
def import_history(
    kind: History,
    file: Annotated[Path, typer.Argument(help="A CSV file, plain or gzip.")],
    source: Annotated[str, typer.Option(help="What the previous tool is called here.")] = "history",
    values: Annotated[
        list[str] | None,
        typer.Option("--set", help="column=value for rows that leave it out; may be repeated."),
    ] = None,
    dates: Annotated[Dates | None, typer.Option(help="How 1/2/2019 is meant.")] = None,
    as_of: AsOf = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look, and write nothing.")] = False,
) -> None:
    """Bring in what the previous tool knew, or how calls ended: see below for the files."""
    from flows import history  # noqa: PLC0415

    settings = get_settings()
    found = history.look_through(settings, file, kind.value, as_of, dates, values or ())
    if dry_run:
        history.show(file.name, history.look_at(found))
        return
    with terminal.Steps() as told, told(f"import {kind.value}") as progress:
        done = history.bring_in(settings, found, source, partial(progress, "rows"))
    history.show(file.name, done)


app.command()(cli_calibrate.calibrate)
app.command()(cli_destinations.sync)
app.command()(cli_people.erase)
app.command()(cli_people.export_person)
app.command()(cli_guards.pause)
app.command()(cli_guards.resume)
app.command()(cli_guards.confirm)
app.command()(cli_ledger.backup)
app.command()(cli_ledger.restore)
app.command()(cli_ledger.retention)


@app.command()
def init(
    shop_url: Annotated[str, typer.Option(prompt="Your shop's database (SQLAlchemy URL)")],
    web_url: Annotated[str, typer.Option(prompt="Your web activity (folder or URL), if any")] = "",
) -> None:
    """Point Parley at your own shop: check both, write `.env`, say what is missing."""
    from flows.setup import connect  # noqa: PLC0415

    if not connect(shop_url, web_url):
        raise typer.Exit(1)


@app.command()
def ui(port: int = 4200) -> None:
    """Start a Prefect server, pool and worker with everything deployed; Ctrl-C ends all."""
    from flows.ui import serve  # noqa: PLC0415

    serve(port)
