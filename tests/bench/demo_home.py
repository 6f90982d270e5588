"""A PARLEY_HOME with the demo's first day built, and a Prefect server that knows the limit."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows import ui
from tests.bench.report import ROOT, measure


def demo_home(home: Path) -> Path:
    """A new copy of the demo's first day, always in the same place.

    dbt keeps what it parsed only as long as the warehouse's path stays the same, so two
    measurements get their copies one after the other, not side by side.
    """
    kept, used = home.parent / "demo_first_day", home.parent / "demo"
    if not kept.exists():
        shutil.rmtree(used, ignore_errors=True)
        measure("tests.bench.demo_home:first_day", env={"PARLEY_HOME": str(used)})
        used.rename(kept)
    shutil.rmtree(used, ignore_errors=True)
    shutil.copytree(kept, used)
    return used


def first_day() -> None:
    """Generate the demo shop and run its first day, in PARLEY_HOME."""
    # Late, so that whoever measures something else here does not hold it in memory.
    from connectors.core.clock import iso_z  # noqa: PLC0415
    from connectors.core.settings import get_settings  # noqa: PLC0415
    from connectors.demo import DEMO_AS_OF, generate  # noqa: PLC0415
    from flows.pipeline import PlainSteps, execute  # noqa: PLC0415

    settings = get_settings()
    generate(settings.demo_dir)
    execute("daily", PlainSteps(settings), iso_z(DEMO_AS_OF))


@contextmanager
def prefect_server(home: Path, used: Path) -> Iterator[dict[str, str]]:
    """A server on a port of its own with everything deployed; yields what to run under it with.

    No schedule fires and no worker runs: what is measured is alone.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    (home / "prefect").mkdir(parents=True, exist_ok=True)
    own = {
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "parley",
        "DO_NOT_TRACK": "1",
        "PARLEY_HOME": str(used),
    }
    with started(["server", "start", "--port", str(port), "--no-ui"], home, own) as server:
        ui._wait(own["PREFECT_API_URL"], server)
        ui._set_up({**os.environ, **own})
        yield own


@contextmanager
def started(
    arguments: list[str], home: Path, own: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A long-running command of Prefect's, ended afterwards; what it prints goes to a file."""
    with (home / f"{arguments[0]}.log").open("wb") as log:
        process = subprocess.Popen(
            ui._prefect(arguments), cwd=ROOT, env={**os.environ, **own}, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            ui._stop([process])
