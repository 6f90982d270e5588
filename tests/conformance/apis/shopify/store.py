"""A Shopify store's Admin GraphQL API on loopback, with its bucket of points and bulk operations.

Queries are parsed, checked and run against the schema, so one that Shopify would refuse is refused.
Files of bulk operations lie on an origin of their own, which wants to see no credentials.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from graphql import DocumentNode, GraphQLError, execute, get_operation_ast, parse, validate

from tests.conformance.apis.shopify.lists import Row, Rows, inner_page
from tests.conformance.apis.shopify.points import Bucket, cost
from tests.conformance.apis.shopify.schema import CONNECTIONS, INNER, SCHEMA
from tests.conformance.http_kit import Asked, Server, Told

TOKEN = "shpat_c4nary-t0ken"
CLIENT, CLIENT_SECRET = "client-c4nary", "shpss_c4nary-s3cret"
SCOPES = ("read_orders", "read_all_orders", "read_customers", "read_products")
SERVED = ("2026-04", "2026-07", "2026-10")
SIGNED = "s1gned"


@dataclass
class Operation:
    """A bulk operation. It is done after so many looks; `ends` is how: FAILED TIMEOUT."""

    id: str
    created_at: str
    looks: int
    ends: str
    lines: list[bytes]
    roots: int

    def told(self, files: str) -> dict[str, Any]:
        """How it is doing; each look brings it nearer to its end."""
        self.looks -= 1
        code, _, reason = (self.ends if self.looks < 0 else "RUNNING").partition(" ")
        address = f"{files}/{self.id.rpartition('/')[2]}.jsonl?signature={SIGNED}"
        return {
            "__typename": "BulkOperation",
            "id": self.id,
            "status": code,
            "errorCode": reason or None,
            "createdAt": self.created_at,
            "objectCount": str(len(self.lines)),
            "rootObjectCount": str(self.roots),
            "url": address if code == "COMPLETED" and self.lines else None,
            "partialDataUrl": address if code == "FAILED" else None,
        }


@dataclass
class ShopifyStore:
    """The store.

    `looks`, `ends` and `room` are those of the bulk operations to come: looks until they are done,
    how they end, how many may run at once. `long_list`: they leave out entries beyond so many.
    `denied`: fields that the app may not read.
    """

    rows: dict[str, Rows] = field(default_factory=lambda: {n: Rows() for n in CONNECTIONS})
    tokens: set[str] = field(default_factory=lambda: {TOKEN})
    scopes: tuple[str, ...] = SCOPES
    bucket: Bucket = field(default_factory=Bucket)
    most_cost: int = 1_000
    clock: datetime = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
    operations: dict[str, Operation] = field(default_factory=dict)
    looks: int = 0
    ends: str = "COMPLETED"
    room: int = 5
    long_list: int = 1_000_000
    is_grouping: bool = True
    denied: set[str] = field(default_factory=set)
    leaks: int = 0

    def __post_init__(self) -> None:
        self.files = Server(self.file)

    def put(self, kind: str, row: Row) -> Row:
        """Write a record of a type."""
        self.rows[kind].put({"__typename": kind, **row})
        return row

    def __call__(self, asked: Asked) -> Told:
        """Answer as Shopify does."""
        if asked.path == "/admin/oauth/access_token":
            return self._token(asked.body)
        version = re.fullmatch(r"/admin/api/([\w-]+)/graphql\.json", asked.path)
        if version is None or asked.method != "POST":
            return Told({"errors": "Not Found"}, 404)
        if asked.headers.get("x-shopify-access-token") not in self.tokens:
            text = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            return Told({"errors": text}, 401)
        served = version[1] if version[1] in SERVED else SERVED[0]
        told = self._answered(asked.body["query"], asked.body.get("variables") or {}, served)
        return Told(told, headers={"X-Shopify-API-Version": served})

    def file(self, asked: Asked) -> Told:
        """The file of a bulk operation."""
        if {"x-shopify-access-token", "authorization", "cookie"} & asked.headers.keys():
            self.leaks += 1
        number = asked.path.removeprefix("/").removesuffix(".jsonl")
        found = self.operations.get(f"gid://shopify/BulkOperation/{number}")
        if found is None or asked.query.get("signature") != SIGNED:
            return Told({"error": "expired"}, 403)
        return Told(b"".join(line + b"\n" for line in found.lines))

    def start(self, query: str, *, is_grouped: bool) -> dict[str, Any]:
        """Start a bulk operation on what is there now."""
        running = [each for each in self.operations.values() if each.looks > 0]
        if len(running) >= self.room:
            return _no("OPERATION_IN_PROGRESS" if self.room == 1 else "LIMIT_REACHED")
        document = parse(query)
        if validate(SCHEMA, document) or re.search(r"\bnodes\b|\bfirst\b", query):
            return _no("INVALID")
        data = self._run(document, {})["data"]
        (name,) = data
        nodes = [edge["node"] for edge in data[name]["edges"]]
        lines = [line for node in nodes for line in self._lines(node)]
        if not (is_grouped and self.is_grouping):
            lines.sort(key=lambda line: b"__parentId" in line)
        id_ = f"gid://shopify/BulkOperation/{len(self.operations) + 1}"
        at = f"{self.clock:%Y-%m-%dT%H:%M:%SZ}"
        self.operations[id_] = Operation(id_, at, self.looks, self.ends, lines, len(nodes))
        told = self.operations[id_].told(self.files.url)
        return {"bulkOperation": told, "userErrors": []}

    def _lines(self, node: Row) -> list[bytes]:
        inner = next((name for _, name in INNER.values() if name in node), None)
        entries = node.pop(inner)["edges"][: self.long_list] if inner else []
        children = [{**edge["node"], "__parentId": node["id"]} for edge in entries]
        return [orjson.dumps(each) for each in (node, *children)]

    def _token(self, form: dict[str, str]) -> Told:
        grant = {"grant_type": "client_credentials"}
        if form != {**grant, "client_id": CLIENT, "client_secret": CLIENT_SECRET}:
            return Told({"error": "invalid_client"}, 400)
        token = f"shpat_{len(self.tokens)}"
        self.tokens.add(token)
        return Told({"access_token": token, "scope": ",".join(self.scopes), "expires_in": 86_399})

    def _answered(self, query: str, variables: dict[str, Any], version: str) -> dict[str, Any]:
        document = parse(query)
        errors = [_refused(error) for error in validate(SCHEMA, document)]
        if version < "2026-07" and "cartToken" in query:
            errors.append(_error("undefinedField"))
        operation = get_operation_ast(document)
        if errors or operation is None:
            return {"errors": errors}
        points = cost(operation, variables)
        if points > self.most_cost:
            return {"errors": [_error("MAX_COST_EXCEEDED")]}
        is_paid = self.bucket.takes(points)
        told = self._run(document, variables) if is_paid else {"errors": [_error("THROTTLED")]}
        return {**told, "extensions": self.bucket.told(points, is_paid=is_paid)}

    def _run(self, document: DocumentNode, variables: dict[str, Any]) -> dict[str, Any]:
        done = execute(
            SCHEMA, document, self, variable_values=variables, field_resolver=_resolved,
            type_resolver=lambda value, *_: value["__typename"],
        )  # fmt: skip
        told: dict[str, Any] = {"data": done.data}
        if done.errors:
            told["errors"] = [_refused(error) for error in done.errors]
        return told

    def root(self, name: str, arguments: dict[str, Any]) -> Any:
        """A field of the query itself."""
        if name == "currentAppInstallation":
            return {"accessScopes": [{"handle": scope} for scope in self.scopes]}
        if name == "node":
            id_ = arguments["id"]
            if id_ in self.operations:
                return self.operations[id_].told(self.files.url)
            found = (rows.by_id.get(id_) for rows in self.rows.values())
            return next((row for row in found if row), None)
        kind = next(kind for kind, connection in CONNECTIONS.items() if connection == name)
        return self.rows[kind].page(**{"sortKey": "ID", **arguments})


def _resolved(source: Any, info: Any, **arguments: Any) -> Any:
    """A field's value: of the store itself, a list's page, or as it was put."""
    name, parent, store = info.field_name, info.parent_type.name, info.root_value
    if parent == "Mutation":
        return store.start(arguments["query"], is_grouped=arguments["groupObjects"])
    if parent == "Query":
        return store.root(name, arguments)
    if name in store.denied:
        raise _denied(name)
    if (parent, name) in INNER.values():
        return inner_page(source[name], **arguments)
    return source.get(name)


def _denied(name: str) -> GraphQLError:
    return GraphQLError(f"Access denied for {name}", extensions={"code": "ACCESS_DENIED"})


def _no(code: str) -> dict[str, Any]:
    return {"bulkOperation": None, "userErrors": [{"code": code, "message": code}]}


def _refused(error: GraphQLError) -> dict[str, Any]:
    extensions = error.extensions or {"code": "undefinedField"}
    path = {"path": error.path} if error.path else {}
    return {"message": error.message, "extensions": extensions, **path}


def _error(code: str) -> dict[str, Any]:
    return {"message": code, "extensions": {"code": code}}
