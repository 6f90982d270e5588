"""An Eloqua instance on loopback, connected to Parley, and what its description allows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml
from pydantic import SecretStr

from connectors.core.accounts import DestinationSettings
from connectors.core.delivery import OutMessage
from connectors.core.settings import Settings
from connectors.destinations.eloqua import create, create_audience
from connectors.destinations.eloqua.audience import EloquaAudience
from connectors.destinations.eloqua.destination import EloquaDestination
from tests.conformance.apis.eloqua.site import PASSWORD, USER, EloquaSite
from tests.conformance.http_kit import App, Asked, Fault, Server, Told

SHARED = Path(__file__).parents[2] / ".." / "shared"
SPEC = SHARED / "api-specs" / "eloqua" / "openapi.yaml"
RECORDED = SHARED / "data" / "recorded" / "eloqua-export-records.jsonl"
# The description calls these lists of texts; the recorded requests and the manual show objects.
MISDESCRIBED = {"fields", "syncActions"}
LIST, OTHER = "6048", "6049"


@dataclass
class Instance:
    """An instance with two lists, `cart` and `welcome`, and an account at it."""

    home: Path
    site: EloquaSite = field(default_factory=EloquaSite)
    options: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("cart", "welcome"):
            self.site.make_list(name)
        self.server = Server(self.site)

    @property
    def settings(self) -> Settings:
        options = {
            "lists": f"abandoned_cart={LIST}, welcome={OTHER}",
            "fields": "subject=C_ParleySubject1, language=C_Language1",
        }
        account = DestinationSettings(
            url=SecretStr(self.server.url),
            user=SecretStr(USER),
            password=SecretStr(PASSWORD),
            options=options | self.options,
        )
        return Settings(_env_file=None, home=self.home, destinations={"eloqua": account})  # type: ignore[call-arg]

    def destination(self) -> EloquaDestination:
        return create(self.settings)

    def audience(self) -> EloquaAudience:
        return create_audience(self.settings)

    def spoil(self, path: str, fault: Fault, times: int = 1) -> None:
        """Spoil the next requests whose method, path and body match."""
        app, left = self.server.app, [times]

        def spoilt(asked: Asked) -> Told:
            if left[0] and re.search(path, f"{asked.method} {asked.path} {asked.body}"):
                left[0] -= 1
                return fault(asked, app)
            return app(asked)

        self.server.app = spoilt

    def posts(self, ending: str) -> list[Asked]:
        """The posts so far to paths with this end."""
        return [a for a in self.server.asked if a.method == "POST" and a.path.endswith(ending)]


def lost_after(asked: Asked, app: App) -> Told:
    """It is done, and the answer is lost."""
    app(asked)
    return Told(reset=True)


def lost_before(asked: Asked, app: App) -> Told:
    """It never arrives."""
    del asked, app
    return Told(reset=True)


def says(status: int, **headers: str) -> Fault:
    """An answer that is none."""
    return lambda _asked, _app: Told(None, status, headers)


def message(key: str, **changes: Any) -> OutMessage:
    """A marketing email to a person of its own."""
    told: dict[str, Any] = {
        "message_key": key,
        "address": f"{key}@example.com",
        "person_id": f"p-{key}",
        "programme": "abandoned_cart",
        "campaign_id": None,
        "step": 1,
        "variant": "a",
        "channel": "email",
        "send_after": None,
        "content": {"subject": f"Your kettle, {key}"},
        "evidence": {"cart_id": "c7"},
        "language": "en",
    }
    return OutMessage(**(told | changes))


def recorded() -> list[dict[str, Any]]:
    """Exchanges with a real instance; skips where they are not there."""
    if not RECORDED.exists():
        pytest.skip("the recorded exchanges are not there")
    return [json.loads(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()]


@cache
def _described() -> list[tuple[str, re.Pattern[str], dict[str, Any]]]:
    # Much faster than the one in Python, where it is there: 41,000 lines.
    loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    paths = yaml.load(SPEC.read_text(encoding="utf-8"), loader)["paths"]  # noqa: S506 - it is safe
    return [
        (method.upper(), re.compile(re.sub(r"\{\w+\}", r"\\w+", path)), told)
        for path, methods in paths.items()
        for method, told in methods.items()
    ]


def assert_described(asked: Iterable[Asked]) -> None:
    """Each request is one that the published description has, with its parameters and fields."""
    if not SPEC.exists():
        pytest.skip("the description of Eloqua's API is not there")
    for each in asked:
        if each.path == "/id":  # of another host, which it does not describe
            continue
        found = [t for m, p, t in _described() if m == each.method and p.fullmatch(each.path)]
        assert found, (each.method, each.path)
        known = {p["name"] for t in found for p in t.get("parameters", []) if p["in"] == "query"}
        assert set(each.query) <= known, (each.path, set(each.query) - known)
        assert not each.query or unquote(each.query.get("search", "")) is not None
        _assert_body(each, found[0])


def _assert_body(asked: Asked, told: dict[str, Any]) -> None:
    content = told.get("requestBody", {}).get("content", {})
    if not content:
        assert asked.body is None, asked.path
        return
    assert asked.headers["content-type"].partition(";")[0] in content
    schema = content["application/json"]["schema"]
    if schema.get("type") == "array":
        assert isinstance(asked.body, list)
        return
    properties = schema.get("properties")
    if properties is None:
        return
    assert set(asked.body) <= set(properties), (asked.path, set(asked.body) - set(properties))
    kinds = {"string": str, "boolean": bool, "integer": int}
    for name, value in asked.body.items():
        kind = kinds.get(properties[name].get("type", ""))
        assert name in MISDESCRIBED or kind is None or isinstance(value, kind), name
