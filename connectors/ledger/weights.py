"""Weights of signals as fitted to this shop, by versions; the one accepted last is in force."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import BigInteger, Engine, Integer, String, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from connectors.core.clock import as_utc
from connectors.ledger.db import write
from connectors.ledger.emission.transitions import give_sequence, take_sequence
from connectors.ledger.models import Base

# A signal and its half-life in days.
Pair = tuple[str, int]
# The constant stands among them, as something that never fades.
INTERCEPT: Final[Pair] = ("intercept", 36_500)


class WeightRow(Base):
    """A weight of an accepted version, as text: not every database keeps decimals. Append-only.

    `figures` are those by which the version was accepted, on each of its rows.
    """

    __tablename__ = "weights"

    goal: Mapped[str] = mapped_column(String, primary_key=True)
    weights_version: Mapped[str] = mapped_column(String, primary_key=True)
    signal: Mapped[str] = mapped_column(String, primary_key=True)
    half_life_days: Mapped[int] = mapped_column(Integer, primary_key=True)
    horizon_days: Mapped[int] = mapped_column(Integer)
    weight: Mapped[str]
    accepted_at: Mapped[datetime]
    figures: Mapped[dict[str, Any]]
    change_seq: Mapped[int] = mapped_column(BigInteger, unique=True)


@dataclass(frozen=True)
class Version:
    """All weights of one goal that came into force together; `accepted_at` is aware."""

    goal: str
    name: str
    horizon_days: int
    weights: Mapping[Pair, Decimal]
    accepted_at: datetime
    figures: Mapping[str, Any] = field(default_factory=dict)


def in_force(engine: Engine, goal: str, at: datetime) -> Version | None:
    """The version of a goal that was accepted last, up to `at` (aware); None if none ever was."""
    row = WeightRow.__table__.c
    query = (
        select(row.weights_version)
        .where(row.goal == goal, row.accepted_at <= at)
        .order_by(row.accepted_at.desc(), row.change_seq.desc())
    )
    with engine.connect() as connection:
        name = connection.scalar(query.limit(1))
    return get(engine, goal, name) if name else None


def get(engine: Engine, goal: str, name: str) -> Version | None:
    """The version of that name; None if there is none."""
    row = WeightRow.__table__.c
    query = select(*row).where(row.goal == goal, row.weights_version == name)
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(row.change_seq)).all()
    if not rows:
        return None
    weights = {(each.signal, each.half_life_days): Decimal(each.weight) for each in rows}
    accepted_at = as_utc(rows[0].accepted_at)
    return Version(goal, name, rows[0].horizon_days, weights, accepted_at, rows[0].figures)


def accept(engine: Engine, version: Version) -> Version:
    """Bring weights into force; the version as it is kept.

    A name that is taken by other weights gets a number. The same once more changes nothing.
    """
    number, kept = 1, version
    while (there := get(engine, version.goal, kept.name)) is not None:
        if there.weights == version.weights:
            return there
        number += 1
        kept = replace(version, name=f"{version.name}-{number}")
    with write(engine) as connection:
        base = take_sequence(connection)
        rows = [_row(kept, pair, seq) for seq, pair in enumerate(sorted(kept.weights), base + 1)]
        connection.execute(insert(WeightRow), rows)
        give_sequence(connection, base + len(rows))
    return kept


def _row(version: Version, pair: Pair, change_seq: int) -> dict[str, Any]:
    signal, half_life_days = pair
    return {
        "goal": version.goal,
        "weights_version": version.name,
        "signal": signal,
        "half_life_days": half_life_days,
        "horizon_days": version.horizon_days,
        "weight": str(version.weights[pair]),
        "accepted_at": version.accepted_at,
        "figures": dict(version.figures),
        "change_seq": change_seq,
    }
