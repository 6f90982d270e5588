"""Plots of probabilities: how far they come true (reliability), and whom they put first (lift)."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from tests.quality.figures import bins

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.quality.figures import Scored


def probabilities(stem: Path, title: str, curves: Mapping[str, Scored]) -> list[Path]:
    """Reliability and lift side by side, as one file; none where matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        return []
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra

    figure = Figure(figsize=(10, 4.5), layout="constrained")
    figure.suptitle(title)
    reliability, lifted = figure.subplots(1, 2)
    reliability.plot([0, 1], [0, 1], color="0.8", label="true to its word")
    lifted.plot([0, 1], [0, 1], color="0.8", label="by chance")
    for name, scored in curves.items():
        told = bins(scored)
        reliability.plot([b.said for b in told], [b.came for b in told], marker="o", label=name)
        order = np.argsort(-scored.score, kind="stable")
        found = np.cumsum(scored.label[order]) / max(1, scored.label.sum())
        lifted.plot(np.arange(1, len(order) + 1) / len(order), found, label=name)
    reliability.set(xlabel="said", ylabel="came true", title="Reliability")
    lifted.set(xlabel="share of all, highest first", ylabel="share found", title="Lift")
    for axes in (reliability, lifted):
        axes.legend()
    path = stem.with_suffix(".png")
    figure.savefig(path)
    return [path]
