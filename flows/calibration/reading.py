"""From the models to arrays: built for one goal, written as Parquet, read in pieces."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow.parquet as pq

from connectors.core import warehouse
from connectors.core.clock import iso_z
from connectors.ledger.manifest import LedgerManifest
from flows import build
from flows.calibration.fit import Sample
from flows.run import Run, ledger_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from connectors.core.settings import Settings
    from connectors.ledger.weights import Pair
    from flows.build import Invoke
    from flows.calibration.goals import Goal

LAYER: Final = "calibration"
# Of a larger shop a sample is looked at: more people would not move the weights.
MOST_PEOPLE: Final = 30_000
# Whoever buys is asked about many categories.
MOST_SUBJECTS: Final = {"person": MOST_PEOPLE, "category": 1_000}
BATCH_ROWS: Final = 100_000


def read(
    settings: Settings,
    goal: Goal,
    moments: Sequence[datetime],
    pairs: Sequence[Pair],
    clock: datetime,
    invoke: Invoke,
) -> Sample:
    """What was known of people at these moments, and whether they then reached the goal.

    The caller holds the writer's slot; `clock` is where the warehouse stands.

    Raises:
        RetryLater: the warehouse's server is away.
        StopRun: a model failed.
    """
    asked = {
        "goal": goal.name,
        "scope": goal.scope,
        "horizon_days": goal.horizon_days,
        "moments": [iso_z(each) for each in moments],
        "pairs": [{"signal": name, "half_life_days": days} for name, days in pairs],
        "most_people": MOST_PEOPLE,
        "most_subjects": MOST_SUBJECTS[goal.scope],
    }
    run = Run("calibrate", "triggered", clock, full_refresh=False, settings=settings)
    batches = LedgerManifest(ledger_of(settings)).visible(clock)
    build.build(run, "calibrate", batches, invoke, {"calibration": asked})
    with tempfile.TemporaryDirectory(dir=settings.home) as name:
        folder = Path(name)
        with warehouse.opened(settings, folder) as opened:
            labels = opened.write(LAYER, "calibration_labels")
            terms = opened.write(LAYER, "calibration_terms")
        return sample_of(labels, terms, pairs)


def sample_of(labels: Path, terms: Path, pairs: Sequence[Pair]) -> Sample:
    """The arrays of these files; rows are numbered from 1 in both."""
    table = pq.read_table(labels, columns=["row_no", "as_of", "is_reached"]).sort_by("row_no")
    places = {pair: place for place, pair in enumerate(pairs)}
    found = np.zeros((table.num_rows, len(pairs)), dtype=np.float32)
    with pq.ParquetFile(terms) as file:
        for batch in file.iter_batches(BATCH_ROWS):
            _fill(found, batch, places)
    return Sample(
        tuple(pairs),
        found,
        table["is_reached"].to_numpy(),
        table["as_of"].to_numpy().astype("datetime64[s]"),
    )


def _fill(found: np.ndarray[Any, Any], batch: Any, places: dict[Pair, int]) -> None:  # noqa: ANN401 - pyarrow has no types
    """Put a batch of terms where they belong."""
    signals = batch.column("signal").dictionary_encode()
    names = signals.dictionary.to_pylist()
    codes = signals.indices.to_numpy()
    days = batch.column("half_life_days").to_numpy()
    rows = batch.column("row_no").to_numpy() - 1
    terms = batch.column("term").cast("float64").to_numpy()
    for (name, half_life), place in places.items():
        if name in names:
            here = (codes == names.index(name)) & (days == half_life)
            found[rows[here], place] = terms[here]
