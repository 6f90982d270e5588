"""The sequence of a run, once: Prefect's flows and the command line differ only in `Steps`."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from connectors.core import snapshot
from connectors.core.settings import get_settings
from connectors.core.warehouse import writer_slot
from connectors.ledger.emission import last_look
from flows import build, erase, news, notices, work
from flows.run import SLICES, Run, begin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from connectors.core.settings import Settings
    from connectors.ledger.emission.last_look import Ages
    from connectors.ledger.emission.outbox import EmitResult
    from connectors.ledger.runs import Kind
    from flows.run import Slice

# Prefect's limit by which writers take turns; `make ui` creates it.
WRITER_SLOT = "parley-writer"
# A run that waits longer than this for the writer's slot says who holds it.
SLOT_SECONDS = 1800.0


@dataclass
class Outcome:
    """What a run did: rows landed by stream, messages by slice, rows in the BI copy by table.

    `notices` say what guards kept back, and what to do about it; `ages` how old the facts were that
    a last look was taken on before messages left.
    """

    run: Run
    landed: dict[str, int] = field(default_factory=dict)
    emitted: dict[str, EmitResult] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)
    notices: Sequence[str] = ()
    ages: Ages | None = None


class Steps(Protocol):
    """The steps of a run, as whoever runs it wants them called."""

    def slot(self) -> AbstractContextManager[None]:
        """The only right to write the lake's cursors and the warehouse."""
        ...

    def extract(self, run: Run) -> dict[str, int]:
        """Land every stream, check what landed; rows by stream."""
        ...

    def transform(self, run: Run) -> None:
        """Build staging to marts."""
        ...

    def decide(self, run: Run) -> None:
        """Build the plan."""
        ...

    def publish(self, run: Run, staged: Path) -> None:
        """Check the staged snapshot and give it its name."""
        ...

    def emit(self, run: Run, audience: Slice) -> EmitResult:
        """Send one slice of the plan."""
        ...

    def refresh_messages(self, run: Run) -> Path:
        """Let the ledger's messages flow back."""
        ...


def execute(
    kind: Kind,
    steps: Steps,
    as_of: str | None = None,
    *,
    full_refresh: bool = False,
    shadow: bool = False,
    live: bool = False,
) -> Outcome:
    """Run extract, transform, decide, publish, emit and the BI copy; a shadow only to publish.

    A live run may contact people; in test mode a run is a shadow that shows some copies.

    The slot is given up while messages leave, so that a long push does not starve the triggers;
    within it, extraction and both builds see one clock.

    Raises:
        ParleyError: what, where and what to do next; the run's row says how it ended.
    """
    with steps.slot():
        erase.resume(get_settings(), build.plainly)
        run = begin(kind, as_of, full_refresh=full_refresh, shadow=shadow, live=live)
        outcome = Outcome(run)
        with work.recorded(run):
            outcome.landed = steps.extract(run)
            steps.transform(run)
            steps.decide(run)
            staged = work.stage(run)
    with work.recorded(run):
        steps.publish(run, staged)
        if not shadow:
            outcome.emitted = {name: steps.emit(run, name) for name in SLICES[run.kind]}
        if run.is_shadow:
            outcome.rows = snapshot.row_counts(run.snapshot_dir)
        else:
            _tell(outcome, steps)
        work.complete(run, outcome.landed, outcome.rows)
    return outcome


def _tell(outcome: Outcome, steps: Steps) -> None:
    """Say what was kept back, let the ledger's word flow back, swap in the BI copy."""
    run = outcome.run
    outcome.notices = notices.lines(run, outcome.emitted.values())
    outcome.ages = last_look.ages(run.ledger, run.run_id)
    with steps.slot():
        messages = steps.refresh_messages(run)
        outcome.rows = work.publish_bi(run, messages)


@contextmanager
def _untold(_step: str) -> Iterator[Callable[[str, int], None]]:
    yield lambda _what, _rows: None


class PlainSteps:
    """The steps without Prefect. `told(step)` is entered around each, and yields its progress."""

    def __init__(
        self,
        settings: Settings,
        told: Callable[[str], AbstractContextManager[Callable[[str, int], None]]] = _untold,
    ) -> None:
        """Run on these settings."""
        self._settings, self._told = settings, told

    def slot(self) -> AbstractContextManager[None]:
        """Take the file lock; Prefect's limit is not asked."""
        return writer_slot(self._settings, SLOT_SECONDS)

    def extract(self, run: Run) -> dict[str, int]:
        """Land the streams one after the other."""
        landed = {}
        for source_id, stream in work.streams(run.settings):
            name = f"{source_id}.{stream}"
            with self._told(f"extract {name}") as progress:
                rows = work.land_stream(run, source_id, stream, partial(progress, "rows")).rows
            landed[name] = rows
        with self._told("check what landed"):
            work.gate_landing(run)
        work.take_in(run)
        return landed

    def transform(self, run: Run) -> None:
        """Build staging to marts; plans that wait hear what is new in them."""
        with self._told("transform") as progress:
            news.learn(run, partial(build.plainly, tell=lambda name: progress(name, 1)))

    def decide(self, run: Run) -> None:
        """Build the plan."""
        with self._told("decide") as progress:
            work.decide(run, partial(build.plainly, tell=lambda name: progress(name, 1)))

    def publish(self, run: Run, staged: Path) -> None:
        """Check and publish the snapshot."""
        with self._told("check marts and audiences"):
            work.gate_snapshot(run, staged)
            snapshot.publish(staged)

    def emit(self, run: Run, audience: Slice) -> EmitResult:
        """Send one slice."""
        with self._told(f"emit {audience}"):
            return work.emit_slice(run, audience)

    def refresh_messages(self, run: Run) -> Path:
        """Let the ledger's messages flow back."""
        with self._told("refresh messages"):
            return work.refresh_messages(run, build.plainly)
