"""Histories of who was seen with what, and an oracle that thinks of them one by one."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from csv import DictReader
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from days_kit import PROJECT, land
from hypothesis import strategies as st

DAYS = 3
TYPES = ("device", "user_id", "loyalty_card", "email", "phone")
Node = tuple[str, str]  # type and value
STREAMS = {"order": "orders", "customer": "customers", "event": "events"}


@dataclass(frozen=True)
class Seen:
    """A record of a day: what it is, under which key, and which identifiers it names."""

    kind: str
    key: str
    nodes: tuple[Node, ...]

    @property
    def source(self) -> str:
        """The source that tells it; only devices are known by their source."""
        return "segment" if self.kind == "event" else "database"


@dataclass
class Day:
    """What lands on a day: records, and pairs that somebody cut."""

    seen: list[Seen] = field(default_factory=list)
    cut: list[tuple[Node, Node]] = field(default_factory=list)


def node_id(node: Node) -> str:
    """The id that the models give a node."""
    type_, value = node
    if type_ in {"email", "phone"}:
        return f"{type_}-{value}"
    space = "segment" if type_ == "device" else "main"
    return hashlib.md5(f"{type_}|{space}|{value}".encode(), usedforsecurity=False).hexdigest()


@st.composite
def histories(draw: st.DrawFn) -> list[Day]:
    """A few days of a few identifiers that meet each other, now and then cut apart."""
    sizes = {"device": 3, "user_id": 5, "loyalty_card": 3, "email": 4, "phone": 4}
    nodes = {
        type_: st.tuples(st.just(type_), st.integers(1, size).map(str))
        for type_, size in sizes.items()
    }

    def named(kind: str, *types: str, one_of: tuple[str, ...] = TYPES) -> st.SearchStrategy[Seen]:
        sets = st.sets(st.sampled_from(types), min_size=1, max_size=3).filter(
            lambda found: found & {*one_of}
        )
        chosen = sets.flatmap(lambda found: st.tuples(*(nodes[each] for each in sorted(found))))
        return st.builds(Seen, st.just(kind), st.integers(1, 4).map(str), chosen)

    # A customer has an id, an event one of a device or a user.
    records = st.one_of(
        named("order", "user_id", "loyalty_card", "email", "phone"),
        named("customer", "user_id", "loyalty_card", "email", "phone", one_of=("user_id",)),
        named("event", "device", "user_id", "email", "phone", one_of=("device", "user_id")),
    )
    days: list[Day] = []
    for _ in range(DAYS):
        days.append(Day(draw(st.lists(records, max_size=5))))
        met = sorted({pair for day in days for seen in day.seen for pair in _pairs(seen)})
        if met:
            days[-1].cut = draw(st.lists(st.sampled_from(met), max_size=1))
    return days


def within(name: str, day: Day) -> Day:
    """The same day in a name space of its own."""

    def own(node: Node) -> Node:
        return node[0], f"{name}-{node[1]}"

    seen = [Seen(s.kind, f"{name}-{s.key}", tuple(own(n) for n in s.nodes)) for s in day.seen]
    return Day(seen, [(own(a), own(b)) for a, b in day.cut])


def landed(lake: Path, number: int, days: Iterable[Day]) -> list[dict[str, str]]:
    """The batches of a day of several histories."""
    rows: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    values: set[Node] = set()
    for day in days:
        for seen in day.seen:
            rows[STREAMS[seen.kind]].append(
                (seen.key, "upsert", json.dumps(_payload(seen, number)))
            )
            values.update(node for node in seen.nodes if node[0] in {"email", "phone"})
        for a, b in day.cut:
            pair = sorted((node_id(a), node_id(b)))
            cut = {"node_id": pair[0], "other_id": pair[1], "reason": "wrong"}
            told = json.dumps({**cut, "cut_at": "2011-12-08T00:00:00Z"})
            rows["cuts"].append((str(len(rows["cuts"])), "upsert", told))
    for type_, value in sorted(values):
        told = {"type": type_, "raw": value, "value": value, "node_id": node_id((type_, value))}
        row = (f"{type_}{value}", "upsert", json.dumps({**told, "is_valid": True}))
        rows["identifiers"].append(row)
    vendors = {"cuts": "parley"}
    return [
        land(lake, number, stream, records, vendors.get(stream)) for stream, records in rows.items()
    ]


def _payload(seen: Seen, number: int) -> dict[str, Any]:
    """A record as its source tells it."""
    named = dict(seen.nodes)
    at = f"2011-12-0{number + 1}T10:00:00Z"
    if seen.kind == "event":
        traits = {key: named[key] for key in ("email", "phone") if key in named}
        payload = {"type": "identify", "messageId": f"{number}-{seen.key}", "traits": traits}
        ids = {"anonymousId": named.get("device"), "userId": named.get("user_id")}
        return {**payload, **ids, "originalTimestamp": at, "receivedAt": at}
    fields = {
        "email": named.get("email"), "phone": named.get("phone"),
        "loyalty_card": named.get("loyalty_card"), "customer_id": named.get("user_id"),
    }  # fmt: skip
    if seen.kind == "customer":
        return {**fields, "created_at": at}
    order = {"order_id": seen.key, "channel": "web", "currency": "GBP", "amount_minor": "100"}
    return {**fields, **order, "ordered_at": at}


def limits() -> dict[tuple[str, str], int]:
    """The seed: type and type of other to how many."""
    with (PROJECT / "seeds/identity_limits.csv").open() as file:
        return {(r["node_type"], r["other_type"]): int(r["max_links"]) for r in DictReader(file)}


def components(days: Iterable[Day]) -> dict[str, frozenset[str]]:
    """Who belongs together after these days, by union-find: node id to all of its component."""
    days = list(days)
    links = {(s.source, p) for day in days for s in day.seen for p in _pairs(s)}
    cut = {frozenset(pair) for day in days for pair in day.cut}
    shared = _shared(links)
    parent = {node: node for day in days for seen in day.seen for node in seen.nodes}

    def root(node: Node) -> Node:
        while parent[node] != node:
            node = parent[node]
        return node

    for a, b in {pair for _, pair in links}:
        ends = ((a, b), (b, a))
        refused = any(
            (x, y[0]) in shared if x[0] == "user_id" else any(s[0] == x for s in shared)
            for x, y in ends
        )
        if not refused and frozenset((a, b)) not in cut:
            parent[root(a)] = root(b)
    groups = defaultdict(set)
    for node in parent:
        groups[root(node)].add(node_id(node))
    return {node: frozenset(group) for group in groups.values() for node in group}


def _pairs(seen: Seen) -> Iterator[tuple[Node, Node]]:
    yield from combinations(sorted(seen.nodes), 2)


def _shared(links: set[tuple[str, tuple[Node, Node]]]) -> set[tuple[Node, str]]:
    """Nodes with too many others of a type within one source."""
    others: dict[tuple[str, Node, str], set[Node]] = defaultdict(set)
    for source, (a, b) in links:
        others[source, a, b[0]].add(b)
        others[source, b, a[0]].add(a)
    most = limits()
    return {
        (node, type_)
        for (_, node, type_), found in others.items()
        if len(found) > most.get((node[0], type_), len(found))
    }
