"""One step of a visit, the unit the tracker sends."""

from typing import NamedTuple

Properties = dict[str, object]


class Step(NamedTuple):
    """One call to the tracker: a page, or a track event on that page."""

    event: str  # empty for a page call
    properties: Properties
    path: str
    title: str


def page(path: str, title: str) -> Step:
    """Return the call that a page was opened."""
    return Step("", {}, path, title)
