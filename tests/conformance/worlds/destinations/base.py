"""What every world of a destination is: a place where messages arrive, and how it is reached."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import SecretStr

from connectors.core import registry
from connectors.core.accounts import DestinationSettings
from connectors.core.delivery import Destination
from connectors.core.sender import DEMO_SENDER
from connectors.core.settings import Settings
from tests.conformance.http_kit import App, Asked, Fault, Server, Told
from tests.conformance.worlds.base import SECRET

TWO = "one@shop.example, two@shop.example"
HOST = "shop.example"


class DestinationWorld(ABC):
    """A small outside world for one destination: what arrives there, and how it is connected.

    `bad` is an address that it refuses, alone or with its whole batch.
    """

    name: ClassVar[str]
    bad: ClassVar[str] = TWO
    server: Server | None = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def arrived(self) -> list[str]:
        """The keys of the messages that arrived, each as often as it did."""

    def account(self, url: str) -> DestinationSettings:
        """How it is connected: its server's address and the right credentials."""
        return DestinationSettings(url=SecretStr(url))

    def settings(self, **changes: Any) -> Settings:
        """The settings; `changes` of the account, such as a wrong token."""
        account = self.account(self.server.url if self.server else "")
        told = {self.name: account.model_copy(update=changes)}
        plain: dict[str, Any] = {"_env_file": None}
        return Settings(**plain, home=self.folder, sender=DEMO_SENDER, destinations=told)

    def make(self, **changes: Any) -> Destination:
        """The destination, as the registry makes it."""
        return registry.destination(self.name)(self.settings(**changes))

    def close(self) -> None:
        """End the server."""
        if self.server:
            self.server.close()


class HttpWorld(DestinationWorld):
    """One that speaks HTTP. `sends` tells the request by which messages arrive.

    `reads_answers`: it looks into the body of a 200. `wrong` are credentials that do not hold.
    """

    reads_answers: ClassVar[bool] = True

    server: Server
    wrong: ClassVar[dict[str, SecretStr]] = {"token": SecretStr(SECRET)}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.server = Server(self.app())

    @abstractmethod
    def app(self) -> App:
        """The vendor's API."""

    @abstractmethod
    def sends(self, asked: Asked) -> bool:
        """Whether this is the request by which messages arrive."""

    def spoil(self, fault: Fault, times: int = 1) -> None:
        """Spoil the next requests by which messages would arrive."""
        app, left = self.server.app, [times]

        def spoilt(asked: Asked) -> Told:
            if left[0] and self.sends(asked):
                left[0] -= 1
                return fault(asked, app)
            return app(asked)

        self.server.app = spoilt


def keys_of(addresses: Sequence[str]) -> list[str]:
    """The keys of messages whose addresses are made of them."""
    return [each.partition("@")[0] for each in addresses]
