"""The kill switch, and the sizes of pushes that tell what is usual."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

OPEN = sa.text("resumed_at is null")


def upgrade() -> None:
    """Make the tables; nothing is paused, and no programme has a history to be judged by."""
    _make_pauses()
    _make_pushes()


def _make_pauses() -> None:
    op.create_table(
        "pauses",
        sa.Column(
            "pause_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("programme", "purpose")),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("cause", "reason")),
        sa.Column("paused_by", sa.String(), nullable=False),
        sa.Column("paused_at", sa.DateTime(), nullable=False),
        sa.Column("resumed_by", sa.String()),
        sa.Column("resumed_at", sa.DateTime()),
        sa.CheckConstraint("purpose in ('any', 'marketing')", "purpose_known"),
        sa.CheckConstraint("cause in ('by_hand', 'complaint_brake')", "cause_known"),
    )
    op.create_index(
        "pauses_open", "pauses", ["programme", "purpose"],
        unique=True, sqlite_where=OPEN, postgresql_where=OPEN,
    )  # fmt: skip


def _make_pushes() -> None:
    op.create_table(
        "pushes",
        *(sa.Column(name, sa.String(), primary_key=True)
          for name in ("run_id", "programme", "campaign_id")),
        sa.Column("planned_as_of", sa.DateTime(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("wanted", "taken")),
        *(sa.Column(name, sa.Integer()) for name in ("measured", "usual")),
        sa.Column("is_held", sa.Boolean(), nullable=False),
        sa.Column("confirmed_by", sa.String()),
        sa.Column("confirmed_at", sa.DateTime()),
    )  # fmt: skip
    op.create_index("pushes_by_programme", "pushes", ["programme", "planned_as_of"])


def downgrade() -> None:
    """Forget them: what was paused goes on."""
    op.drop_table("pushes")
    op.drop_table("pauses")
