"""dlt's side of `land`, in a module of its own: it must not hold Parley's imports in memory."""

from __future__ import annotations

import os
import time
from typing import Any


def land_by_dlt(url: str, home: str) -> dict[str, Any]:
    """Land the API's orders with dlt's defaults: Parquet files in a local folder."""
    # Read as dlt is imported; nothing of the user's own dlt is touched.
    os.environ |= {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "DLT_DATA_DIR": f"{home}/data",
        "DLT_PROJECT_DIR": home,
        "HOME": home,
    }
    import dlt  # noqa: PLC0415 - after its environment, and before the clock starts
    from dlt.sources.rest_api import rest_api_source  # noqa: PLC0415

    source = rest_api_source({
        "client": {"base_url": url, "paginator": {"type": "json_link", "next_url_path": "next"}},
        "resources": [
            {"name": "orders", "primary_key": "id", "endpoint": {"data_selector": "orders"}}
        ],
    })  # fmt: skip
    pipeline = dlt.pipeline(
        "bench", pipelines_dir=f"{home}/pipelines", dataset_name="api", progress=None,
        destination=dlt.destinations.filesystem(bucket_url=f"file://{home}/lake"),
    )  # fmt: skip
    began = time.perf_counter()
    pipeline.run(source, loader_file_format="parquet")
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "rows": pipeline.last_trace.last_normalize_info.row_counts["orders"],
    }
