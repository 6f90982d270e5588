"""A Marketo account on loopback with a destination connected to it, and its API's own description.

The description and the recorded exchanges lie beside the repository, where they could be had;
without them nothing is checked against them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator
from pydantic import SecretStr

from connectors.core.accounts import DestinationSettings
from connectors.core.audience import Member
from connectors.core.delivery import Outcome, OutMessage
from connectors.core.http import HttpClient
from connectors.core.settings import Settings
from connectors.destinations.marketo import bulk
from tests.conformance.apis.marketo.store import PASSWORD, USER, Marketo
from tests.conformance.http_kit import Asked, Server

SHARED = Path(__file__).parents[3] / "shared"
MAPI = SHARED / "api-specs" / "marketo" / "swagger-mapi.json"
IDENTITY = MAPI.with_name("swagger-identity.json")
RECORDED = SHARED / "data" / "recorded" / "marketo-export-records.jsonl"
AS_OF = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
CAMPAIGN, OTHER = 1021, 1030


class Connected:
    """The account, and settings that name it."""

    def __init__(self, home: Path) -> None:
        self.account = Marketo()
        self.server = Server(self.account)
        self.home = home
        for number in (CAMPAIGN, OTHER):
            self.account.campaigns[number] = {"name": "x", "type": "trigger", "active": True}

    def settings(self, **options: str) -> Settings:
        usual = {"calls": "1000000", "campaigns": f"abandoned_cart:{CAMPAIGN},*:{OTHER}"}
        named = DestinationSettings(
            url=SecretStr(self.server.url), user=SecretStr(USER), password=SecretStr(PASSWORD),
            options={**usual, **options},
        )  # fmt: skip
        return Settings(home=self.home, destinations={"marketo": named})

    def asked(self, path: str = "") -> list[Asked]:
        """The requests to such a path."""
        return [each for each in self.server.asked if re.search(path, each.path)]

    def emails(self) -> list[list[str]]:
        """The addresses of each request of a campaign."""
        leads = self.account.leads
        return [[leads[each]["email"] for each in ids] for _, ids, _ in self.account.requested]


@pytest.fixture
def marketo(tmp_path: Path) -> Iterator[Connected]:
    """The account; what was asked of it is held against its description at the end."""
    made = Connected(tmp_path)
    yield made
    made.server.close()
    assert_described(made.server.asked)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody waits in these tests; how long somebody would have is kept."""
    waited: list[float] = []
    monkeypatch.setitem(HttpClient.__init__.__kwdefaults__, "sleep", waited.append)
    monkeypatch.setattr(bulk, "sleep", waited.append)
    return waited


def message(key: str, **changes: Any) -> OutMessage:
    """A marketing email; its address is its key's."""
    made = OutMessage(
        key, f"{key}@shop.example", f"p-{key}", "abandoned_cart", None, 1, None, "email", None,
        {"subject": "Your basket", "fact": "A kettle is in it."}, {},
    )  # fmt: skip
    return replace(made, **changes)


def member(key: str, **changes: Any) -> Member:
    """Somebody of an audience; their address is their key's."""
    made = Member(key, f"{key}@shop.example", {"stage": "customer", "score": 7})
    return replace(made, **changes)


def states(outcomes: Iterable[Outcome]) -> dict[str, str]:
    return {each.message_key: each.state for each in outcomes}


@cache
def _described() -> list[tuple[re.Pattern[str], str, dict[str, Any], dict[str, Any]]]:
    """Every operation: its path, its method, what it says, and its document."""
    found = []
    for document in (json.loads(path.read_text()) for path in (MAPI, IDENTITY)):
        for path, operations in document["paths"].items():
            pattern = re.compile(re.sub(r"\\{\w+\\}", r"[^/]+", re.escape(path)))
            found += [
                (pattern, method.upper(), said, document) for method, said in operations.items()
            ]
    return found


def assert_described(asked: Iterable[Asked]) -> None:
    """Path, method, query and body of each request are what the description allows."""
    if not MAPI.exists():
        return
    for each in asked:
        if not each.path.startswith(
            "/rest/asset/"
        ):  # of another API, whose description is not here
            _assert_described(each)


def _assert_described(asked: Asked) -> None:
    said = [
        (operation, document)
        for pattern, method, operation, document in _described()
        if method == asked.method and pattern.fullmatch(asked.path)
    ]
    assert said, f"{asked.method} {asked.path} is in no description"
    operation, document = said[0]
    parameters = operation.get("parameters", [])
    query = {each["name"]: each for each in parameters if each["in"] == "query"}
    assert set(asked.query) <= set(query), asked.path
    needed = {name for name, each in query.items() if each.get("required")}
    assert needed <= set(asked.query), f"{asked.path} lacks {needed - set(asked.query)}"
    for name, value in asked.query.items():
        assert query[name]["type"] != "integer" or value.isdecimal(), f"{asked.path} {name}"
        assert value in query[name].get("enum", [value]), f"{asked.path} {name}"
    bodies = [each for each in parameters if each["in"] == "body"]
    if asked.body is None or isinstance(asked.body, bytes):
        assert not [each for each in bodies if each.get("required")], asked.path
        return
    assert bodies, f"{asked.method} {asked.path} takes no body"
    schema = {**bodies[0]["schema"], "definitions": document["definitions"]}
    Draft4Validator(schema).validate(asked.body)
