"""The ledger's outbox, as the unit tests use it, for whole deliveries to a world."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from connectors.core.delivery import Destination
from connectors.core.errors import ParleyError
from connectors.ledger.db import open_ledger
from connectors.ledger.emission.budgets import Pace
from connectors.ledger.emission.outbox import emit
from connectors.ledger.models import MessageRow
from tests.conformance.kits import outbox_kit
from tests.conformance.worlds.destinations.base import HOST, DestinationWorld


@dataclass
class Delivered:
    """A world, and the ledger that its messages are in. `waited`: what a delivery waited for."""

    world: DestinationWorld
    home: Path
    waited: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engine = open_ledger(f"sqlite:///{self.home}/ledger.db")
        self.outbox = outbox_kit.Outbox(self.engine, self.home)

    def rows(self, *keys: str, **changes: Any) -> list[dict[str, Any]]:
        """A message for each key, to an address of its own."""
        channel = "post" if self.world.name == "post_list" else "email"
        own = {"destination": self.world.name, "channel": channel, **changes}
        return [outbox_kit.row(key, **{"address": f"{key}@{HOST}", **own}) for key in keys]

    def emit(
        self, rows: list[dict[str, Any]], run_id: str = "r1", made: Destination | None = None
    ) -> ParleyError | None:
        """Emit these rows; why nothing went, where nothing did."""
        folder = self.outbox.plan(rows, run_id)
        return self.again(folder, run_id, made)

    def again(
        self, folder: Path, run_id: str = "r1", made: Destination | None = None
    ) -> ParleyError | None:
        """Emit what a run planned, once more."""
        at = outbox_kit.MONDAY
        try:
            emit(
                self.engine, folder, run_id, "mass", {self.world.name: made or self.world.make()},
                policy=(), clock=lambda: at, pace=Pace(sleep=self.waited.append),
            )  # fmt: skip
        except ParleyError as error:
            return error
        return None

    def states(self) -> dict[str, str]:
        """The state of every message in the ledger."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(MessageRow.message_key, MessageRow.state))
            return {each.message_key: each.state for each in rows}
