"""What a landed batch must be, whatever its vendor: the lake's record, and its manifest row.

What the payload says is no business of landing: staging reads it, and keeps what it cannot read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from expectations.rules import Check, columns_are, not_null, one_of, row_count, unique

if TYPE_CHECKING:
    from connectors.core.spec import Batch

LAKE_COLUMNS: Final = frozenset(
    {"record_key", "record_at", "op", "payload", "batch_id", "seq", "landed_at"}
)
OPS: Final = frozenset({"upsert", "delete"})


def check(batch: Batch, path: str) -> Check:
    """The suite for one batch; `path` is where its file is.

    A payload is personal and large, so the checked table only keeps whether there is one.
    """
    return Check(
        name=batch.batch_id,
        files=(path,),
        every_column=True,
        presence=frozenset({"payload"}),
        rules=(
            columns_are(LAKE_COLUMNS),
            row_count(batch.rows),
            not_null("record_key"),
            not_null("payload"),
            not_null("op"),
            one_of("op", OPS),
            not_null("batch_id"),
            one_of("batch_id", {batch.batch_id}),
            not_null("seq"),
            unique("seq"),
        ),
    )
