"""Locks that a process holds and that end with it, as each kind of database can keep them."""

import fcntl
import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import Connection, Engine, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from connectors.core.errors import FixConfig, StopRun

CLOSED: Final = -1
# A server that lost its client's machine lets go of the lock after about a minute.
SESSION: Final = (
    *(f"set tcp_keepalives_{each}" for each in ("idle = 30", "interval = 10", "count = 3")),
    "select set_config(name, '0', false) from pg_settings where name = 'idle_session_timeout'",
)
KEEPALIVES: Final = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
HOLDERS: Final = (
    "select count(*) from pg_locks where locktype = 'advisory' and granted and objsubid = 1"
    " and database = (select oid from pg_database where datname = current_database())"
    " and classid::bigint = :high and objid::bigint = :low"
)


class Lock(Protocol):
    """A lock by name."""

    def take(self, *, shared: bool) -> bool:
        """Try once; tell whether it is held now."""
        ...

    def check(self) -> None:
        """Raise `StopRun` if it was lost: somebody else may hold it by now."""
        ...

    def give_back(self) -> None:
        """Let go of it, held or not."""
        ...


def make_lock(engine: Engine, name: str) -> Lock:
    """Return the kind that this ledger's database keeps; nothing is taken yet."""
    if engine.dialect.name == "postgresql":
        return SessionLock(engine, name)
    path = _path(engine, name)
    return FileLock(path) if path else MemoryLock()


def is_locked(engine: Engine, name: str) -> bool:
    """Tell whether a live process holds it, this one included."""
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            return _holders(connection, name) > 0
    path = _path(engine, name)
    return path is not None and FileLock(path).is_held()


class FileLock:
    """A lock on a file; who is the last to give it back removes the file."""

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is taken yet."""
        self._path = path
        self._handle = CLOSED

    def take(self, *, shared: bool) -> bool:
        """Make the file where it is missing, and try to lock it."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            what = f"No file can be made beside the ledger: {error.strerror}"
            raise FixConfig(what, str(self._path.parent), "Mend that, then run again.") from error
        if self._lock(fcntl.LOCK_SH if shared else fcntl.LOCK_EX) and self._is_there():
            return True
        self._close()
        return False

    def check(self) -> None:
        """Raise `StopRun` if somebody removed the file: another could be locked in its place."""
        if not self._is_there():
            raise _lost(str(self._path))

    def give_back(self) -> None:
        """Remove the file unless it is shared, and unlock it."""
        if self._handle == CLOSED:
            return
        if self._lock(fcntl.LOCK_EX) and self._is_there():
            self._path.unlink(missing_ok=True)
        self._close()

    def is_held(self) -> bool:
        """Tell whether any handle, of any process, holds the lock."""
        try:
            self._handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        is_free = self._lock(fcntl.LOCK_EX)
        self._close()
        return not is_free

    def _lock(self, how: int) -> bool:
        try:
            fcntl.flock(self._handle, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _is_there(self) -> bool:
        """Tell whether the path still names the file that is locked."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(found, os.fstat(self._handle))

    def _close(self) -> None:
        os.close(self._handle)
        self._handle = CLOSED


class SessionLock:
    """An advisory lock of a database session that does nothing else."""

    def __init__(self, engine: Engine, name: str) -> None:
        """Open the session; nothing is taken yet."""
        self._name = name
        given = KEEPALIVES if engine.driver.startswith("psycopg") else {}
        own = create_engine(
            engine.url,
            poolclass=NullPool,
            hide_parameters=True,
            connect_args=given,
            isolation_level="AUTOCOMMIT",
        )
        self._connection = own.connect()
        for statement in SESSION:
            self._connection.execute(text(statement))

    def take(self, *, shared: bool) -> bool:
        """Try to lock it."""
        how = "_shared" if shared else ""
        query = text(f"select pg_try_advisory_lock{how}(:key)")
        return bool(self._connection.scalar(query, {"key": _key(self._name)}))

    def check(self) -> None:
        """Raise `StopRun` if the session was ended, or the lock is not its own."""
        try:
            held = _holders(self._connection, self._name, " and pid = pg_backend_pid()")
        except DBAPIError as error:
            raise _lost(self._name) from error
        if not held:
            raise _lost(self._name)

    def give_back(self) -> None:
        """Unlock, since the server may need a moment to see that a session ended; end it."""
        with suppress(SQLAlchemyError):  # it is gone already, and its lock with it
            self._connection.execute(text("select pg_advisory_unlock_all()"))
        self._connection.close()


class MemoryLock:
    """A ledger in memory is seen by one process alone: there is nobody to exclude."""

    def take(self, *, shared: bool) -> bool:
        """Take nothing."""
        return shared or True

    def check(self) -> None:
        """Find nothing wrong."""

    def give_back(self) -> None:
        """Give nothing back."""


def _path(engine: Engine, name: str) -> Path | None:
    database = engine.url.database
    if not database or database == ":memory:":
        return None
    return Path(f"{database}.leases") / f"{sha256(name.encode()).hexdigest()[:32]}.lock"


def _key(name: str) -> int:
    return int.from_bytes(sha256(name.encode()).digest()[:8], "big", signed=True)


def _holders(connection: Connection, name: str, more: str = "") -> int:
    key = _key(name) % 2**64
    given = {"high": key >> 32, "low": key % 2**32}
    return connection.scalar(text(HOLDERS + more), given) or 0


def _lost(where: str) -> StopRun:
    what = "The lease on this work was lost; somebody else may have taken it over"
    return StopRun(what, where, "Run again: it goes on from what the ledger knows.")
