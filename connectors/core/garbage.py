"""Python's garbage collector, left out where it finds nothing.

It looks through all young objects again and again while many are made, and what is freed here is
freed without it: records and messages refer to nothing in a circle.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def collection_paused() -> Iterator[None]:
    """Make objects without being interrupted; nested blocks end with the outermost."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def collect_now() -> None:
    """Free what did refer to itself, in a pause that lasts: between two chunks it costs little."""
    gc.collect(1)
