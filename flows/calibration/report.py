"""What a calibration found, for people: a page and a plot in `calibration/` under PARLEY_HOME."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

from connectors.core.clock import iso_z
from flows.calibration.extra import installed

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from connectors.core.settings import Settings
    from flows.calibrate import Result
    from flows.calibration.figures import Figures

FIGURES: Final = {
    "auc": "AUC",
    "pr_auc": "PR-AUC",
    "lift": "lift of the top tenth",
    "calibration_error": "calibration error",
    "log_loss": "log loss",
}
INCHES: Final = 5.0


def write(settings: Settings, result: Result, at: datetime) -> Path:
    """Write the page, and the plot where there is something to draw; the page's path."""
    folder = settings.home / "calibration"
    folder.mkdir(parents=True, exist_ok=True)
    # What did not come into force must not take the place of what did.
    rest = "" if result.verdict == "accepted" else f"-{result.verdict.replace(' ', '-')}"
    name = f"{result.goal}-{iso_z(at)[:10]}" if rest else result.in_force
    page = folder / f"{name}{rest}.md"
    page.write_text(markdown(result, at), encoding="utf-8")
    if result.new and result.now:
        draw(result, page.with_suffix(".png"))
    return page


def markdown(result: Result, at: datetime) -> str:
    """The page: the verdict, the figures of both, how well they hold, the weights."""
    lines = [
        f"# Weights of the goal {result.goal}, {iso_z(at)}",
        "",
        f"**{result.verdict}**: {result.why}. In force: `{result.in_force or 'none'}`.",
        "",
    ]
    if result.new and result.now:
        lines += [*_figures(result.new, result.now), "", *_bins(result.new, result.now), ""]
    if result.weights:
        lines += ["| signal | half-life in days | weight |", "|---|--:|--:|"]
        for (signal, days), weight in sorted(result.weights.items()):
            lines.append(f"| {signal} | {days} | {weight} |")
    return "\n".join([*lines, ""])


def rows(new: Figures, now: Figures) -> list[tuple[str, str, str]]:
    """The figures by name, of the new weights and of those in force."""
    return [
        (told, f"{getattr(new, name):.4f}", f"{getattr(now, name):.4f}")
        for name, told in FIGURES.items()
    ]


def draw(result: Result, path: Path) -> None:
    """Draw what was expected beside what was reached, by tenths of the rows."""
    figure = installed("matplotlib.figure").Figure(figsize=(INCHES, INCHES), layout="constrained")
    axes = figure.subplots()
    most = 0.0
    for told, figures in (("new", result.new), ("in force", result.now)):
        if figures is not None:
            expected = [each.expected for each in figures.bins]
            reached = [each.reached for each in figures.bins]
            axes.plot(expected, reached, marker="o", label=told)
            most = max(most, *expected, *reached)
    axes.plot([0, most], [0, most], color="grey", linewidth=0.8)
    axes.set(xlabel="expected share", ylabel="share that reached it", title=result.goal)
    axes.legend()
    figure.savefig(path, dpi=100, metadata={"Software": None})


def picture(path: Path) -> str:
    """A picture as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"


def _figures(new: Figures, now: Figures) -> list[str]:
    told = (
        f"On windows held out: {new.rows:,} rows, {new.reached:,} reached the goal. The new weights"
        " are judged by a fit that has not seen them."
    )
    lines = [f"| {name} | {ours} | {theirs} |" for name, ours, theirs in rows(new, now)]
    return [told, "", "| figure | new | in force |", "|---|--:|--:|", *lines]


def _bins(new: Figures, now: Figures) -> list[str]:
    lines = ["| tenth | new: expected | reached | in force: expected | reached |"]
    lines.append("|--:|--:|--:|--:|--:|")
    for number, (ours, theirs) in enumerate(zip(new.bins, now.bins, strict=True), start=1):
        cells = (ours.expected, ours.reached, theirs.expected, theirs.reached)
        lines.append(f"| {number} | " + " | ".join(f"{each:.4f}" for each in cells) + " |")
    return lines
