"""What the tests of HubSpot as a destination share: an account on loopback, messages, settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from connectors.core.accounts import DestinationSettings
from connectors.core.delivery import OutMessage
from connectors.core.http import HttpClient, bearer
from connectors.core.settings import Settings
from connectors.core.vendors import hubspot
from connectors.destinations.hubspot import create, create_audience
from connectors.destinations.hubspot.events import HubSpotDestination
from connectors.destinations.hubspot.lists import HubSpotLists
from tests.conformance.apis.hubspot import TOKEN, Portal
from tests.conformance.apis.hubspot.portal import EVENT, TYPE
from tests.conformance.http_kit import Server, served

OPTIONS = {"event": EVENT, "subscription": str(TYPE)}


@dataclass
class Desk:
    """A HubSpot account and how it is connected. `waited`: what a client would have slept."""

    portal: Portal
    server: Server
    settings: Settings
    waited: list[float]

    def client(self, **changes: Any) -> HttpClient:
        return HttpClient(
            self.server.url,
            auth=bearer(SecretStr(TOKEN)),
            statuses=hubspot.ANSWERED,
            **{"sleep": self.waited.append, **changes},
        )

    def destination(self) -> HubSpotDestination:
        made = create(self.settings, self.client())
        made._sleep = self.waited.append
        return made

    def lists(self) -> HubSpotLists:
        return create_audience(self.settings, self.client())

    def asked(self, path: str) -> list[Any]:
        """The bodies of the requests to an address that ends so."""
        return [each.body for each in self.server.asked if each.path.endswith(path)]


@contextmanager
def desk(home: Path, portal: Portal | None = None, **options: str) -> Iterator[Desk]:
    """An account for as long as the context lasts."""
    portal = portal or Portal()
    with served(portal) as server:
        account = DestinationSettings(
            url=SecretStr(server.url), token=SecretStr(TOKEN), options={**OPTIONS, **options}
        )
        settings = Settings(home=home, destinations={"hubspot": account})
        yield Desk(portal, server, settings, [])


def message(key: str, address: str | None = None, **changes: Any) -> OutMessage:
    """A marketing email to a person of its own."""
    told: dict[str, Any] = {
        "message_key": key,
        "address": f"{key}@example.com" if address is None else address,
        "person_id": f"p-{key}",
        "programme": "abandoned_cart",
        "campaign_id": None,
        "step": 1,
        "variant": "a",
        "channel": "email",
        "send_after": None,
        "content": {"subject": "Your kettle", "fact": "You left a kettle in your cart."},
        "evidence": {"cart_id": "c7"},
        "language": "en",
        **changes,
    }
    return OutMessage(**told)


@contextmanager
def elsewhere(limit: int, seconds: float) -> Iterator[tuple[str, Connection]]:
    """An account in a process of its own: its address, and a pipe that tells calls and refusals."""
    ours, theirs = Pipe()
    process = get_context("spawn").Process(target=_serve, args=(theirs, limit, seconds))
    process.start()
    try:
        yield ours.recv(), ours
    finally:
        ours.send("end")
        process.join(10)
        process.kill()


def _serve(pipe: Connection, limit: int, seconds: float) -> None:
    portal = Portal(limit=limit, seconds=seconds)
    with served(portal) as server:
        pipe.send(server.url)
        while pipe.recv() == "tell":
            server.asked.clear()
            on_lists = sum(len(each["members"]) for each in portal.lists.values())
            pipe.send({"calls": portal.calls, "busy": portal.busy, "on_lists": on_lists})
