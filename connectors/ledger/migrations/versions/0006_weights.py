"""Weights of signals that were fitted to the shop, by versions."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make the table; it numbers its rows as `messages` does."""
    op.create_table(
        "weights",
        sa.Column("goal", sa.String(), primary_key=True),
        sa.Column("weights_version", sa.String(), primary_key=True),
        sa.Column("signal", sa.String(), primary_key=True),
        sa.Column("half_life_days", sa.Integer(), primary_key=True),
        sa.Column("horizon_days", sa.Integer(), nullable=False),
        sa.Column("weight", sa.String(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("change_seq", sa.BigInteger(), nullable=False, unique=True),
    )


def downgrade() -> None:
    """Drop it; what has landed of it stays in force for as long as the lake keeps it."""
    op.drop_table("weights")
