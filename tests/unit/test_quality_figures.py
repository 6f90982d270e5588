"""The figures of `make quality` are what they are called."""

from __future__ import annotations

import math
from datetime import date

import pytest

from tests.quality.ceiling import closed_before
from tests.quality.figures import (
    Scored,
    auc,
    bins,
    calibration_error,
    lift,
    mean_of,
    pr_auc,
    recall,
    share_of_top,
)
from tests.quality.report import Goal, Row, as_markdown, judged

SOME = Scored.of([0.9, 0.8, 0.7, 0.6, 0.55, 0.1], [1, 1, 0, 1, 0, 0])


def test_auc_counts_pairs_and_ties_as_half() -> None:
    assert auc(SOME) == pytest.approx(8 / 9)
    assert auc(Scored.of([1, 1, 1, 1], [1, 0, 1, 0])) == 0.5
    assert auc(Scored.of([0.2, 0.9], [1, 0])) == 0.0


def test_average_precision_is_the_mean_precision_at_each_that_is_found() -> None:
    assert pr_auc(SOME) == pytest.approx((1 + 1 + 3 / 4) / 3)
    assert pr_auc(Scored.of([1, 1, 1, 1], [1, 0, 0, 0])) == 0.25


def test_lift_is_the_share_found_at_the_top_spread_over_ties() -> None:
    assert lift(SOME, 0.5) == pytest.approx(2 / 3)
    assert lift(Scored.of([1] * 10, [1] + [0] * 9), 0.3) == pytest.approx(0.3)


def test_calibration_error_is_how_far_words_are_from_what_came() -> None:
    assert calibration_error(Scored.of([0.25] * 4, [1, 0, 0, 0])) == 0
    assert calibration_error(Scored.of([0.9, 0.9, 0.1, 0.1], [0, 1, 0, 0])) == pytest.approx(0.25)
    assert [each.count for each in bins(Scored.of([0, 0.05, 1], [0, 0, 1]))] == [2, 1]


def test_a_date_on_which_nobody_or_everybody_did_tells_nothing() -> None:
    assert mean_of(auc, [SOME, Scored.of([1, 2], [0, 0])]) == pytest.approx(8 / 9)
    assert math.isnan(mean_of(auc, []))


def test_recall_is_averaged_over_those_who_bought_something() -> None:
    bought = {"a": {"x", "y"}, "b": {"z"}, "c": set[str]()}
    assert recall({"a": ["x", "q"]}, bought) == 0.25


def test_share_of_the_top_tenth() -> None:
    assert share_of_top(range(10), [1] * 9 + [11], 0.1) == pytest.approx(11 / 20)


def test_windows_have_closed_before_the_date_and_have_a_past() -> None:
    moments = closed_before(date(2017, 4, 30), 14, date(2017, 1, 30))
    assert max(moments) == date(2017, 4, 16)
    assert min(moments) == date(2017, 3, 5)


@pytest.mark.parametrize(
    ("value", "ceiling", "met"), [(0.83, math.nan, True), (0.83, 0.85, False), (0.8, 0.8, False)]
)
def test_a_goal_is_a_least_value_and_a_share_of_the_ceiling(
    value: float, ceiling: float, *, met: bool
) -> None:
    assert judged("x", value, Goal(0.825, ".827"), ceiling).met is met


def test_an_error_must_stay_below_its_goal_and_what_cannot_be_told_is_not_met() -> None:
    assert judged("x", 0.02, Goal(0.03, at_most=True)).met is True
    assert judged("x", math.nan, Goal(0.03, at_most=True)).met is False
    assert judged("x", 0.02, Goal()).met is None


def test_the_report_has_the_table_and_the_notes() -> None:
    text = as_markdown([Row("a", "1", "2", "≥ 1", met=True, notes=["why"], ceiling="3")])
    assert "| a | 1 | 2 | 3 | ≥ 1 | yes |" in text
    assert "**a**\n\n- why" in text
