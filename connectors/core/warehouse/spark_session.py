"""A session of a Spark Thrift server: statements in, rows or errors in our own words out."""

from __future__ import annotations

import re
import socket
from contextlib import closing, contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from connectors.core.errors import FixConfig, RetryLater
from connectors.core.warehouse.embedded import unwritable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.core.settings import Settings

OPENS_WITHIN_SECONDS: Final = 30
# The server takes a session's settings under this prefix alone, and ignores all others.
CONFIGURATION: Final = {
    "set:spark.sql.session.timeZone": "UTC",
    "set:spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
}
# The name that Spark gives an error, such as CAST_INVALID_INPUT; what follows may quote a value.
CONDITION: Final = re.compile(r"(?:Error running query: )?\[([A-Z0-9_.]+)\]")

Row = tuple[Any, ...]


class Session:
    """An open session; use `session` to get one."""

    def __init__(self, settings: Settings) -> None:
        """Connect.

        Raises:
            FixConfig: the extra is not installed, or the server refuses the user.
            RetryLater: the server does not answer.
        """
        self._hive = _driver("pyhive.hive")
        self._lost = (OSError, EOFError, UnicodeError, _driver("thrift.Thrift").TException)
        self._server = f"{settings.spark_host}:{settings.spark_port}"
        try:
            self._connection = self._connect(settings)
        except self._hive.Error:
            raise self._unwelcome() from None
        except self._lost as error:
            # SASL's own refusal; its text goes no further.
            is_refused = "Bad status" in str(error)
            raise (self._unwelcome() if is_refused else self._away()) from None

    def rows(self, sql: str, where: str) -> list[Row]:
        """The rows of a statement, none where it has no result.

        Raises:
            StopRun: the statement failed; `where` says on what.
            RetryLater: the server went away.
        """
        try:
            with closing(self._connection.cursor()) as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall()) if cursor.description else []
        except self._hive.Error as error:
            raise unwritable(_condition(error), where) from None
        except self._lost:
            raise self._away() from None

    def close(self) -> None:
        """End it; one that is lost already has nothing to end."""
        with suppress(self._hive.Error, *self._lost):
            self._connection.close()

    def _connect(self, settings: Settings) -> Any:  # noqa: ANN401 - PyHive has no types
        # Opened here, because PyHive would wait for a silent server for ever.
        server = (settings.spark_host, settings.spark_port)
        line = socket.create_connection(server, OPENS_WITHIN_SECONDS)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        plain = _driver("thrift.transport.TSocket").TSocket()
        plain.setHandle(line)
        transport = _driver("thrift_sasl").TSaslClientTransport(
            lambda: _credentials(self._hive, settings), "PLAIN", plain
        )
        connection = self._hive.connect(
            thrift_transport=transport, username=settings.spark_user, configuration=CONFIGURATION
        )
        # A statement may take its time.
        line.settimeout(None)
        return connection

    def _away(self) -> RetryLater:
        what = "the Spark server does not answer"
        remedy = "Start it, or correct PARLEY_SPARK_HOST and PARLEY_SPARK_PORT; then run again."
        return RetryLater(what, self._server, remedy)

    def _unwelcome(self) -> FixConfig:
        what = "the Spark server refuses the user or the password"
        remedy = "Correct PARLEY_SPARK_USER and PARLEY_SPARK_PASSWORD."
        return FixConfig(what, self._server, remedy)


@contextmanager
def session(settings: Settings) -> Iterator[Session]:
    """A session that ends with the block; raises as `Session` does."""
    opened = Session(settings)
    try:
        yield opened
    finally:
        opened.close()


def _credentials(hive: Any, settings: Settings) -> Any:  # noqa: ANN401 - PyHive has no types
    """What SASL sends; a server that asks for no password wants one that is not empty."""
    password = settings.spark_password.get_secret_value() if settings.spark_password else "none"
    return hive.get_installed_sasl(
        host=settings.spark_host,
        sasl_auth="PLAIN",
        username=settings.spark_user,
        password=password,
    )


def _driver(name: str) -> Any:  # noqa: ANN401 - the driver's modules have no types
    """A module of the driver, which is there with the extra alone."""
    try:
        return import_module(name)
    except ImportError:
        what = "PARLEY_WAREHOUSE is 'spark', but the extra 'spark' is not installed"
        remedy = "Install it: `uv sync --extra spark`, or `pip install 'parley[spark]'`."
        raise FixConfig(what, "environment or .env", remedy) from None


def _condition(error: Exception) -> str:
    """What kind of failure it was, without the server's words."""
    status = getattr(error.args[0] if error.args else None, "status", None)
    found = CONDITION.match(getattr(status, "errorMessage", None) or "")
    return found.group(1) if found else type(error).__name__
