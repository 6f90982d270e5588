"""What tests of the last look share: a ledger that hears of facts between a plan and its push."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from outbox_kit import MONDAY, Outbox
from sqlalchemy import Engine, select

from connectors.core.clock import utc_now
from connectors.core.delivery import Outcome, OutMessage
from connectors.ledger import facts
from connectors.ledger.emission.last_look import LookRow
from connectors.ledger.facts import Fact

# The plan is of eleven o'clock; a triggered run lands something before it is emitted.
LATER = MONDAY + timedelta(minutes=20)
LATER_STILL = LATER + timedelta(minutes=20)
EMAIL = "email/marketing"


def fact(kind: str, subject: str, what: str = "", at: datetime = LATER) -> Fact:
    """A fact of that moment; its key is made of the rest, as the models do."""
    return Fact(f"{kind}|{subject}|{what}|{at}", kind, subject, what, at)


def withdrawal(subject: str, at: datetime = LATER) -> Fact:
    """Somebody wants no more marketing by email."""
    return fact("withdrawn", subject, EMAIL, at)


def learn(engine: Engine, *told: Fact, at: datetime = LATER, run_id: str = "", age: int = 0) -> int:
    """A run of that clock tells these facts; it began to read `age` seconds ago."""
    read_at = utc_now() - timedelta(seconds=age)
    return facts.post(engine, run_id or f"t-{at:%H%M%S}", at, told, read_at=read_at)


@dataclass
class Interrupted:
    """A destination of small batches; something happens while it works on the first."""

    happens: Callable[[], Any]
    name: str = "file"
    batch_size: int = 1
    idempotent: bool = False
    sent: list[str] = field(default_factory=list)

    def deliver(self, batch_id: str, messages: Sequence[OutMessage]) -> list[Outcome]:
        """Accept, and let it happen once."""
        del batch_id
        if not self.sent:
            self.happens()
        self.sent += [message.message_key for message in messages]
        return [Outcome(message.message_key, "accepted") for message in messages]

    def lookup(self, batch_id: str) -> list[Outcome] | None:
        """It cannot tell."""
        del batch_id
        return None


def looks(outbox: Outbox) -> list[dict[str, Any]]:
    """Every look that was noted, in order."""
    query = select(*LookRow.__table__.c).order_by(LookRow.look_id)
    with outbox.engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]
