"""The next item is made while the one before is worked on, and nothing else changes."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from connectors.core.ahead import ahead


def test_the_same_items_in_the_same_order() -> None:
    assert list(ahead(range(100))) == list(range(100))
    assert list(ahead([])) == []


def test_the_next_is_made_while_one_is_worked_on_and_no_more_than_that() -> None:
    made: list[int] = []
    second_is_made = threading.Event()

    def making() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            if number == 1:
                second_is_made.set()
            yield number

    items = ahead(making())
    assert next(items) == 0
    assert second_is_made.wait(10)
    assert made == [0, 1]
    items.close()


def test_what_the_making_raises_comes_where_the_item_would_have() -> None:
    def making() -> Iterator[int]:
        yield 1
        message = "the third is broken"
        yield 2
        raise ValueError(message)

    items = ahead(making())
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(ValueError, match="the third is broken"):
        next(items)
