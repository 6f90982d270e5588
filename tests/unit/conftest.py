"""What unit tests share: a home of their own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.core.settings import Settings, get_settings
from flows.versions import versions
from tests.shop.postgres import Postgres, running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The one server of this process's tests; each asker has a database of its own.

    Not in pytest's folders: the server's own user has to get there, whoever else starts tests.
    """
    with (
        tempfile.TemporaryDirectory(prefix="parley-postgres-") as folder,
        running(Path(folder)) as server,
    ):
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty ledger may be, in either database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    return str(request.getfixturevalue("postgres").engine_url())


@pytest.fixture
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A home of its own with a real ledger, and nobody's settings but these."""
    for name in list(os.environ):
        if name.startswith("PARLEY_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path / "var"))
    get_settings.cache_clear()
    versions.cache_clear()
    yield get_settings()
    get_settings.cache_clear()
    versions.cache_clear()
