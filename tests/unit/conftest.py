"""What unit tests share: a home of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.core.settings import Settings, get_settings
from flows.versions import versions


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
