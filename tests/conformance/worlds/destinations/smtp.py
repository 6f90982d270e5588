"""The world of destination `smtp`: a mail server on loopback."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from connectors.core.delivery import Destination
from connectors.core.settings import Settings
from connectors.destinations.smtp import create
from tests.conformance.kits import smtp_kit
from tests.conformance.worlds.destinations.base import DestinationWorld, keys_of


class SmtpWorld(DestinationWorld):
    """A server that refuses a recipient by name."""

    name = "smtp"
    bad = "refused@shop.example"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.stack = ExitStack()
        self.post = self.stack.enter_context(smtp_kit.mail_server())

    def settings(self, **changes: Any) -> Settings:
        made: Settings = smtp_kit.settings_for(self.post.port, self.folder, **changes)
        return made

    def make(self, **changes: Any) -> Destination:
        return create(self.settings(**changes))

    def arrived(self) -> list[str]:
        return keys_of([address for each in self.post.mailbox.taken for address in each.recipients])

    def close(self) -> None:
        self.stack.close()


DESTINATIONS = (SmtpWorld,)
