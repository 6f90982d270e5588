"""Messages without a batch are not looked up by it: leave them out of its index."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

IN_A_BATCH = sa.text("batch_id is not null")


def upgrade() -> None:
    """Make the index partial."""
    op.drop_index("messages_by_batch", "messages")
    op.create_index(
        "messages_by_batch",
        "messages",
        ["batch_id"],
        sqlite_where=IN_A_BATCH,
        postgresql_where=IN_A_BATCH,
    )


def downgrade() -> None:
    """Make it whole again."""
    op.drop_index("messages_by_batch", "messages")
    op.create_index("messages_by_batch", "messages", ["batch_id"])
