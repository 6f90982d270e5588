"""The first ledger: manifest, cursors, runs, messages."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

OPEN = sa.text("state in ('reserved', 'delivering', 'unknown')")
HOLDS_SLOT = sa.text("refusal is null")


def upgrade() -> None:
    """Create every table."""
    _manifest()
    _runs()
    _messages()
    _message_indexes()
    _audit()
    _small_tables()


def downgrade() -> None:
    """Drop every table."""
    for table in ("message_audit", "messages", "suppressions", "counters"):
        op.drop_table(table)
    for table in ("run_batches", "runs", "cursors", "batches"):
        op.drop_table(table)


def _manifest() -> None:
    op.create_table(
        "batches",
        sa.Column("batch_id", sa.String(), primary_key=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("vendor", "source_id")),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("stream", "path")),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("first_record_at", sa.DateTime()),
        sa.Column("last_record_at", sa.DateTime()),
        sa.Column("landed_at", sa.DateTime(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("checked_at", sa.DateTime()),
        sa.Column("quarantine_reason", sa.String()),
        sa.CheckConstraint("status in ('landed', 'quarantined', 'released')", "status_known"),
    )
    op.create_index("batches_landed_at", "batches", ["landed_at"])
    op.create_table(
        "cursors",
        *(sa.Column(name, sa.String(), primary_key=True) for name in ("vendor", "source_id")),
        *(sa.Column(name, sa.String(), primary_key=True) for name in ("stream", "part")),
        sa.Column("position", sa.String(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("updated_as_of", sa.DateTime(), nullable=False),
    )


def _runs() -> None:
    versions = ("code_version", "seeds_version", "weights_version", "engine")
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(), primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("as_of", sa.DateTime(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in versions),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime()),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.Column("audience_sha256", sa.String()),
        sa.Column("full_refresh", sa.Boolean(), nullable=False),
        sa.CheckConstraint("kind in ('daily', 'triggered', 'mass', 'replay')", "kind_known"),
        sa.CheckConstraint(
            "status in ('running', 'completed', 'failed', 'stopped')", "status_known"
        ),
    )
    op.create_table(
        "run_batches",
        sa.Column("run_id", sa.String(), sa.ForeignKey("runs.run_id"), primary_key=True),
        sa.Column("batch_id", sa.String(), sa.ForeignKey("batches.batch_id"), primary_key=True),
    )


def _messages() -> None:
    before_step = ("run_id", "programme", "campaign_id", "occasion")
    after_step = ("variant", "channel", "purpose", "kind", "person_id", "address_hash")
    instants = ("reserved_at", "accepted_at", "sent_at", "delivered_at")
    op.create_table(
        "messages",
        sa.Column("message_key", sa.String(), primary_key=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in before_step),
        sa.Column("step", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in after_step),
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("planned_as_of", sa.DateTime(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("refusal", sa.String()),
        *(sa.Column(name, sa.DateTime()) for name in instants),
        sa.Column("batch_id", sa.String()),
        sa.Column("change_seq", sa.BigInteger(), nullable=False, unique=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state in ('reserved', 'delivering', 'accepted', 'rejected', 'unknown', "
            "'cancelled', 'held')",
            "state_known",
        ),
        sa.CheckConstraint("(state = 'cancelled') = (refusal is not null)", "refusal_said"),
    )


def _message_indexes() -> None:
    once = ["address_hash", "programme", "campaign_id", "occasion", "step"]
    op.create_index(
        "messages_once",
        "messages",
        once,
        unique=True,
        sqlite_where=HOLDS_SLOT,
        postgresql_where=HOLDS_SLOT,
    )
    op.create_index("messages_by_person", "messages", ["person_id", "planned_as_of"])
    op.create_index("messages_by_address", "messages", ["address_hash", "planned_as_of"])
    op.create_index("messages_by_batch", "messages", ["batch_id"])
    op.create_index(
        "messages_open",
        "messages",
        ["state", "run_id", "message_key"],
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )


def _audit() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "message_audit",
        sa.Column("audit_id", number, primary_key=True, autoincrement=True),
        sa.Column("delivery_batch_id", sa.String()),
        sa.Column("message_key", sa.String()),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("from_state", sa.String()),
        sa.Column("to_state", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("detail", sa.String()),
    )
    op.create_index("message_audit_by_batch", "message_audit", ["delivery_batch_id"])
    op.create_index("message_audit_by_message", "message_audit", ["message_key"])


def _small_tables() -> None:
    key = ("address_hash", "reason", "source")
    op.create_table(
        "suppressions",
        *(sa.Column(name, sa.String(), primary_key=True) for name in key),
        sa.Column("since", sa.DateTime(), primary_key=True),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("value", sa.BigInteger(), nullable=False),
    )
    op.execute("insert into counters (name, value) values ('change_seq', 0)")
