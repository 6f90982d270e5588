"""The commands by which the ledger is looked after."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from connectors.core.settings import get_settings
from flows import terminal

File = Annotated[
    Path | None, typer.Argument(help="A new file; default backups/ledger-<moment>.db at home.")
]


def backup(file: File = None) -> None:
    """Back up the ledger to one file, also while runs are at work."""
    from flows.operate import back_up  # noqa: PLC0415 - each command loads only what it needs

    path, label = back_up(get_settings(), file)
    told = f"{label.row_counts['messages']:,} messages, {sum(label.row_counts.values()):,} rows"
    terminal.console.print(f"[green]backed up[/] to {path}: {told}, checked", soft_wrap=True)


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `parley backup` wrote.")],
    force: Annotated[  # noqa: FBT002
        bool, typer.Option("--force", help="Also where the ledger knows more than the backup.")
    ] = False,
    nothing_sent: Annotated[  # noqa: FBT002
        bool, typer.Option("--nothing-sent", help="I know that nothing was sent since the backup.")
    ] = False,
) -> None:
    """Put a backup in the ledger's place, in whichever database that is; no run may be at work."""
    from flows.operate import bring_back  # noqa: PLC0415

    done, is_known = bring_back(get_settings(), file, force=force, nothing_sent=nothing_sent)
    moment = f"{done.label.taken_at:%Y-%m-%d %H:%M:%S} UTC"
    terminal.console.print(f"[green]restored[/] as it was at {moment}", soft_wrap=True)
    if done.possibly_sent:
        told = f"{done.possibly_sent:,} messages may have been sent since: they are `unknown` now"
        terminal.console.print(f"[yellow]{told}[/], and are not sent again", soft_wrap=True)
    if not is_known:
        told = "the plans made since are not in this home: what occurred until now is not answered"
        terminal.console.print(f"[yellow]{told}[/]", soft_wrap=True)
    if done.kept:
        told = f"kept {done.kept:,} suppressions and erasures that the backup did not know"
        terminal.console.print(told, soft_wrap=True)
    terminal.console.print("the next run builds the warehouse anew")


def retention() -> None:
    """Let go of what is older than PARLEY_KEEP_DAYS and no longer needed."""
    from flows.operate import forget  # noqa: PLC0415

    gone = forget(get_settings())
    made = terminal.table("Forgotten", "what", "rows#")
    for name, rows in gone.items():
        made.add_row(name, f"{rows:,}")
    terminal.console.print(made)
