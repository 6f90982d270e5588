"""What the tests of the guards share: ledgers in either database, a policy with small numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from outbox_kit import MONDAY, Outbox, row

from connectors.core.delivery import Destination
from connectors.ledger.emission.audience import SLICES
from connectors.ledger.emission.outbox import EmitResult, emit

POLICY_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("rule", "channel", "kind")),
        *((name, pa.int32()) for name in ("window_hours", "max_messages")),
        ("calendar_day", pa.bool_()),
        ("percent", pa.int32()),
        ("units", pa.decimal128(18, 6)),
    ]
)


def rule(name: str, **more: Any) -> dict[str, Any]:
    """A row of the policy."""
    return {"rule": name, "channel": "any", "kind": "any", "calendar_day": False, **more}


GUARDS = (
    rule("push_collapse", kind="mass", percent=40, units=5),
    rule("push_explosion", percent=250, units=5),
    rule("complaint_brake", window_hours=720, units=Decimal("0.1")),
    rule("complaint_stop", window_hours=720, units=Decimal("0.3")),
)


def publish(
    outbox: Outbox,
    rows: Iterable[Mapping[str, Any]],
    run_id: str,
    at: datetime,
    policy: Iterable[Mapping[str, Any]] = GUARDS,
) -> Path:
    """Write the plan of a run with its policy; what is triggered into the slice of its own."""
    planned = [{**each, "planned_as_of": at} for each in rows]
    for kind in SLICES:
        outbox.plan((each for each in planned if each["kind"] == kind), run_id, kind)
    folder = outbox.home / "runs" / run_id
    table = pa.Table.from_pylist([dict(each) for each in policy], schema=POLICY_SCHEMA)
    pq.write_table(table, folder / "contact_policy.parquet")
    return folder


def push(
    outbox: Outbox,
    rows: Iterable[Mapping[str, Any]],
    run_id: str,
    at: datetime = MONDAY,
    policy: Iterable[Mapping[str, Any]] = GUARDS,
) -> EmitResult:
    """Plan these rows at `at` with the guards of this policy, and emit both slices."""
    publish(outbox, rows, run_id, at, policy)
    told = [again(outbox, run_id, at, kind) for kind in SLICES]
    refused = {**told[0].refused, **told[1].refused}
    numbers = ("reserved", "held", "absorbed", "accepted")
    return EmitResult(
        refused=refused, **{name: sum(getattr(each, name) for each in told) for name in numbers}
    )


def again(outbox: Outbox, run_id: str, at: datetime, kind: str) -> EmitResult:
    """Emit a slice of what a run planned."""
    destinations: dict[str, Destination] = {"file": outbox.destination}
    folder = outbox.home / "runs" / run_id
    return emit(outbox.engine, folder, run_id, kind, destinations, clock=lambda: at)


def carts(count: int, of: str, **changes: Any) -> list[dict[str, Any]]:
    """So many triggered messages to people of their own; `of` keeps their keys apart."""
    what = {"programme": "abandoned_cart", "campaign_id": "", "kind": "triggered", **changes}
    return [row(f"{of}-{number:04}", **what) for number in range(count)]


def letters(count: int, campaign: str, of: str = "", **changes: Any) -> list[dict[str, Any]]:
    """So many messages of a campaign of the newsletter."""
    what = {"programme": "newsletter", "campaign_id": campaign, **changes}
    return [row(f"{campaign}{of}-{number:04}", **what) for number in range(count)]
