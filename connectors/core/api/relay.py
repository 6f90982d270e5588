"""Lists of a GraphQL API in the manner of Relay: `nodes`, `pageInfo`, and a list inside each node.

A node is made whole before it is handed on: the entries of its own list that did not fit on the
page are fetched, and its `pageInfo` goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from connectors.core.api.graphql import GraphQl, Json, next_page
from connectors.core.payload import at_path

_INFO = "pageInfo { hasNextPage endCursor }"


@dataclass(frozen=True)
class Inner:
    """A list inside a node: so many entries come with it, and `more` on each further page."""

    name: str
    fields: str
    first: int = 10
    more: int = 100


@dataclass(frozen=True)
class Listing:
    """A list: its name, the type of its nodes, and the fields to read, in GraphQL.

    `sort` is the sort key; the inner list comes last in a node.
    """

    name: str
    type: str
    fields: str
    sort: str
    inner: Inner | None = None

    @cached_property
    def paged(self) -> str:
        """Asks for a page: variables `first`, `after`, `query`."""
        inner = self.inner
        entries = f"nodes {{ {inner.fields} }} {_INFO}" if inner else ""
        inside = f"{inner.name}(first: {inner.first}) {{ {entries} }}" if inner else ""
        return (
            "query ($first: Int!, $after: String, $query: String) {"
            f" {self.name}(first: $first, after: $after, query: $query, sortKey: {self.sort}) {{"
            f" nodes {{ {self.fields} {inside} }} {_INFO} }} }}"
        )

    @cached_property
    def further(self) -> str:
        """Asks for more of a node's inner list: variables `id`, `after`."""
        assert self.inner is not None  # noqa: S101 - asked for where there is one
        return (
            "query ($id: ID!, $after: String) {"
            f" node(id: $id) {{ ... on {self.type} {{"
            f" {self.inner.name}(first: {self.inner.more}, after: $after) {{"
            f" nodes {{ {self.inner.fields} }} {_INFO} }} }} }} }}"
        )

    @cached_property
    def exported(self) -> str:
        """Asks for all of it at once, as exports are asked for: by edges, without variables."""
        inner = self.inner
        inside = f"{inner.name} {{ edges {{ node {{ {inner.fields} }} }} }}" if inner else ""
        return f"{{ {self.name} {{ edges {{ node {{ {self.fields} {inside} }} }} }} }}"

    def pages(self, api: GraphQl, variables: Mapping[str, Any]) -> Iterator[list[Any]]:
        """The list page by page, each node whole. Raises as `GraphQl.pages`."""
        for nodes in api.pages(self.paged, variables, self.name):
            yield [self._whole(api, node) for node in nodes]

    def entries(self, api: GraphQl, node_id: object, after: str | None) -> list[Any]:
        """The entries of a node's inner list after a cursor; none of a node that is gone."""
        assert self.inner is not None  # noqa: S101 - asked for where there is one
        found: list[Any] = []
        variables, where = {"id": node_id}, f"node.{self.inner.name}"
        for nodes in api.pages(self.further, variables, where, after):
            found += nodes
        return found

    def _whole(self, api: GraphQl, node: Any) -> Any:  # noqa: ANN401 - JSON
        inner = at_path(node, self.inner.name) if self.inner else None
        if not isinstance(inner, dict):
            return node
        following = next_page(inner)
        inner.pop("pageInfo", None)
        if following and isinstance(inner.get("nodes"), list):
            inner["nodes"] += self.entries(api, node["id"], following)
        return node

    def joined(self, root: Json, entries: list[Any]) -> Json:
        """A node and the entries of its inner list, as `pages` gives it."""
        return {**root, self.inner.name: {"nodes": entries}} if self.inner else root
