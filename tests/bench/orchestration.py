"""What Prefect costs: the demo's daily run through it against the same functions without it.

Both are a process of their own, started on the same state, and both import what they need within
the time that is measured. The server is up before; its own work happens beside, on the same cores.
"""

from __future__ import annotations

from pathlib import Path

from tests.bench.demo_home import demo_home, prefect_server
from tests.bench.report import Measured, Row, measure

NEXT_DAY = "2011-12-07T11:05:00Z"
GOAL = 1.25


def rows(scale: float, home: Path) -> list[Row]:
    """Measure both; the demo has one size, whatever the scale."""
    del scale
    used = demo_home(home)
    plain = measure("tests.bench.orchestration:plainly", env={"PARLEY_HOME": str(used)})
    used = demo_home(home)
    with prefect_server(home, used) as environment:
        orchestrated = measure("tests.bench.orchestration:through_prefect", env=environment)
    return [judged(plain, orchestrated)]


def judged(plain: Measured, orchestrated: Measured) -> Row:
    """The row; the plans must be the same, or the two did not do the same work."""
    if plain.result["audience_sha256"] != orchestrated.result["audience_sha256"]:
        message = "the run through Prefect planned something else than the one without it"
        raise RuntimeError(message)
    ratio = orchestrated.seconds / plain.seconds
    return Row(
        "orchestration: daily run", f"{orchestrated.seconds:.1f} s with Prefect",
        f"{plain.seconds:.1f} s without", ratio, f"≤ {GOAL:g}x", ratio <= GOAL,
        orchestrated.peak_mb, (f"{plain.peak_mb:.0f} MB without",),
    )  # fmt: skip


def plainly() -> dict[str, str]:
    """The daily run as the command line runs it."""
    from connectors.core.settings import get_settings  # noqa: PLC0415 - its import is measured
    from flows.pipeline import PlainSteps, execute  # noqa: PLC0415

    outcome = execute("daily", PlainSteps(get_settings()), NEXT_DAY)
    return {"audience_sha256": _audience(outcome.run.run_id)}


def through_prefect() -> dict[str, str]:
    """The daily run as the deployed flow."""
    from flows.deployments import daily  # noqa: PLC0415 - its import is measured

    return {"audience_sha256": _audience(daily(NEXT_DAY))}


def _audience(run_id: str) -> str:
    from connectors.core import snapshot  # noqa: PLC0415
    from connectors.core.settings import get_settings  # noqa: PLC0415

    return snapshot.audience_sha256(get_settings().runs_dir / run_id)
