"""Stores connected to a home of their own: landed, checked and modelled as a run does it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from connectors.core.clock import iso_z
from connectors.core.lake import Lake
from connectors.core.settings import Settings, get_settings
from connectors.ledger import runs
from connectors.ledger.manifest import LedgerManifest
from flows import build, work
from flows.run import begin, ledger_of
from flows.versions import versions

Row = dict[str, Any]


@dataclass
class Stores:
    """The home; every run lands all streams and builds staging to marts, with their tests."""

    settings: Settings

    def run(self, as_of: datetime) -> None:
        """One run, up to its marts."""
        run = begin("daily", iso_z(as_of))
        for source_id, stream in work.streams(run.settings):
            work.land_stream(run, source_id, stream)
        assert not any(work.gate_landing(run).values())
        work.take_in(run)
        work.transform(run, build.plainly)
        runs.finish(run.ledger, run.run_id, "completed", {}, "")

    def rows(self, query: str, *parameters: object) -> list[Row]:
        """Rows of the warehouse."""
        path = str(self.settings.warehouse_path)
        with duckdb.connect(path, read_only=True) as connection:
            found = connection.execute(query, list(parameters))
            names = [column[0] for column in found.description or []]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def lake(self, source_id: str, stream: str) -> list[Row]:
        """Everything that landed of a stream."""
        lake = Lake(self.settings.lake_root)
        batches = LedgerManifest(ledger_of(self.settings)).visible(datetime.max.replace(tzinfo=UTC))
        return [
            row
            for batch in batches
            if (batch.source_id, batch.stream) == (source_id, stream)
            for row in pq.ParquetFile(lake.url(batch.path)).read().to_pylist()
        ]


@contextmanager
def stores(folder: Path, sources: Mapping[str, Mapping[str, str]]) -> Iterator[Stores]:
    """A home with these sources: source_id to its settings. Nobody else's settings get through."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PARLEY_")]:
            patch.delenv(name)
        patch.chdir(folder)
        patch.setenv("PARLEY_HOME", str(folder / "var"))
        for source_id, settings in sources.items():
            for name, value in settings.items():
                patch.setenv(f"PARLEY_SOURCES__{source_id}__{name}".upper(), value)
        get_settings.cache_clear()
        versions.cache_clear()
        yield Stores(get_settings())
    get_settings.cache_clear()
    versions.cache_clear()
