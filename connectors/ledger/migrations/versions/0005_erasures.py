"""Identifiers of people who were erased: by hashes, so that they stay out."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make the table; it numbers its rows as `messages` does."""
    op.create_table(
        "erasures",
        sa.Column("request_id", sa.String(), primary_key=True),
        sa.Column("node_id", sa.String(), primary_key=True),
        sa.Column("node_type", sa.String(), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("erased_at", sa.DateTime(), nullable=False),
        sa.Column("change_seq", sa.BigInteger(), nullable=False, unique=True),
    )


def downgrade() -> None:
    """Drop it; who was erased can come back, but stays on the list of those not contacted."""
    op.drop_table("erasures")
