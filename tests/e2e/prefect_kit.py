"""A real Prefect server with everything deployed, started by `parley ui`, and its API."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

from home_kit import BIN, Home

Found = TypeVar("Found")
BUSY_SECONDS = 60


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Served:
    """`parley ui` on a port of its own; what it prints goes to a file."""

    def __init__(self, home: Home) -> None:
        """Start it."""
        self.port = free_port()
        self._home = home
        self._log = home.folder / "ui.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(BIN / "parley"), "ui", "--port", str(self.port)],
                cwd=home.folder, env=home.environment, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    @property
    def printed(self) -> str:
        """What it has printed so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Call Prefect's API; again for a while where its SQLite is locked: nothing was done."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        patient_until = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                    text = answer.read()
            except urllib.error.HTTPError as error:
                if error.code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > patient_until:
                    raise
                time.sleep(1)
            else:
                return json.loads(text) if text else None

    def flow(self, code: str) -> subprocess.Popen[bytes]:
        """Run a flow of the test's own in a process of its own, without a worker."""
        api = {"PREFECT_API_URL": f"http://127.0.0.1:{self.port}/api"}
        # Not in the home: the processes of that are counted.
        own = {name: value for name, value in os.environ.items() if name != "PARLEY_HOME"}
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [str(BIN / "python"), "-c", code], env={**own, **api}, stdout=log, stderr=log
            )

    def wait(self, what: str, look: Callable[[], Found | None], seconds: float) -> Found:
        """Ask until there is an answer; fail with what was printed when there is none in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, f"`parley ui` ended:\n{self.printed}"
            try:
                found = look()
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                found = None
            if found:
                return found
            time.sleep(1)
        message = f"{what}: not within {seconds:g} s\n{self.printed[-6000:]}"
        raise AssertionError(message)

    def flow_runs(self, **criteria: Any) -> list[dict[str, Any]]:
        """Flow runs, oldest first, by Prefect's filter on flow runs."""
        body = {"flow_runs": criteria, "sort": "EXPECTED_START_TIME_ASC"}
        return list(self.api("POST", "/flow_runs/filter", body))

    def runs_of(self, deployment_id: str, *states: str) -> list[dict[str, Any]]:
        """A deployment's runs in these states, oldest first."""
        return self.flow_runs(
            deployment_id={"any_": [deployment_id]}, state={"type": {"any_": list(states)}}
        )

    def processes(self) -> set[int]:
        """Every process that works for this home, whoever its parent is by now."""
        mark = f"PARLEY_HOME={self._home.path}".encode()
        return {
            int(folder.name)
            for folder in Path("/proc").iterdir()
            if folder.name.isdigit() and mark in _environ(folder).split(b"\0")
        }

    def interrupt(self) -> int | None:
        """Press Ctrl-C; the exit code, or None if it does not end within a minute."""
        os.kill(self.process.pid, signal.SIGINT)
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            return None

    def kill_all(self) -> None:
        """End whatever is left, so that a failing test leaves nothing behind."""
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


def _environ(folder: Path) -> bytes:
    try:
        if b"\nState:\tZ" in (folder / "status").read_bytes():
            return b""
        return (folder / "environ").read_bytes()
    except OSError:
        return b""
