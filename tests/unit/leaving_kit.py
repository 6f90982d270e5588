"""Every destination of the registry, each in a small world of its own, ready to be delivered to.

A new destination is not in here before it has a world in `tests/conformance/worlds`, or below.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import ClassVar

import pyarrow as pa
import pytest

from connectors.core.accounts import DestinationSettings
from connectors.core.http import HttpClient
from connectors.destinations.marketo import bulk
from tests.conformance.kits import outbox_kit
from tests.conformance.outbox import Delivered
from tests.conformance.worlds import destinations
from tests.conformance.worlds.destinations.base import DestinationWorld, HttpWorld
from tests.conformance.worlds.destinations.files import FileWorld

HOURS = "09:00 to 18:00 Europe/London, Monday to Friday"
WHEN = '{"subject":"Shall we meet?","starts_at":"2126-03-05T10:00Z"}'


class CallListWorld(FileWorld):
    """Calls to make."""

    name = "call_list"


class MeetingWorld(FileWorld):
    """Invitations."""

    name = "meeting"

    def account(self, url: str) -> DestinationSettings:
        del url
        return DestinationSettings(options={"organiser": "hello@brand.example"})


MODULES = [
    import_module(f"{destinations.__name__}.{module.name}")
    for module in iter_modules(destinations.__path__)
]
CHANNELS: dict[str, str] = {"call_list": "call", "meeting": "meeting", "post_list": "post"}
EXTRA: dict[str, dict[str, str]] = {
    "call_list": {"contact_hours": HOURS}, "meeting": {"content": WHEN},
}  # fmt: skip
# Of each destination one world; some have several.
WORLDS: dict[str, type[DestinationWorld]] = {
    world.name: world
    for world in (
        *(each for module in MODULES for each in getattr(module, "DESTINATIONS", ())),
        CallListWorld,
        MeetingWorld,
    )
}


class Leaving(Delivered):
    """As the suite's, with what calls and meetings need beside."""

    HOST: ClassVar = "shop.example"

    def rows(self, *keys: str, **changes: object) -> list[dict[str, object]]:
        name = self.world.name
        own = {"destination": name, "channel": CHANNELS.get(name, "email")}
        own |= {**EXTRA.get(name, {}), **changes}
        return [outbox_kit.row(key, **{"address": f"{key}@{self.HOST}", **own}) for key in keys]


@contextmanager
def left(name: str, folder: Path) -> Iterator[Leaving]:
    """A destination's world, and the ledger that its messages are in."""
    world = WORLDS[name](folder / "world")
    made = Leaving(world, folder)
    plain = outbox_kit.SCHEMA
    outbox_kit.SCHEMA = plain.append(pa.field("contact_hours", pa.string()))
    try:
        yield made
    finally:
        outbox_kit.SCHEMA = plain
        made.engine.dispose()
        world.close()


@pytest.fixture
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits in these tests."""
    monkeypatch.setitem(HttpClient.__init__.__kwdefaults__, "sleep", lambda _: None)
    monkeypatch.setattr(bulk, "sleep", lambda _: None)


def is_http(name: str) -> bool:
    return issubclass(WORLDS[name], HttpWorld)
