"""Calibrate: the fit over arrays, its figures, its windows, and what may replace what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import calibrate_kit as kit
import numpy as np
import pytest

from connectors.core.errors import FixConfig
from connectors.core.settings import Settings
from connectors.ledger.weights import INTERCEPT, Version
from flows import calibrate
from flows.calibration import extra, windows
from flows.calibration.figures import figures_of
from flows.calibration.fit import choose, fit, probabilities
from flows.calibration.goals import goals
from flows.calibration.shapes import SHAPES, Shape

MONDAY = datetime(2023, 8, 7, tzinfo=UTC)
A, B, RARE, NEVER = ("a", 7), ("b", 28), ("rare", 7), ("never", 7)


# The fit.


def test_the_fit_finds_the_weights_that_made_the_rows() -> None:
    found = fit(kit.sample((A, B), (0.9, -0.5)), (A, B), 0.1, {})
    assert set(found) == {A, B, INTERCEPT}
    for pair, true in ((A, 0.9), (B, -0.5), (INTERCEPT, -1.0)):
        assert abs(float(found[pair]) - true) < 0.15
        assert found[pair] == found[pair].quantize(Decimal("0.000001"))


def test_the_same_rows_give_the_same_weights() -> None:
    rows = kit.sample((A, B), (0.9, -0.5))
    assert fit(rows, (A, B), 0.1, {}) == fit(rows, (A, B), 0.1, {})


def test_a_signal_that_is_rare_keeps_its_weight_and_one_that_never_occurs_without_any_is_left_out(
) -> None:  # fmt: skip
    rows = kit.sample((A, RARE, NEVER), (0.9, 0.0, 0.0))
    rows.terms[:, 2] = 0
    rows.terms[49:, 1] = 0
    usual = {RARE: Decimal("0.35"), A: Decimal(7), INTERCEPT: Decimal(-3), ("other", 1): Decimal(1)}
    found = fit(rows, (A, RARE, NEVER), 0.1, usual)
    assert found[RARE] == Decimal("0.35")
    assert found[A] < 2
    assert NEVER not in found
    assert ("other", 1) in found
    assert found[INTERCEPT] > -2


def test_the_scale_is_the_one_that_surprises_least_on_what_was_held_out() -> None:
    shape = Shape(fixed=(), scaled={"a": (1, 4)}, scales=(3, 7), strength=1.0)
    rows = kit.sample((("a", 3), ("a", 7), ("a", 12), ("a", 28)), (0.0, 1.2, 0.0, -1.0))
    there = sorted(each.item() for each in np.unique(rows.moment))
    fitted = choose(rows.at(there[:9]), rows.at(there[9:]), shape, {})
    assert fitted.scale == 7
    assert set(fitted.weights) == {("a", 7), ("a", 28), INTERCEPT}
    # What is kept has seen all rows, what is judged has not.
    assert fitted.weights == fit(rows, shape.at(7), 1.0, {})
    assert fitted.early == fit(rows.at(there[:9]), shape.at(7), 1.0, {})


def test_probabilities_are_those_of_the_models() -> None:
    rows = kit.sample((A, B), (0.9, -0.5), rows=3)
    given = {INTERCEPT: Decimal("-1.5"), B: Decimal("0.25")}
    logit = -1.5 + 0.25 * rows.terms[:, 1].astype(float)
    assert probabilities(rows, given) == pytest.approx(1 / (1 + np.exp(-logit)))


# Figures.


def test_figures_of_a_perfect_order_and_of_none() -> None:
    reached = np.arange(100) >= 90
    best = figures_of(reached, np.where(reached, 0.999, 0.001))
    assert (best.auc, best.pr_auc, best.lift, best.reached) == (1, 1, 10, 10)
    assert best.calibration_error == pytest.approx(0.001, abs=1e-6)
    none = figures_of(reached, np.full(100, 0.1))
    assert none.auc == 0.5
    assert sum(each.rows for each in none.bins) == 100


def test_probabilities_that_hold_have_a_small_calibration_error() -> None:
    rows = kit.sample((A, B), (0.9, -0.5), rows=20_000)
    true = {A: Decimal("0.9"), B: Decimal("-0.5"), INTERCEPT: Decimal(-1)}
    assert figures_of(rows.reached, probabilities(rows, true)).calibration_error < 0.01
    off = {**true, INTERCEPT: Decimal("0.5")}
    assert figures_of(rows.reached, probabilities(rows, off)).calibration_error > 0.2


# Windows.


def test_windows_of_a_week_are_twelve_weeks_that_are_closed() -> None:
    noon = MONDAY + timedelta(hours=11)
    found = windows.moments(noon, 7)
    assert found == [MONDAY - timedelta(days=7 * k) for k in range(12, 0, -1)]
    parts = windows.split(found, 7)
    assert parts is not None
    assert (len(parts.train), len(parts.held_out)) == (9, 3)


@pytest.mark.parametrize("horizon", [7, 14, 75])
def test_no_window_to_learn_from_reaches_into_one_that_is_held_out(horizon: int) -> None:
    found = windows.moments(MONDAY, horizon)
    parts = windows.split(found, horizon)
    assert parts is not None
    assert sorted([*parts.train, *parts.held_out]) == found
    assert max(found) + timedelta(days=horizon) <= MONDAY
    assert max(parts.train) + timedelta(days=horizon) <= min(parts.held_out)


@pytest.mark.parametrize(("there", "is_enough"), [(0, False), (3, False), (4, True)])
def test_four_windows_are_needed(there: int, *, is_enough: bool) -> None:
    found = windows.moments(MONDAY, 7)[-there:] if there else []
    assert (windows.split(found, 7) is not None) is is_enough


# What may replace what.


def test_worse_weights_are_refused_with_the_figures() -> None:
    rows = kit.sample((A,), (0.9,))
    now = figures_of(rows.reached, probabilities(rows, {A: Decimal(1), INTERCEPT: Decimal(-1)}))
    assert "log loss" in calibrate.worse(now, now)
    flat = replace(now, log_loss=now.log_loss - 0.01, auc=now.auc - 0.01)
    assert calibrate.worse(flat, now) == f"AUC {flat.auc:.4f} is worse than {now.auc:.4f}"
    assert not calibrate.worse(replace(now, log_loss=now.log_loss - 0.01), now)


@pytest.mark.parametrize(("reached", "of_late"), [(0, 0), (49, 9), (60, 0)])
def test_a_goal_that_hardly_anybody_reached_is_left_alone(
    own_settings: Settings, reached: int, of_late: int
) -> None:
    [goal] = goals("buy")
    rows = kit.sample((A,), (0.9,), rows=1_200)
    rows.reached[:] = False
    rows.reached[: reached - of_late] = True
    rows.reached[1_200 - of_late :] = True
    now = Version("buy", goal.shipped_version, 7, goal.shipped, MONDAY)
    result = calibrate.settle(own_settings, calibrate.Task(goal, rows, now), MONDAY)
    assert (result.verdict, result.in_force) == ("too little", goal.shipped_version)
    assert result.why.startswith(f"{reached} reached the goal, and 50 are needed")


def test_who_is_in_force_is_judged_on_what_was_not_seen_when_it_was_fitted(
    own_settings: Settings,
) -> None:
    [goal] = goals("buy")
    pairs = goal.shape.pairs()
    slopes = tuple(1.0 if pair == ("purchase_day", 28) else 0.0 for pair in pairs)
    rows = kit.sample(pairs, slopes)
    last = rows.moment.max().item()
    flat = {INTERCEPT: Decimal("-0.3")}
    end = last.replace(tzinfo=UTC) + timedelta(days=7)
    for days, windows_judged in ((7, 1), (14, 2), (0, 3)):
        now = Version("buy", "buy-then", 7, flat, end - timedelta(days=days))
        result = calibrate.settle(own_settings, calibrate.Task(goal, rows, now), end)
        first = np.datetime64(last - timedelta(days=7 * (windows_judged - 1)))
        assert result.now is not None
        assert result.now.rows == np.count_nonzero(rows.moment >= first)


def test_every_goal_that_is_fitted_is_a_goal_and_its_half_lives_are_whole_days() -> None:
    assert {each.name for each in goals()} == set(SHAPES)
    for each in goals():
        assert all(days >= 1 for _, days in each.shape.pairs())
    assert [each.name for each in goals("buy")] == ["buy"]
    with pytest.raises(FixConfig, match="no goal 'win' to calibrate"):
        goals("win")


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(extra, "import_module", nothing)
    with pytest.raises(FixConfig, match="extra 'calibrate' is not installed") as raised:
        extra.installed("sklearn.linear_model")
    assert "uv sync --extra calibrate" in raised.value.remedy
