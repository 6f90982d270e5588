"""What became known since a plan was made, and how old that was when messages left."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

KINDS = "kind in ('goal_reached', 'withdrawn', 'permitted', 'out_of_stock', 'in_stock')"


def upgrade() -> None:
    """Make the tables; the plans that wait were made by the run before the first that tells."""
    _facts()
    _looks()


def downgrade() -> None:
    """Forget them: no plan is looked at again before it leaves."""
    for table in ("looks", "readings", "facts"):
        op.drop_table(table)


def _facts() -> None:
    op.create_table(
        "facts",
        sa.Column("fact_key", sa.String(), primary_key=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("kind", "subject", "what")),
        *(sa.Column(name, sa.DateTime(), nullable=False) for name in ("occurred_at", "known_at")),
        sa.CheckConstraint(KINDS, "kind_known"),
    )
    op.create_index("facts_by_subject", "facts", ["subject", "what", "kind", "known_at"])
    op.create_index("facts_by_known_at", "facts", ["known_at"])
    op.create_table(
        "readings",
        sa.Column("run_id", sa.String(), primary_key=True),
        *(sa.Column(name, sa.DateTime(), nullable=False) for name in ("as_of", "read_at")),
        sa.Column("facts", sa.Integer(), nullable=False),
    )


def _looks() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "looks",
        sa.Column("look_id", number, primary_key=True, autoincrement=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("run_id", "batch_id")),
        sa.Column("looked_at", sa.DateTime(), nullable=False),
        sa.Column("facts_as_of", sa.DateTime()),
        sa.Column("age_seconds", sa.Integer()),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("messages", "stopped")),
    )
    op.create_index("looks_by_run", "looks", ["run_id"])
