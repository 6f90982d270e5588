"""Which emission reserved a message, and how often each destination was called."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add them; nobody holds the lease of messages that were reserved before there were any."""
    column: sa.Column[str] = sa.Column("emission", sa.String(), nullable=False, server_default="")
    op.add_column("messages", column)
    op.create_table(
        "budget_slots",
        sa.Column("destination", sa.String(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("used_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("destination", "slot"),
    )


def downgrade() -> None:
    """Forget them."""
    op.drop_table("budget_slots")
    op.drop_column("messages", "emission")
