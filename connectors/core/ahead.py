"""Make the next one while this one is worked on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

Item = TypeVar("Item")


def ahead(items: Iterable[Item]) -> Generator[Item]:
    """The same items in the same order, each made in a thread while the one before is worked on.

    At most one waits. What the making raises is raised where the item would have come.
    """
    making: Iterator[object] = iter(items)
    end = object()
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        coming = pool.submit(next, making, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, making, end)
            yield cast("Item", item)
