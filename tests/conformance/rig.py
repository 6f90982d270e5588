"""One source connected to a lake and a ledger of its own."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pydantic import SecretStr

from connectors.core import landing, registry
from connectors.core.accounts import SourceSettings
from connectors.core.lake import Lake
from connectors.core.settings import Settings
from connectors.core.spec import Batch, SourceSpec, Stream
from connectors.ledger.db import open_ledger
from connectors.ledger.manifest import LedgerManifest
from tests.conformance.worlds.base import AS_OF, World


@cache
def _migrated_ledger() -> Path:
    """An empty ledger, migrated once for all tests."""
    path = Path(tempfile.mkdtemp(prefix="parley-ledger-")) / "ledger.db"
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    open_ledger(f"sqlite:///{path}").dispose()
    return path


class Rig:
    """One source connected to a lake and a ledger of its own."""

    def __init__(self, world: World, home: Path) -> None:
        self.world = world
        self.spec = registry.source(world.vendor)
        self.settings = self._settings(home, world.url())
        self.lake = Lake(self.settings.lake_root)
        shutil.copy(_migrated_ledger(), home / "manifest.db")
        self.manifest = LedgerManifest(open_ledger(f"sqlite:///{home}/manifest.db"))

    def _settings(self, home: Path, url: str) -> Settings:
        if self.world.source_id == "ledger":
            return Settings(home=home, ledger_url=SecretStr(url))
        secrets = {name: SecretStr(value) for name, value in self.world.secrets.items()}
        source = SourceSettings(
            vendor=self.world.vendor, url=SecretStr(url), page_size=7,
            options=dict(self.world.options), **secrets,
        )  # fmt: skip
        return Settings(home=home, sources={self.world.source_id: source})

    @property
    def stream(self) -> Stream:
        return self.spec.stream(self.world.stream)

    def land(
        self, as_of: datetime = AS_OF, spec: SourceSpec | None = None, batch_rows: int = 7
    ) -> landing.Landed:
        return landing.land(
            spec or self.spec,
            self.stream,
            self.world.source_id,
            self.settings,
            self.manifest,
            self.lake,
            as_of,
            batch_rows=batch_rows,
        )

    def batches(self) -> list[Batch]:
        found = self.manifest.unchecked()
        return [batch for batch in found if batch.stream == self.world.stream]

    def keys(self) -> list[str]:
        return [self.world.name_of(row) for row in self.rows()]

    def rows(self) -> list[dict[str, Any]]:
        files = [self.lake.url(batch.path) for batch in self.batches()]
        return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]

    def files(self) -> set[str]:
        root = Path(self.settings.lake_root)
        return {str(f.relative_to(root)) for f in root.rglob("*") if f.is_file()}
