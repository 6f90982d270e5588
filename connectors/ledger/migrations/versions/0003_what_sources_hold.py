"""What sources without a change time hold, row by row, and what each stream's records look like."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "known_rows",
        sa.Column("scope", sa.String(), primary_key=True),
        sa.Column("record_key", sa.String(), primary_key=True),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("missed", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "shapes",
        sa.Column("vendor", sa.String(), primary_key=True),
        sa.Column("source_id", sa.String(), primary_key=True),
        sa.Column("stream", sa.String(), primary_key=True),
        sa.Column("shape", sa.JSON(), nullable=False),
    )


def downgrade() -> None:
    """Drop both; the next run compares with nothing and lands everything again."""
    op.drop_table("shapes")
    op.drop_table("known_rows")
