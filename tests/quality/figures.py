"""Figures of how well scores rank and how far they are probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike

BINS = 10


@dataclass(frozen=True)
class Scored:
    """Scores, and whether it (1) came true or not (0); one entry each, in the same order."""

    score: Any
    label: Any

    @classmethod
    def of(cls, score: ArrayLike, label: ArrayLike) -> Scored:
        """From anything that is a list of numbers."""
        return cls(np.asarray(score, dtype=float), np.asarray(label, dtype=int))

    @property
    def is_telling(self) -> bool:
        """Whether there is one of each: else nothing can be ranked."""
        return bool(0 < self.label.sum() < len(self.label))


def together(parts: Iterable[Scored]) -> Scored:
    """All of several dates as one."""
    listed = list(parts)
    return Scored(
        np.concatenate([part.score for part in listed]),
        np.concatenate([part.label for part in listed]),
    )


def auc(scored: Scored) -> float:
    """Chance that one who did ranks before one who did not; ties count half."""
    values, place, counts = np.unique(scored.score, return_inverse=True, return_counts=True)
    del values
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    did = int(scored.label.sum())
    others = len(scored.label) - did
    return float((ranks[scored.label == 1].sum() - did * (did + 1) / 2) / (did * others))


def pr_auc(scored: Scored) -> float:
    """Average precision: the precision at each score that finds more, weighted by how many."""
    order = np.argsort(-scored.score, kind="stable")
    score, label = scored.score[order], scored.label[order]
    last = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)
    found = np.cumsum(label)[last]
    precision = found / (last + 1)
    return float((precision * np.diff(np.concatenate([[0], found]))).sum() / label.sum())


def lift(scored: Scored, share: float) -> float:
    """Share of those who did that the highest share of scores holds, spread over ties."""
    order = np.argsort(-scored.score, kind="stable")
    score, label = scored.score[order], scored.label[order]
    count = max(1, round(len(score) * share))
    edge = score[count - 1]
    above, at = score > edge, score == edge
    part = (count - above.sum()) / at.sum()
    return float((label[above].sum() + part * label[at].sum()) / label.sum())


@dataclass(frozen=True)
class Bin:
    """Scores of about the same height: their number, their mean, how many of them did."""

    count: int
    said: float
    came: float


def bins(scored: Scored) -> list[Bin]:
    """Ten of equal width; those that hold nothing are left out."""
    at = np.minimum((scored.score * BINS).astype(int), BINS - 1)
    return [
        Bin(int(own.sum()), float(scored.score[own].mean()), float(scored.label[own].mean()))
        for number in range(BINS)
        if (own := at == number).any()
    ]


def calibration_error(scored: Scored) -> float:
    """Mean distance of what was said from what came (ECE, ten bins of equal width)."""
    listed = bins(scored)
    return sum(b.count * abs(b.said - b.came) for b in listed) / sum(b.count for b in listed)


def mean_of(figure: Any, parts: Iterable[Scored]) -> float:
    """A figure, averaged over the dates on which it can be told."""
    told = [figure(part) for part in parts if part.is_telling]
    return float(np.mean(told)) if told else float("nan")


def recall(offered: Mapping[str, Sequence[str]], bought: Mapping[str, set[str]]) -> float:
    """Share of what each bought that was offered, averaged over those who bought something."""
    shares = [
        len(things & set(offered.get(person, ()))) / len(things)
        for person, things in bought.items()
        if things
    ]
    return float(np.mean(shares)) if shares else float("nan")


def share_of_top(score: ArrayLike, amount: ArrayLike, share: float) -> float:
    """What share of all amounts those with the highest scores bring."""
    scores, amounts = np.asarray(score, dtype=float), np.asarray(amount, dtype=float)
    order = np.argsort(-scores, kind="stable")
    count = max(1, round(len(order) * share))
    total = amounts.sum()
    return float(amounts[order[:count]].sum() / total) if total else float("nan")
