"""Reading other people's databases: opened read-only, and quiet about secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError, SQLAlchemyError

from connectors.core.errors import FixConfig, ParleyError, RetryLater

if TYPE_CHECKING:
    from pydantic import SecretStr
    from sqlalchemy.engine.interfaces import DBAPIConnection


@contextmanager
def reading(url: SecretStr, where: str) -> Iterator[Engine]:
    """An engine for reading, disposed of at the end; what it raises becomes errors by remedy.

    `where` names the source, never its address: drivers put addresses, statements and values
    into their messages, so only the class of their error is told.

    Raises:
        FixConfig: the URL is wrong, its driver is missing, or a table can't be read as asked.
        RetryLater: the server can't be reached or the connection broke.
    """
    problem: ParleyError
    try:
        engine = _open(url, where)
        try:
            yield engine
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError) as error:
        problem = _by_remedy(error, where)
    else:
        return
    # The driver's own message must not be printed along with it.
    raise problem from None


def _open(url: SecretStr, where: str) -> Engine:
    parsed = make_url(url.get_secret_value())
    if parsed.get_backend_name() == "sqlite":
        # SQLite would create a missing file, and the shop would look empty.
        name = parsed.database
        if name and name != ":memory:" and not Path(name).is_file():
            what = "the database file does not exist"
            raise FixConfig(what, where, "Correct the source's url (a path after sqlite:///).")
        engine = create_engine(parsed, hide_parameters=True)
        event.listen(engine, "connect", _on_connect("pragma query_only = on"))
    elif parsed.get_backend_name() == "postgresql":
        engine = create_engine(
            parsed, hide_parameters=True, execution_options={"postgresql_readonly": True}
        )
        event.listen(engine, "connect", _on_connect("set time zone 'UTC'"))
    else:
        engine = create_engine(parsed, hide_parameters=True)
    return engine


def _on_connect(statement: str) -> Callable[[DBAPIConnection, object], None]:
    def run(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute(statement)
        cursor.close()
        connection.commit()

    return run


def _by_remedy(error: Exception, where: str) -> ParleyError:
    if isinstance(error, ArgumentError) and not isinstance(error, NoSuchModuleError):
        return FixConfig(
            "the url is not a SQLAlchemy URL", where, "Write it like sqlite:///shop.db."
        )
    if isinstance(error, (NoSuchModuleError, ImportError)):
        remedy = "Install the driver (for PostgreSQL: parley[postgres]) or correct the url."
        return FixConfig("the url's database driver is not installed", where, remedy)
    kind = type(getattr(error, "orig", None) or error).__name__
    if isinstance(error, OperationalError):
        remedy = "Check that the server is up and the source's url is right, then run again."
        return RetryLater(f"the database cannot be read: {kind}", where, remedy)
    remedy = "Check the source with its check and compare the tables with the documented columns."
    return FixConfig(f"the database refused a query: {kind}", where, remedy)
