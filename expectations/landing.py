"""What a landed batch must be: the lake's record, its manifest row, its vendor's suite.

What the payload says is no business of landing: staging reads it, and keeps what it cannot read. A
vendor's suite (`expectations/sources/<vendor>.py`) is about the batch as a whole.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from expectations.rules import Check, columns_are, not_null, one_of, row_count, unique

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.core.spec import Batch
    from expectations.rules import Rule

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
            *_suite(batch.vendor).get(batch.stream, ()),
        ),
    )


@cache
def _suite(vendor: str) -> Mapping[str, tuple[Rule, ...]]:
    """The vendor's own rules by stream."""
    name = f"expectations.sources.{vendor}"
    if not vendor.isidentifier() or find_spec(name) is None:
        return {}
    rules: Mapping[str, tuple[Rule, ...]] = import_module(name).RULES
    return rules
