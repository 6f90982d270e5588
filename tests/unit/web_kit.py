"""What tests of web sources share: files landed as a run lands them, and a small build of dbt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from pydantic import SecretStr

from connectors.core import landing, registry
from connectors.core.accounts import SourceSettings
from connectors.core.clock import iso_z
from connectors.core.lake import Lake
from connectors.core.settings import Settings
from connectors.ledger.db import open_ledger
from connectors.ledger.manifest import LedgerManifest
from tests.unit.dbt_kit import build


class Home:
    """A lake, a ledger and a warehouse of their own, and the archives that are connected."""

    def __init__(self, folder: Path, sources: Mapping[str, tuple[str, Path]]) -> None:
        """`sources`: source_id -> (vendor, folder of its files)."""
        self.folder = folder
        self.settings = Settings(
            home=folder,
            sources={
                name: SourceSettings(vendor=vendor, url=SecretStr(str(place)))
                for name, (vendor, place) in sources.items()
            },
        )
        self.lake = Lake(self.settings.lake_root)
        self.manifest = LedgerManifest(open_ledger(f"sqlite:///{folder}/ledger.db"))
        self.batches: list[dict[str, str]] = []

    def land(self, as_of: datetime, source_id: str = "web") -> int:
        """Land what is new; the number of records."""
        vendor = self.settings.source(source_id).vendor
        spec = registry.source(vendor)
        (stream,) = spec.streams
        landed = landing.land(
            spec, stream, source_id, self.settings, self.manifest, self.lake, as_of
        )
        self.batches += [
            {
                "batch_id": batch.batch_id, "vendor": batch.vendor, "source_id": batch.source_id,
                "id_space": "main", "stream": batch.stream, "landed_at": iso_z(batch.landed_at),
                "path": self.lake.url(batch.path),
            }
            for batch in landed.batches
        ]  # fmt: skip
        return landed.rows

    def build(self, as_of: datetime, *select: str, warehouse: str = "warehouse") -> None:
        """Build the selected models and what they need, with all batches landed so far."""
        build(self.folder / f"{warehouse}.duckdb", self.batches, iso_z(as_of), *select)

    def rows(self, query: str, warehouse: str = "warehouse") -> list[tuple[Any, ...]]:
        """The rows of a query on a warehouse."""
        with duckdb.connect(str(self.folder / f"{warehouse}.duckdb")) as connection:
            return connection.execute(query).fetchall()

    def facts(self, query: str, warehouse: str = "warehouse") -> list[dict[str, Any]]:
        """The same, each row by its columns' names, what is null left out."""
        with duckdb.connect(str(self.folder / f"{warehouse}.duckdb")) as connection:
            found = connection.execute(query)
            names = [column[0] for column in found.description or []]
            return [
                {n: v for n, v in zip(names, row, strict=True) if v is not None}
                for row in found.fetchall()
            ]
