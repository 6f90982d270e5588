"""How long an answer takes: from a web event's file in the tracker's folder to its reservation.

Twenty people of the demo download a guide, one after the other, each answered by a `triggered`
run in one warm process; one more is answered by the served deployment, triggered by hand.
"""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import wraps
from pathlib import Path
from statistics import quantiles
from typing import Any

from flows import ui
from tests.bench.demo_home import demo_home, prefect_server, started
from tests.bench.report import Row, measure

EVENTS = 20
GOAL_SECONDS = 10.0
APART = timedelta(minutes=2)
# What the run does between the steps that it tells of.
UNTOLD = ("stage", "publish_bi", "complete")
POOL_SECONDS = 300


def rows(scale: float, home: Path) -> list[Row]:
    """Measure both ways; the demo has one size, whatever the scale."""
    del scale
    used = demo_home(home)
    warm = measure("tests.bench.latency:warm", env={"PARLEY_HOME": str(used)})
    seconds, steps = warm.result["latencies"], warm.result["steps"]
    p95 = quantiles(seconds, n=20, method="inclusive")[-1]
    spent = ", ".join(f"{name} {each:.1f}" for name, each in steps.items())
    return [
        Row("latency: warm p95", f"{p95:.1f} s", "", None, f"≤ {GOAL_SECONDS:g} s",
            p95 <= GOAL_SECONDS, warm.peak_mb,
            (f"{EVENTS} events, fastest {min(seconds):.1f} s, slowest {max(seconds):.1f} s",
             f"seconds of the last one by step: {spent}")),
        Row("latency: served deployment, by hand", f"{served(home):.1f} s", "", None,
            "for information", None),
    ]  # fmt: skip


def warm() -> dict[str, Any]:
    """Answer one event to get warm, then twenty; seconds of each, and the last one's by step."""
    from connectors.core.clock import iso_z  # noqa: PLC0415 - the parent needs none of it
    from connectors.core.settings import get_settings  # noqa: PLC0415
    from connectors.demo import DEMO_AS_OF  # noqa: PLC0415
    from flows.pipeline import execute  # noqa: PLC0415

    settings = get_settings()
    latencies, timed = [], Timed()
    for number, email in enumerate(people(settings.demo_dir, EVENTS + 1), start=1):
        timed = Timed()
        as_of = DEMO_AS_OF + number * APART
        with timed.untold():
            download(settings.demo_dir, number, email, as_of)
            began = time.perf_counter()
            execute("triggered", timed.steps(settings), iso_z(as_of))
        check_reserved(settings.home, number)
        latencies.append(timed.reserved_at - began)
    return {"latencies": latencies[1:], "steps": timed.seconds}


class Timed:
    """Seconds by step of one run, and the moment its messages were reserved."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.reserved_at = 0.0

    def steps(self, settings: Any) -> Any:
        """The steps of the command line."""
        from flows.pipeline import PlainSteps  # noqa: PLC0415

        return PlainSteps(settings, self.told)

    @contextmanager
    def told(self, step: str) -> Iterator[Callable[[str, int], None]]:
        """What `PlainSteps` enters around each step."""
        began = time.perf_counter()
        yield lambda _what, _rows: None
        self._add("extract" if step.startswith("extract ") else step, began)
        if step.startswith("emit "):
            self.reserved_at = time.perf_counter()

    @contextmanager
    def untold(self) -> Iterator[None]:
        """Time the steps that the sequence does not tell of."""
        from flows import work  # noqa: PLC0415

        kept = {name: getattr(work, name) for name in UNTOLD}
        for name, function in kept.items():
            setattr(work, name, self._timed(name, function))
        try:
            yield
        finally:
            for name, function in kept.items():
                setattr(work, name, function)

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def called(*args: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*args)
            finally:
                self._add(name, began)

        return called

    def _add(self, step: str, began: float) -> None:
        self.seconds[step] = self.seconds.get(step, 0.0) + time.perf_counter() - began


def people(demo: Path, most: int) -> list[tuple[str, str]]:
    """Id and email of customers; a download is a service, so that none of them is held out."""
    with sqlite3.connect(demo / "shop.db") as shop:
        query = (
            "select customer_id, email from customers where not is_staff and not is_test"
            " and country = 'GB' order by customer_id limit ?"
        )
        return shop.execute(query, [most]).fetchall()


def download(demo: Path, number: int, person: tuple[str, str], as_of: datetime) -> None:
    """Let the event's file appear at once, as an upload does."""
    at = (as_of - timedelta(seconds=20)).replace(tzinfo=None).isoformat() + ".000Z"
    customer_id, email = person
    event = {
        "type": "track", "event": "Content Downloaded", "messageId": f"bench-{number}",
        "anonymousId": f"bench-device-{number}", "userId": customer_id,
        "properties": {
            "download_id": download_id(number), "content_id": "jam-making",
            "title": "Jam Making for Beginners", "topic": "kitchen", "email": email,
        },
        "originalTimestamp": at, "timestamp": at, "sentAt": at, "receivedAt": at,
        "context": {"userAgent": "Mozilla/5.0 (X11; Linux) Firefox/8.0"},
    }  # fmt: skip
    path = demo / "web" / f"bench-{number:03}.jsonl.gz"
    half = path.with_suffix(".part")
    half.write_bytes(gzip.compress(json.dumps(event).encode() + b"\n"))
    half.replace(path)


def download_id(number: int) -> str:
    return f"bench-download-{number}"


def check_reserved(home: Path, number: int) -> None:
    """A latency without a message is none."""
    if not reserved(home, number):
        message = f"event {number} was answered by no message"
        raise RuntimeError(message)


def reserved(home: Path, number: int) -> bool:
    """Whether the ledger holds a message for that download."""
    query = "select count(*) from messages where occasion like '%/' || ?"
    with sqlite3.connect(f"file:{home}/ledger.db?mode=ro", uri=True) as ledger:
        return bool(ledger.execute(query, [download_id(number)]).fetchone()[0])


def served(home: Path) -> float:
    """Seconds until a deployed run, triggered by hand, has reserved the message."""
    from connectors.core.clock import iso_z  # noqa: PLC0415
    from connectors.demo import DEMO_AS_OF  # noqa: PLC0415

    used, as_of = demo_home(home), DEMO_AS_OF + APART
    with (
        prefect_server(home, used) as own,
        started(["worker", "start", "--pool", ui.POOL], home, own),
    ):
        [person] = people(used / "demo", 1)
        download(used / "demo", 1, person, as_of)
        began = time.perf_counter()
        asked = ["deployment", "run", "triggered/triggered", "--param", f"as_of={iso_z(as_of)}"]
        environment = {**os.environ, **own}
        subprocess.run(ui._prefect(asked), env=environment, stdout=subprocess.DEVNULL, check=True)
        return _waited(used, began)


def _waited(home: Path, began: float) -> float:
    while time.perf_counter() - began < POOL_SECONDS:
        if reserved(home, 1):
            return time.perf_counter() - began
        time.sleep(0.1)
    message = f"no message within {POOL_SECONDS} s of triggering the deployment"
    raise RuntimeError(message)
