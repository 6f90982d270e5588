"""What the lists at destinations hold, so that only what changed is carried over."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

STATES = "state in ('putting', 'listed', 'rejected')"


def upgrade() -> None:
    """Make the table: no list holds anybody yet."""
    keys = ("destination", "audience", "member_key")
    op.create_table(
        "list_members",
        *(sa.Column(name, sa.String(), primary_key=True) for name in keys),
        *(sa.Column(name, sa.String(), nullable=False)
          for name in ("list_id", "vendor_id", "digest", "state")),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint(STATES, "state_known"),
        sqlite_with_rowid=False,
    )  # fmt: skip


def downgrade() -> None:
    """Drop it: what lists hold stays there, and the next sync can compare them as a whole."""
    op.drop_table("list_members")
