"""When a backup took the ledger's place."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "restores",
        sa.Column("restored_at", sa.DateTime(), primary_key=True),
        sa.Column("taken_at", sa.DateTime(), primary_key=True),
        sa.Column("revision", sa.String(), nullable=False),
        sa.Column("answered_until", sa.DateTime()),
    )


def downgrade() -> None:
    """Drop it: occasions that may have been answered before a restore are answered again."""
    op.drop_table("restores")
