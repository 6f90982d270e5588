"""Secrets that are kept in Prefect's blocks of the type Secret, encrypted on its server."""

from __future__ import annotations

from typing import Any

from connectors.core.errors import FixConfig, RetryLater


def read(name: str) -> str:
    """The secret in a block of that name.

    Raises:
        FixConfig: there is no such block, or it holds no text.
        RetryLater: Prefect's server does not answer.
    """
    from prefect.blocks.system import Secret  # noqa: PLC0415 - takes seconds, and is seldom asked
    from prefect.utilities.asyncutils import run_coro_as_sync  # noqa: PLC0415

    where = f"Prefect block secret/{name}"
    value: object
    try:
        # Also from within a flow, whose own loop is at work meanwhile.
        block: Any = run_coro_as_sync(Secret.aload(name))
        value = block.get() if block else None
    except ValueError:
        value = None
    except Exception as error:  # noqa: BLE001 - whatever a server or its absence raises
        value = error
    # Raised outside the handlers: a chained error could show what was read.
    if isinstance(value, Exception):
        what = f"Prefect does not tell its secrets ({type(value).__name__})"
        raise RetryLater(what, where, "Start the server, or set PREFECT_API_URL to it.")
    if not isinstance(value, str):
        what = "there is no such block, or it holds no text"
        raise FixConfig(what, where, "Make it in the Prefect UI: Blocks, Secret.")
    return value
