"""Runs that plan and publish, and send nothing."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Mark them; every run so far was allowed to send."""
    column: sa.Column[bool] = sa.Column(
        "is_shadow", sa.Boolean(), nullable=False, server_default=sa.false()
    )
    op.add_column("runs", column)


def downgrade() -> None:
    """Forget which runs were shadows: they sent nothing, but would be taken for the newest plan."""
    op.drop_column("runs", "is_shadow")
