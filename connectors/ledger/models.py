"""Tables of the ledger database.

Types are portable (SQLite, PostgreSQL). Instants are UTC: aware in Python, naive in the
database, since SQLite keeps no zone. No table holds an address or the content of a message:
those stay in the run's snapshot and are joined by `message_key`.
"""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from connectors.ledger.columns import UtcDateTime, one_of

BATCH_STATUSES = ("landed", "quarantined", "released")
RUN_KINDS = ("daily", "triggered", "mass", "replay")
RUN_STATUSES = ("running", "completed", "failed", "stopped")
STATES = ("reserved", "delivering", "accepted", "rejected", "unknown", "cancelled", "held")
# What has left, or may have.
WENT_OUT = ("delivering", "accepted", "unknown")
# A cancelled message (and no other) has a refusal. It was never sent, so it does not hold its
# slot. Said by `refusal`, which delivery never touches, so that the unique index stays untouched.
HOLDS_SLOT = "refusal is null"


class Base(DeclarativeBase):
    """Base of every ledger table."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime, dict[str, Any]: JSON}


class BatchRow(Base):
    """One landed file. `checked_at` is null until its landing gate ran."""

    __tablename__ = "batches"
    __table_args__ = (one_of("status", BATCH_STATUSES), Index("batches_landed_at", "landed_at"))

    batch_id: Mapped[str] = mapped_column(String, primary_key=True)
    vendor: Mapped[str]
    source_id: Mapped[str]
    stream: Mapped[str]
    path: Mapped[str]
    rows: Mapped[int] = mapped_column(BigInteger)
    bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    first_record_at: Mapped[datetime | None]
    last_record_at: Mapped[datetime | None]
    landed_at: Mapped[datetime]
    status: Mapped[str]
    checked_at: Mapped[datetime | None]
    quarantine_reason: Mapped[str | None]


class CursorRow(Base):
    """How far a part (file, shard, table) of a stream has been read."""

    __tablename__ = "cursors"

    vendor: Mapped[str] = mapped_column(String, primary_key=True)
    source_id: Mapped[str] = mapped_column(String, primary_key=True)
    stream: Mapped[str] = mapped_column(String, primary_key=True)
    part: Mapped[str] = mapped_column(String, primary_key=True)
    position: Mapped[str]
    done: Mapped[bool]
    updated_as_of: Mapped[datetime]


class KnownRowRow(Base):
    """What is known of a record of a snapshot, by the scope vendor/source_id/stream/part."""

    __tablename__ = "known_rows"
    __table_args__ = ({"sqlite_with_rowid": False},)

    scope: Mapped[str] = mapped_column(String, primary_key=True)
    record_key: Mapped[str] = mapped_column(String, primary_key=True)
    digest: Mapped[str]
    missed: Mapped[int] = mapped_column(Integer)


class ShapeRow(Base):
    """What a stream's records looked like so far: names and types of fields, no values."""

    __tablename__ = "shapes"

    vendor: Mapped[str] = mapped_column(String, primary_key=True)
    source_id: Mapped[str] = mapped_column(String, primary_key=True)
    stream: Mapped[str] = mapped_column(String, primary_key=True)
    shape: Mapped[dict[str, Any]]


class RunRow(Base):
    """One run of a flow: its clock, its versions, what it read and wrote; a shadow sent nothing."""

    __tablename__ = "runs"
    __table_args__ = (one_of("kind", RUN_KINDS), one_of("status", RUN_STATUSES))

    run_id: Mapped[str] = mapped_column(String, primary_key=True)
    kind: Mapped[str]
    as_of: Mapped[datetime]
    code_version: Mapped[str]
    seeds_version: Mapped[str]
    weights_version: Mapped[str]
    engine: Mapped[str]
    status: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    rows: Mapped[dict[str, Any]]
    audience_sha256: Mapped[str | None]
    full_refresh: Mapped[bool]
    is_shadow: Mapped[bool]


class RunBatchRow(Base):
    """Which batches a run saw."""

    __tablename__ = "run_batches"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.run_id"), primary_key=True)
    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.batch_id"), primary_key=True)


