"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def whole(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file under a temporary name, flush it to the disk, then give it its name."""
    part = path.with_name(f".{path.name}.part")
    write(part)
    _sync(part)
    part.replace(path)
    _sync(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write a text as it is: its line ends are its own."""
    path.write_text(text, encoding="utf-8", newline="")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
