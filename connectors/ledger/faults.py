"""What goes wrong with a ledger's disk, as errors that say what to do.

Nothing is lost by any of them: a transaction that fails leaves the ledger as it was, and whatever
left in the meantime is read back by the next emission.
"""

import sqlite3
from pathlib import Path

from sqlalchemy import ExceptionContext

from connectors.core.errors import FixConfig, ParleyError

# SQLite's name of an error (or how it begins) -> what it means, and what to do.
MEANINGS = {
    "SQLITE_FULL": ("The disk of the ledger is full", "Free space there, then run again."),
    "SQLITE_IOERR": ("The disk of the ledger fails", "Free space, check the disk, run again."),
    "SQLITE_READONLY": ("The ledger is read-only", "Make it and its folder writable, run again."),
    "SQLITE_CANTOPEN": ("The ledger cannot be opened", "Make it and its folder writable."),
    "SQLITE_CORRUPT": ("The ledger is damaged", "Move it away, then `parley restore` a backup."),
    "SQLITE_NOTADB": ("The ledger is no database", "Move it away, then `parley restore` a backup."),
}


def make_folder(folder: Path) -> None:
    """Make the ledger's folder. Raises `FixConfig` where that is not allowed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"The ledger's folder cannot be made: {error.strerror}"
        raise FixConfig(
            what, str(folder), "Make it, writable, or set PARLEY_LEDGER_URL."
        ) from error


def explain(context: ExceptionContext) -> ParleyError | None:
    """Return the error that is to be raised instead; None for all that is not the disk's fault.

    A listener to SQLAlchemy's event `handle_error`.
    """
    cause = context.original_exception
    if not isinstance(cause, sqlite3.Error):
        return None
    name = getattr(cause, "sqlite_errorname", "")
    for beginning, (what, remedy) in MEANINGS.items():
        if name.startswith(beginning):
            place = context.engine.url.database if context.engine else None
            return FixConfig(what, place or "PARLEY_LEDGER_URL", remedy)
    return None
