"""Lands a stream once in a process of its own: `python -m tests.conformance.lander`.

What to land comes as JSON on standard input; the number of rows, and the process's memory in MB
before the landing and at its peak, go to standard output.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from connectors.core import landing, registry
from connectors.core.accounts import SourceSettings
from connectors.core.clock import parse_as_of
from connectors.core.lake import Lake
from connectors.core.settings import Settings
from connectors.ledger.db import open_ledger
from connectors.ledger.manifest import LedgerManifest


def main() -> None:
    told = json.load(sys.stdin)
    source = SourceSettings(**told["source"])
    settings = Settings(home=Path(told["home"]), sources={told["source_id"]: source})
    spec = registry.source(source.vendor)
    manifest = LedgerManifest(open_ledger(f"sqlite:///{settings.home}/manifest.db"))
    before = memory_mb("VmRSS")
    landed = landing.land(
        spec,
        spec.stream(told["stream"]),
        told["source_id"],
        settings,
        manifest,
        Lake(settings.lake_root),
        parse_as_of(told["as_of"]),
    )
    said = {"rows": landed.rows, "before_mb": before, "peak_mb": memory_mb("VmHWM")}
    print(json.dumps(said))


def memory_mb(field: str) -> int:
    """This process's memory now (VmRSS) or at most (VmHWM); `getrusage` tells its parent's too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition(f"{field}:")[2].split()[0]) // 1024


if __name__ == "__main__":
    main()
