"""How good probabilities are, on rows whose end is known."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from flows.calibration.extra import installed

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS: Final = 10
PLACES: Final = 6


@dataclass(frozen=True)
class Bin:
    """A tenth of the rows, by rank: what was expected of them, what they did."""

    rows: int
    expected: float
    reached: float


@dataclass(frozen=True)
class Figures:
    """Figures of one set of weights on one set of rows.

    `lift`: how many times more often than all the likeliest tenth reached the goal.
    `calibration_error`: the distance of expected and reached shares, over ten bins of equal size.
    """

    rows: int
    reached: int
    auc: float
    pr_auc: float
    lift: float
    calibration_error: float
    log_loss: float
    bins: tuple[Bin, ...]

    def numbers(self) -> dict[str, Any]:
        """The figures without the bins."""
        return {name: value for name, value in asdict(self).items() if name != "bins"}


def figures_of(reached: NDArray[np.bool_], expected: NDArray[np.float64]) -> Figures:
    """Judge probabilities by what became of their rows; some reached the goal, some did not."""
    metrics = installed("sklearn.metrics")
    order = np.argsort(-expected, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if part.size]
    bins = tuple(
        Bin(part.size, _rounded(expected[part].mean()), _rounded(reached[part].mean()))
        for part in parts
    )
    error = sum(each.rows * abs(each.expected - each.reached) for each in bins) / reached.size
    return Figures(
        rows=int(reached.size),
        reached=int(reached.sum()),
        auc=_rounded(metrics.roc_auc_score(reached, expected)),
        pr_auc=_rounded(metrics.average_precision_score(reached, expected)),
        lift=_rounded(bins[0].reached / reached.mean()),
        calibration_error=_rounded(error),
        log_loss=_rounded(metrics.log_loss(reached, expected, labels=[False, True])),
        bins=bins,
    )


def _rounded(value: float) -> float:
    return round(float(value), PLACES)
