"""What tests of the whole ledger share: one with rows in every table, and all that it holds."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from outbox_kit import MONDAY, Outbox, Recorder, row
from sqlalchemy import Engine, create_engine, select

from connectors.core.delivery import Outcome
from connectors.core.spec import Batch, Cursor, KnownRow
from connectors.ledger import cuts, erasures, known_rows, runs, weights
from connectors.ledger.db import MIGRATIONS, write
from connectors.ledger.keeping.tables import METADATA
from connectors.ledger.lists.held import Held, HeldList
from connectors.ledger.manifest import LedgerManifest
from connectors.ledger.suppressions import Suppression, suppress

TUESDAY = MONDAY + timedelta(days=1)
ANSWERS = {"k1": "accepted", "k2": "rejected", "k3": "unknown"}


def fill(engine: Engine, home: Path) -> Outbox:
    """Let everything happen once that writes a row; nothing is under way at the end."""
    manifest = LedgerManifest(engine, clock=lambda: MONDAY)
    path = "segment/web/events/landed_on=2011-12-05/b1.parquet"
    batch = Batch("b1", "segment", "web", "events", path, 10, 100, "s1", None, MONDAY, MONDAY)
    manifest.commit([batch], [Cursor("segment", "web", "events", "day1", "5", False, MONDAY)])  # noqa: FBT003
    manifest.mark_checked(["b1"])
    run = runs.start(engine, "daily", MONDAY, runs.Versions(), clock=lambda: MONDAY)
    runs.attach_batches(engine, run, ["b1"])
    runs.finish(engine, run, "completed", {"out": {"messages": 3}}, "abc", clock=lambda: MONDAY)
    with write(engine) as connection:
        known_rows.remember(connection, "v/s/t/", [KnownRow("o1", "digest", 0)])
    suppress(engine, [Suppression("a-x", "complaint", "t", MONDAY)])
    cuts.cut(engine, [("n1", "n2")], MONDAY, "two people")
    erasures.refuse(engine, "request", [erasures.ErasedNode("a-gone", "email")], MONDAY)
    HeldList(engine, "file", "vip", MONDAY).note([Held("a-x", "vip", "a-x", "digest", "listed")])
    version = weights.Version("buy", "w1", 30, {("view", 7): Decimal("0.5")}, MONDAY, {"auc": 1})
    weights.accept(engine, version)
    outbox = Outbox(engine, home, Recorder(answer=_answer))
    rows = [row(key) for key in ANSWERS]
    outbox.emit([*rows, row("k4", verdict="hold"), row("k5", person_id="p-k1")], run)
    return outbox


def _answer(message: Any) -> Outcome:
    return Outcome(message.message_key, ANSWERS.get(message.message_key, "accepted"))


def dump(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, in one order."""
    with engine.connect() as connection:
        return {
            table.name: sorted(
                (dict(each) for each in connection.execute(select(table)).mappings()), key=repr
            )
            for table in METADATA.sorted_tables
        }


def open_at(url: str, revision: str) -> Engine:
    """A new ledger as an earlier version made it."""
    engine = create_engine(url, hide_parameters=True)
    config = Config(str(MIGRATIONS / "alembic.ini"))
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    return engine
