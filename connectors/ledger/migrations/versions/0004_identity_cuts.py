"""Links between identifiers that someone found to be wrong."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make the table; it numbers its rows as `messages` does."""
    op.create_table(
        "identity_cuts",
        sa.Column("node_id", sa.String(), primary_key=True),
        sa.Column("other_id", sa.String(), primary_key=True),
        sa.Column("cut_at", sa.DateTime(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("change_seq", sa.BigInteger(), nullable=False, unique=True),
    )


def downgrade() -> None:
    """Drop it; what was cut is joined again by the next build from scratch."""
    op.drop_table("identity_cuts")
