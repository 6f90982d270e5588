"""Run migrations on the connection handed over by `open_ledger`, or by URL from the shell."""

import os

from alembic import context
from sqlalchemy import Connection, create_engine

from connectors.ledger.keeping.tables import METADATA


def run(connection: Connection) -> None:
    """Migrate within the caller's transaction where there is one: all of it or nothing."""
    context.configure(connection=connection, target_metadata=METADATA, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with create_engine(os.environ["PARLEY_LEDGER_URL"]).begin() as opened:
        run(opened)
