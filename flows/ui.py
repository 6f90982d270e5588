"""Prefect on this machine: server, pool, deployments and worker, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.core.errors import FixConfig, RetryLater
from connectors.core.settings import get_settings
from flows import crashes
from flows.pipeline import WRITER_SLOT
from flows.terminal import console

if TYPE_CHECKING:
    from collections.abc import Sequence

PROJECT = Path(__file__).resolve().parent.parent
POOL = "parley"
START_SECONDS = 120


def serve(port: int = 4200) -> None:
    """Start everything, print the URL, wait; Ctrl-C or SIGTERM ends all of it.

    Raises:
        RetryLater: the server does not answer, or the port is taken.
        FixConfig: a deployment could not be made.
    """
    environment = _environment(port)
    processes: list[subprocess.Popen[bytes]] = []
    # Also where a shell that started this in the background had SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        processes.append(_start(["server", "start", "--port", str(port)], environment))
        _wait(environment["PREFECT_API_URL"], processes[0])
        _set_up(environment)
        processes.append(_start(["worker", "start", "--pool", POOL], environment))
        console.print(f"Prefect is at http://127.0.0.1:{port}; Ctrl-C ends it.", soft_wrap=True)
        processes[-1].wait()
    except KeyboardInterrupt:
        console.print("ending …")
    finally:
        _stop(processes)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _environment(port: int) -> dict[str, str]:
    home = get_settings().home
    # Prefect makes no folder for its database, and this may be the first thing that is started.
    (home / "prefect").mkdir(parents=True, exist_ok=True)
    return {
        **os.environ,
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "parley",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(crashes.HEARTBEAT_SECONDS),
        "PARLEY_HOME": str(home),
    }


def _prefect(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "prefect", *arguments]


def _start(arguments: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C reaches this process alone, which then ends the others in order.
    return subprocess.Popen(  # noqa: S603 - our own interpreter, fixed arguments
        _prefect(arguments), cwd=PROJECT, env=environment, start_new_session=True
    )


def _set_up(environment: dict[str, str]) -> None:
    def call(*arguments: str) -> str | None:
        done = subprocess.run(  # noqa: S603 - our own interpreter, fixed arguments
            _prefect(arguments), cwd=PROJECT, env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        return None if done.returncode == 0 else done.stdout + done.stderr

    if call("gcl", "inspect", WRITER_SLOT):
        call("gcl", "create", WRITER_SLOT, "--limit", "1")
    if call("automation", "inspect", crashes.NAME):  # whoever changed it keeps theirs
        call("automation", "create", "--from-json", crashes.as_json())
    for arguments in (
        ("gcl", "inspect", WRITER_SLOT),
        ("work-pool", "create", POOL, "--type", "process", "--overwrite"),
        ("--no-prompt", "deploy", "--all"),
        ("automation", "inspect", crashes.NAME),
    ):
        if failure := call(*arguments):
            console.print(failure)
            what = f"`prefect {' '.join(arguments)}` failed"
            raise FixConfig(what, "prefect.yaml", "See its output above, mend it, start again.")


def _wait(api: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(START_SECONDS):
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{api}/health", timeout=1):  # noqa: S310 - http, loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(1)
    what = "the Prefect server does not answer"
    raise RetryLater(what, api, "See its output above; another server may hold the port (PORT=…).")


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in reversed(processes):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
