"""Orchestration: what runs in which order, by hand or by Prefect."""

from connectors.core import secret_blocks


def _read(name: str) -> str:
    from flows.secrets import read  # noqa: PLC0415 - only where a setting names a block

    return read(name)


# Whatever runs, by hand or by Prefect, reads secrets that settings only name.
secret_blocks.read_by(_read)
