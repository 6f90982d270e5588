"""The deployed flows: `triggered`, `mass` and `daily`, one sequence; and those beside it."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from prefect import flow
from prefect.concurrency.sync import concurrency
from pydantic import Field

from connectors.core.settings import get_settings
from connectors.core.warehouse import writer_slot
from connectors.ledger.emission.outbox import EmitResult
from flows import artifacts, emit, extract, operate, pipeline, transform
from flows import calibrate as calibrating
from flows import erase as erasing
from flows import guards as guarding
from flows import sync as syncing
from flows.calibration import report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.ledger.runs import Kind
    from flows.run import Run, Slice

log = logging.getLogger("parley")
# The server refuses anything else before it stores it, an address above all.
PersonId = Annotated[str, Field(pattern="^([0-9a-f]{8,64})?$")]
Name = Annotated[str, Field(pattern="^([a-z][a-z0-9_]{0,62})?$")]
Moment = Annotated[str, Field(pattern="^[0-9TZ:. +-]{0,40}$")]
Reason = Annotated[str, Field(pattern="^[^@]*$", max_length=200)]


class PrefectSteps:
    """The steps as subflows and tasks; only ids and paths travel, for parameters are stored."""

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Take Prefect's limit, then the file lock, since the command line asks only for that."""
        # strict: without the limit two runs would write at once, and nobody would notice.
        with (
            concurrency(pipeline.WRITER_SLOT, timeout_seconds=pipeline.SLOT_SECONDS, strict=True),
            writer_slot(get_settings(), pipeline.SLOT_SECONDS),
        ):
            yield

    def extract(self, run: Run) -> dict[str, int]:
        """Subflow `extract`."""
        return extract.extract(run.run_id)

    def transform(self, run: Run) -> None:
        """Subflow `transform`."""
        transform.transform(run.run_id)

    def decide(self, run: Run) -> None:
        """Subflow `decide`."""
        transform.decide(run.run_id)

    def publish(self, run: Run, staged: Path) -> None:
        """Task `publish`."""
        emit.publish(run.run_id, str(staged))

    def emit(self, run: Run, audience: Slice) -> EmitResult:
        """Task `emit`."""
        return emit.emit(run.run_id, audience, live=run.is_live)

    def refresh_messages(self, run: Run) -> Path:
        """Task `refresh_messages`."""
        return Path(emit.refresh_messages(run.run_id))


def _run(
    kind: Kind, as_of: str | None, *, full_refresh: bool = False, shadow: bool, live: bool
) -> str:
    how = {"full_refresh": full_refresh, "shadow": shadow, "live": live}
    outcome = pipeline.execute(kind, PrefectSteps(), as_of, **how)
    for notice in outcome.notices:
        log.warning(notice)
    artifacts.publish(outcome)
    return outcome.run.run_id


@flow
def erase(person: PersonId = "") -> list[str]:
    """Erase a person from everything held; without one, finish what was interrupted.

    Takes an id or an address's hash (`parley explain` shows them), never an address: parameters
    are stored. Returns where the certificates are.
    """
    settings, steps = get_settings(), PrefectSteps()
    with steps.slot():
        paths = erasing.resume(settings, transform.as_tasks)
        if person:
            request = erasing.look(settings, [person], transform.as_tasks, None)
            paths.append(erasing.carry_out(settings, request, transform.as_tasks))
    return [str(path) for path in paths]


@flow
def calibrate(as_of: Moment | None = None, goal: Name = "") -> dict[str, str]:
    """Every week: fit the weights of signals to the shop. Returns the verdict of each goal."""
    settings = get_settings()
    with PrefectSteps().slot():
        tasks, at = calibrating.look(settings, goal, as_of, transform.as_tasks)
    verdicts = {}
    for each in tasks:
        result = calibrating.settle(settings, each, at)
        page = report.write(settings, result, at)
        plot = page.with_suffix(".png")
        picture = report.picture(plot) if result.new else None
        artifacts.publish_calibration(result.goal, page, picture)
        verdicts[result.goal] = result.verdict
    return verdicts


@flow
def triggered(as_of: Moment | None = None, *, shadow: bool = False, live: bool = False) -> str:
    """Every few minutes: answer what people just did. Returns the run's id."""
    return _run("triggered", as_of, shadow=shadow, live=live)


@flow
def mass(as_of: Moment | None = None, *, shadow: bool = False, live: bool = False) -> str:
    """Every hour: send what the campaigns plan. Returns the run's id."""
    return _run("mass", as_of, shadow=shadow, live=live)


@flow
def daily(
    as_of: Moment | None = None,
    *,
    full_refresh: bool = False,
    shadow: bool = False,
    live: bool = False,
) -> str:
    """Every night: both slices, with every test of the models. Returns the run's id."""
    return _run("daily", as_of, full_refresh=full_refresh, shadow=shadow, live=live)


@flow
def sync(
    audience: Name = "", *, full: bool = False, live: bool = False, confirm: bool = False
) -> dict[str, dict[str, int]]:
    """Every day: keep lists at destinations equal to the audiences. Returns people by audience."""
    asked = syncing.Asked(audience, full=full, live=live, confirm=confirm)
    synced = syncing.sync(get_settings(), asked)
    for name, why in synced.skipped.items():
        log.warning("%s was left alone: %s", name, why)
    for each in synced.results:
        log.info("synced %s", each)
    synced.raise_first()
    return {each.audience: each.people() for each in synced.results}


@flow
def retention() -> dict[str, int]:
    """Every week: let go of what is older than PARLEY_KEEP_DAYS. Returns rows by table."""
    return operate.forget(get_settings())


@flow
def pause(programme: Name = "", reason: Reason = "from the Prefect UI") -> list[str]:
    """Stop a programme, or everything, at once: also what is planned. Returns what is paused."""
    return guarding.pause(get_settings(), programme, reason, by="Prefect")


@flow
def resume(programme: Name = "") -> list[str]:
    """Let a programme, or everything, go on. Returns what is still paused."""
    return guarding.resume(get_settings(), programme, by="Prefect")