class MessageRow(Base):
    """One message, once. Words that may be missing (campaign) are '' so that they compare."""

    __tablename__ = "messages"
    __table_args__ = (
        one_of("state", STATES),
        CheckConstraint("(state = 'cancelled') = (refusal is not null)", name="refusal_said"),
        # By which messages of an address are found, too: one index less that each change writes to.
        Index(
            "messages_once",
            *("address_hash", "programme", "campaign_id", "occasion", "step"),
            unique=True,
            sqlite_where=text(HOLDS_SLOT),
            postgresql_where=text(HOLDS_SLOT),
        ),
        Index("messages_by_person", "person_id", "planned_as_of"),
        Index(
            "messages_by_batch",
            "batch_id",
            sqlite_where=text("batch_id is not null"),
            postgresql_where=text("batch_id is not null"),
        ),
        Index(
            "messages_open",
            *("state", "run_id", "message_key"),
            sqlite_where=text("state in ('reserved', 'delivering', 'unknown')"),
            postgresql_where=text("state in ('reserved', 'delivering', 'unknown')"),
        ),
    )

    message_key: Mapped[str] = mapped_column(String, primary_key=True)
    run_id: Mapped[str]
    programme: Mapped[str]
    campaign_id: Mapped[str]
    occasion: Mapped[str]
    step: Mapped[int] = mapped_column(Integer)
    variant: Mapped[str]
    channel: Mapped[str]
    purpose: Mapped[str]
    kind: Mapped[str]
    person_id: Mapped[str]
    address_hash: Mapped[str]
    destination: Mapped[str]
    planned_as_of: Mapped[datetime]
    state: Mapped[str]
    refusal: Mapped[str | None]
    reserved_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    batch_id: Mapped[str | None]
    change_seq: Mapped[int] = mapped_column(BigInteger, unique=True)
    attempts: Mapped[int] = mapped_column(Integer)
    emission: Mapped[str] = mapped_column(server_default="")


class MessageAuditRow(Base):
    """One row per batch transition; per message (`message_key`) where it differs from its batch."""

    __tablename__ = "message_audit"
    __table_args__ = (
        Index("message_audit_by_batch", "delivery_batch_id"),
        Index("message_audit_by_message", "message_key"),
    )

    # SQLite numbers rows by itself for INTEGER keys only.
    audit_id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    delivery_batch_id: Mapped[str | None]
    message_key: Mapped[str | None]
    run_id: Mapped[str]
    from_state: Mapped[str | None]
    to_state: Mapped[str]
    at: Mapped[datetime]
    messages: Mapped[int] = mapped_column(Integer)
    detail: Mapped[str | None]


class SuppressionRow(Base):
    """An address that must not be contacted, by its keyed hash. Append-only."""

    __tablename__ = "suppressions"

    address_hash: Mapped[str] = mapped_column(String, primary_key=True)
    reason: Mapped[str] = mapped_column(String, primary_key=True)
    source: Mapped[str] = mapped_column(String, primary_key=True)
    since: Mapped[datetime] = mapped_column(primary_key=True)


class IdentityCutRow(Base):
    """Two nodes that someone found not to be one person's: no link of them counts. Append-only.

    `node_id` < `other_id`.
    """

    __tablename__ = "identity_cuts"

    node_id: Mapped[str] = mapped_column(String, primary_key=True)
    other_id: Mapped[str] = mapped_column(String, primary_key=True)
    cut_at: Mapped[datetime]
    reason: Mapped[str]
    change_seq: Mapped[int] = mapped_column(BigInteger, unique=True)


class ErasureRow(Base):
    """An identifier of somebody who was erased, by its hash (addresses: keyed). Append-only.

    `is_shared`: other people's records name it too, so those are landed without it.
    """

    __tablename__ = "erasures"

    request_id: Mapped[str] = mapped_column(String, primary_key=True)
    node_id: Mapped[str] = mapped_column(String, primary_key=True)
    node_type: Mapped[str]
    is_shared: Mapped[bool]
    erased_at: Mapped[datetime]
    change_seq: Mapped[int] = mapped_column(BigInteger, unique=True)


class CounterRow(Base):
    """A number handed out once. Its row is locked until commit, so numbers commit in order."""

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(String, primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)
