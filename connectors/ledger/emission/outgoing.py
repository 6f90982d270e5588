"""Rows of a run's snapshot as messages on their way out."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import orjson
import pyarrow as pa

from connectors.core.clock import as_utc
from connectors.core.delivery import OutMessage
from connectors.core.errors import StopRun

COLUMNS = [
    *("message_key", "address", "person_id", "programme", "campaign_id", "step", "variant"),
    *("channel", "send_after", "content", "evidence"),
    *("purpose", "language", "expires_at", "contact_hours"),
]


def out_messages(rows: pa.RecordBatch) -> Iterator[OutMessage]:
    """Yield the messages of rows of the snapshot. Raises `StopRun` for content that isn't JSON."""
    # A plan that was published before a column was added is delivered without it.
    there = {*rows.schema.names}
    columns = [
        rows.column(name).to_pylist() if name in there else [None] * len(rows) for name in COLUMNS
    ]
    instants = _instants(rows, there & {"send_after", "expires_at"})
    for key, address, person_id, programme, campaign_id, step, *rest in zip(*columns, strict=True):
        variant, channel, send_after, content, evidence, *more = rest
        purpose, language, expires_at, contact_hours = more
        yield OutMessage(
            message_key=key,
            address=address,
            person_id=person_id,
            programme=programme,
            campaign_id=campaign_id or "",
            step=step or 0,
            variant=variant or "",
            channel=channel,
            send_after=instants.get(send_after),
            content=_json(content, key),
            evidence=_json(evidence, key),
            purpose=purpose,
            language=language or "",
            expires_at=instants.get(expires_at),
            contact_hours=contact_hours or "",
        )


def _instants(rows: pa.RecordBatch, names: Iterable[str]) -> dict[datetime, datetime]:
    """The moments in these columns, each in UTC; they are few."""
    found = (each for name in names for each in rows.column(name).unique().to_pylist())
    return {each: as_utc(each) for each in found if each}


def _json(text: str | None, message_key: str) -> dict[str, Any]:
    try:
        value: dict[str, Any] = orjson.loads(text or "{}")
    except orjson.JSONDecodeError as error:
        what = "Content or evidence of a message is not JSON"
        remedy = "Mend the programme's model, run decide again, then emit."
        raise StopRun(what, f"message {message_key}", remedy) from error
    return value
