"""The fit itself, over arrays: logistic regression on log-decayed terms, and the choice of a scale.

Weights are decimals of six places, as the models count with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import numpy as np

from connectors.ledger.weights import INTERCEPT
from flows.calibration.extra import installed
from flows.calibration.figures import figures_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from connectors.ledger.weights import Pair
    from flows.calibration.shapes import Shape

    Weights = Mapping[Pair, Decimal]

PLACES: Final = Decimal("0.000001")
# A signal that is rarer than this in the rows says nothing: it keeps the weight that it had.
FEWEST_ROWS: Final = 50


@dataclass(frozen=True)
class Sample:
    """A row per subject and moment: terms by pair, whether the goal was then reached."""

    pairs: tuple[Pair, ...]
    terms: NDArray[np.float32]
    reached: NDArray[np.bool_]
    moment: NDArray[np.datetime64]

    def at(self, moments: Sequence[datetime]) -> Sample:
        """The rows of these moments."""
        chosen = np.isin(self.moment, np.array(moments, dtype=self.moment.dtype))
        return Sample(self.pairs, self.terms[chosen], self.reached[chosen], self.moment[chosen])

    def columns(self, pairs: Sequence[Pair]) -> NDArray[np.float64]:
        """The terms of these pairs, in their order."""
        places = [self.pairs.index(pair) for pair in pairs]
        return self.terms[:, places].astype(np.float64)


@dataclass(frozen=True)
class Fitted:
    """What came out: the scale in days, the weights by all rows, and by the older ones alone."""

    scale: int
    weights: Weights
    early: Weights


def probabilities(sample: Sample, weights: Weights) -> NDArray[np.float64]:
    """How likely each row is to reach the goal, by these weights."""
    pairs = [pair for pair in weights if pair != INTERCEPT]
    given = np.array([float(weights[pair]) for pair in pairs])
    logit = float(weights.get(INTERCEPT, 0)) + sample.columns(pairs) @ given
    return np.asarray(1 / (1 + np.exp(-logit)), dtype=np.float64)


def fit(sample: Sample, pairs: Sequence[Pair], strength: float, usual: Weights) -> Weights:
    """The weights of these pairs that explain the rows best.

    Args:
        sample: the rows; some reached the goal, some did not.
        pairs: what to give a weight.
        strength: sklearn's C, on terms of equal spread.
        usual: weights that hold where nothing can be learned; those of signals that have no other.
    """
    columns = sample.columns(pairs)
    spread = columns.std(axis=0)
    seen = (np.count_nonzero(columns, axis=0) >= FEWEST_ROWS) & (spread > 0)
    told = [pair for pair, is_seen in zip(pairs, seen, strict=True) if is_seen]
    middle, spread = columns[:, seen].mean(axis=0), spread[seen]
    model = installed("sklearn.linear_model").LogisticRegression(
        solver="newton-cholesky", C=strength, tol=1e-9, max_iter=200
    )
    model.fit((columns[:, seen] - middle) / spread, sample.reached)
    slopes = model.coef_[0] / spread
    constant = model.intercept_[0] - float(slopes @ middle)
    signals = {name for name, _ in told}
    kept = {pair: each for pair, each in usual.items() if pair[0] not in signals}
    fitted = {pair: _decimal(slope) for pair, slope in zip(told, slopes, strict=True)}
    return {**kept, **fitted, INTERCEPT: _decimal(constant)}


def choose(train: Sample, held_out: Sample, shape: Shape, usual: Weights) -> Fitted:
    """Fit at each scale, keep the one that surprises least on what it has not seen, fit on all."""
    tried = []
    for scale in shape.scales:
        early = fit(train, shape.at(scale), shape.strength, usual)
        surprise = figures_of(held_out.reached, probabilities(held_out, early)).log_loss
        tried.append((surprise, scale, early))
    _, scale, early = min(tried, key=lambda each: each[:2])
    weights = fit(_both(train, held_out), shape.at(scale), shape.strength, usual)
    return Fitted(scale, weights, early)


def _both(one: Sample, other: Sample) -> Sample:
    return Sample(
        one.pairs,
        np.concatenate([one.terms, other.terms]),
        np.concatenate([one.reached, other.reached]),
        np.concatenate([one.moment, other.moment]),
    )


def _decimal(value: float) -> Decimal:
    return Decimal(repr(float(value))).quantize(PLACES)
