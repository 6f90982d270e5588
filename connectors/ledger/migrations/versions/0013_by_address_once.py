"""Messages of an address are found by the index that keeps them unique: one less to write."""

from collections.abc import Sequence

from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Drop the index: each change of a message wrote to it, at a place of its own."""
    op.drop_index("messages_by_address", "messages")


def downgrade() -> None:
    """Make it again."""
    op.create_index("messages_by_address", "messages", ["address_hash", "planned_as_of"])
