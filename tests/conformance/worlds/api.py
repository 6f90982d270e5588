"""What worlds of sources that ask an API share: the vendor's API on loopback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from tests.conformance.http_kit import App, Server
from tests.conformance.worlds.base import SECRET, World


class ApiWorld(World):
    """A vendor's API. `server` is where faults are put in, `secrets` are what it wants to see."""

    broken_urls = (
        f"https://user:{SECRET}@127.0.0.1:1/x?key={SECRET}",
        f"ftp://user:{SECRET}@host/",
        f"{SECRET} is no url",
    )
    app: ClassVar[Callable[[], App]]

    def __init__(self, folder: Path) -> None:  # noqa: ARG002 - it lies nowhere
        self.shop: Any = type(self).app()
        self.server = Server(self.shop)

    def url(self) -> str:
        return self.server.url
