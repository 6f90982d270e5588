"""Lands a stream once in a process of its own: `python -m tests.conformance.lander`.

What to land comes as JSON on standard input; the number of rows and the process's peak memory in
MB go to standard output.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from connectors.core import landing, registry
from connectors.core.clock import parse_as_of
from connectors.core.lake import Lake
from connectors.core.settings import Settings, SourceSettings
from connectors.ledger.db import open_ledger
from connectors.ledger.manifest import LedgerManifest


def main() -> None:
    told = json.load(sys.stdin)
    source = SourceSettings(**told["source"])
    settings = Settings(home=Path(told["home"]), sources={told["source_id"]: source})
    spec = registry.source(source.vendor)
    landed = landing.land(
        spec,
        spec.stream(told["stream"]),
        told["source_id"],
        settings,
        LedgerManifest(open_ledger(f"sqlite:///{settings.home}/manifest.db")),
        Lake(settings.lake_root),
        parse_as_of(told["as_of"]),
    )
    print(json.dumps({"rows": landed.rows, "peak_mb": peak_mb()}))


def peak_mb() -> int:
    """The most memory that this process ever had; `getrusage` would tell its parent's too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


if __name__ == "__main__":
    main()
