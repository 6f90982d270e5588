"""Eloqua's expression language as Parley uses it: comparisons, EXISTS, AND, OR, brackets."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

TOKEN = re.compile(
    r"\s*(?:(?P<exists>EXISTS\('\{\{ContactList\[(?P<list>\d+)\]\}\}'\))"
    r"|'(?P<field>\{\{[^']+\}\})'\s*(?P<op>>=|<=|=)\s*'(?P<value>[^']*)'"
    r"|(?P<word>AND|OR|\(|\)))"
)
Row = dict[str, Any]
Test = Callable[[Row], bool]


class FilterError(ValueError):
    """The filter can't be read: Eloqua answers 400."""


def parsed(text: str, lists: dict[str, set[str]]) -> Test:
    """A filter as a test of rows, which are keyed by statements."""
    tokens: list[Any] = []
    place = 0
    while place < len(text.rstrip()):
        found = TOKEN.match(text, place)
        if not found:
            raise FilterError
        tokens.append(_token(found, lists))
        place = found.end()
    test = _either(tokens)
    if tokens:
        raise FilterError
    return test


def _token(found: re.Match[str], lists: dict[str, set[str]]) -> Any:
    if found["exists"]:
        if found["list"] not in lists:
            raise FilterError
        return lambda row: row["{{Contact.Id}}"] in lists[found["list"]]
    if found["field"]:
        return _comparison(found["field"], found["op"], found["value"])
    return found["word"]


def _comparison(field: str, op: str, value: str) -> Test:
    def test(row: Row) -> bool:
        if field not in row:
            raise FilterError
        left, right = _comparable(row[field]), _comparable(value)
        return bool({">=": left >= right, "<=": left <= right, "=": left == right}[op])

    return test


def _comparable(text: str) -> str:
    """Times in one form; all else as it is, without regard to case."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None).isoformat()
    except ValueError:
        return text.lower()


def _either(tokens: list[Any]) -> Test:
    tests = [_both(tokens)]
    while tokens and tokens[0] == "OR":
        tokens.pop(0)
        tests.append(_both(tokens))
    return lambda row: any(test(row) for test in tests)


def _both(tokens: list[Any]) -> Test:
    tests = [_one(tokens)]
    while tokens and tokens[0] == "AND":
        tokens.pop(0)
        tests.append(_one(tokens))
    return lambda row: all(test(row) for test in tests)


def _one(tokens: list[Any]) -> Test:
    if not tokens:
        raise FilterError
    token = tokens.pop(0)
    if token != "(":
        if not callable(token):
            raise FilterError
        found: Test = token
        return found
    test = _either(tokens)
    if not tokens or tokens.pop(0) != ")":
        raise FilterError
    return test
