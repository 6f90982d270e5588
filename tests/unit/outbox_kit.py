"""What the tests of the ledger share: small audiences, a destination to play with, a view in."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Engine, select

from connectors.core.delivery import Outcome, OutMessage
from connectors.ledger.emission.audience import CapRule
from connectors.ledger.emission.outbox import EmitResult, emit
from connectors.ledger.models import MessageRow

MONDAY = datetime(2011, 12, 5, 11, 5, tzinfo=UTC)
POLICY = (
    CapRule("contact_window", "email", "any", 16, 1),
    CapRule("per_day", "email", "any", 24, 1, calendar_day=True),
    CapRule("per_week", "email", "any", 168, 3),
    CapRule("mass_per_week", "email", "mass", 168, 2),
    CapRule("calls", "call", "any", 720, 1),
)
TEXTS = (
    *("message_key", "address", "address_node", "person_id", "programme", "campaign_id"),
    *("occasion", "variant", "channel", "purpose", "kind", "destination", "verdict"),
    *("content", "evidence", "goal", "account_id", "product_key"),
)
SCHEMA = pa.schema(
    [(name, pa.string()) for name in TEXTS]
    + [("step", pa.int32()), ("send_after", pa.timestamp("us"))]
    + [(each, pa.timestamp("us")) for each in ("planned_as_of", "occurred_at", "expires_at")]
)


def row(key: str, **changes: Any) -> dict[str, Any]:
    """One marketing email of a mass campaign to a person of its own."""
    return {
        "message_key": key,
        "address": f"{key}@example.com",
        "address_node": f"a-{key}",
        "person_id": f"p-{key}",
        "programme": "new_collection",
        "campaign_id": "winter",
        "occasion": key,
        "step": 1,
        "variant": None,
        "channel": "email",
        "purpose": "marketing",
        "kind": "mass",
        "destination": "file",
        "verdict": "send",
        "send_after": MONDAY,
        "content": '{"first_name":"Ada"}',
        "evidence": "{}",
        "goal": "buy",
        "occurred_at": MONDAY - timedelta(days=1),
        "planned_as_of": MONDAY,
        **changes,
    }


@dataclass
class Recorder:
    """A destination that remembers what it accepted, and answers as it is told."""

    name: str = "file"
    batch_size: int = 10
    idempotent: bool = False
    answer: Callable[[OutMessage], Outcome | None] = field(
        default=lambda message: Outcome(message.message_key, "accepted")
    )
    batches: dict[str, list[str]] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    found: Callable[[str], list[Outcome] | None] = field(default=lambda _: [])

    def deliver(self, batch_id: str, messages: Sequence[OutMessage]) -> list[Outcome]:
        """Remember, then answer."""
        keys = [message.message_key for message in messages]
        self.batches.setdefault(batch_id, []).extend(keys)
        self.sent.extend(keys)
        return [said for message in messages if (said := self.answer(message))]

    def lookup(self, batch_id: str) -> list[Outcome] | None:
        """Answer as told."""
        return self.found(batch_id)


@dataclass
class Outbox:
    """A ledger with a folder of snapshots."""

    engine: Engine
    home: Path
    destination: Any = field(default_factory=Recorder)

    def plan(
        self, rows: Iterable[Mapping[str, Any]], run_id: str = "r1", kind: str = "mass"
    ) -> Path:
        """Write an audience into the snapshot of a run."""
        snapshot = self.home / "runs" / run_id
        snapshot.mkdir(parents=True, exist_ok=True)
        naive = [
            {name: _naive(value) for name, value in each.items()}
            for each in sorted(rows, key=lambda each: str(each["message_key"]))
        ]
        pq.write_table(
            pa.Table.from_pylist(naive, schema=SCHEMA), snapshot / f"audience_{kind}.parquet"
        )
        return snapshot

    def emit(
        self, rows: Iterable[Mapping[str, Any]], run_id: str = "r1", at: datetime = MONDAY
    ) -> EmitResult:
        """Plan these rows at `at` and emit them."""
        self.plan([{**each, "planned_as_of": at} for each in rows], run_id)
        return self.again(run_id, at)

    def again(self, run_id: str = "r1", at: datetime = MONDAY) -> EmitResult:
        """Emit what a run planned, once more."""
        return emit(
            self.engine,
            self.home / "runs" / run_id,
            run_id,
            "mass",
            {"file": self.destination},
            policy=POLICY,
            clock=lambda: at,
        )

    def table(self) -> dict[str, dict[str, Any]]:
        """Every message of the ledger by key."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(*MessageRow.__table__.c)).mappings()
            return {each["message_key"]: dict(each) for each in rows}

    def states(self) -> dict[str, str]:
        """Tell the state of every message."""
        return {key: each["state"] for key, each in self.table().items()}


def _naive(value: object) -> object:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value
