"""Calibrate: versions in the ledger, and a shop that is learned from, run and looked back at."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import calibrate_kit as kit
import numpy as np
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine
from store_kit import Stores, stores
from typer.testing import CliRunner

from connectors.core import warehouse
from connectors.ledger import runs, weights
from connectors.ledger.db import open_ledger
from connectors.ledger.weights import INTERCEPT, Version
from flows import build, calibrate, cli
from flows.calibration import report
from flows.run import ledger_of, load

MONDAY = datetime(2023, 8, 7, tzinfo=UTC)
A = ("a", 7)
CATEGORY_GOALS = ("category_again", "category_new")


# The ledger.


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Engine]:
    opened = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    yield opened
    opened.dispose()


def version(at: datetime, weight: str) -> Version:
    given = {INTERCEPT: Decimal("-1.5"), A: Decimal(weight)}
    return Version("buy", f"buy-{at:%Y-%m-%d}", 7, given, at, {"new": {"auc": 0.8}})


def test_the_version_accepted_last_is_in_force_and_earlier_ones_were(ledger: Engine) -> None:
    assert weights.in_force(ledger, "buy", MONDAY) is None
    first = weights.accept(ledger, version(MONDAY, "0.812000"))
    second = weights.accept(ledger, version(MONDAY + timedelta(days=7), "0.9"))
    assert weights.in_force(ledger, "buy", MONDAY) == first
    assert weights.in_force(ledger, "buy", MONDAY + timedelta(days=8)) == second
    assert weights.in_force(ledger, "enrol", MONDAY) is None
    assert first.weights[A] == Decimal("0.812000")


def test_the_same_is_accepted_once_and_another_of_that_day_gets_a_number(ledger: Engine) -> None:
    first = weights.accept(ledger, version(MONDAY, "0.8"))
    assert weights.accept(ledger, version(MONDAY, "0.8")) == first
    other = weights.accept(ledger, version(MONDAY, "0.9"))
    assert (first.name, other.name) == ("buy-2023-08-07", "buy-2023-08-07-2")
    assert weights.in_force(ledger, "buy", MONDAY) == other


# A shop.


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A run of a shop, a calibration, a run that counts with it, and the same ones once more."""
    folder = tmp_path_factory.mktemp("small")
    sources = {"shop": {"vendor": "database", "url": kit.shop(folder / "shop.db")}}
    with stores(folder, sources) as home:
        as_of = kit.OPENED + timedelta(days=180)
        told: dict[str, Any] = {"home": home, "shop": folder / "shop.db", "as_of": as_of}
        told["before"] = kit.run(home, told["as_of"])
        told["first"] = settled(home, told["as_of"])
        told["again"] = settled(home, told["as_of"])
        for goal in CATEGORY_GOALS:
            told[goal] = settled(home, told["as_of"], goal)
        told["after"] = kit.run(home, told["as_of"] + timedelta(days=14))
        told["looking_back"] = settled(home, told["as_of"])
        yield told


def settled(home: Stores, at: datetime, goal: str = "buy") -> Any:
    [task], clock = calibrate.look(home.settings, goal, at.isoformat(), build.plainly)
    assert clock == at
    result = calibrate.settle(home.settings, task, clock)
    return task, result, report.write(home.settings, result, clock)


def test_a_shop_is_learned_from_and_better_weights_come_into_force(small: dict[str, Any]) -> None:
    task, result, page = small["first"]
    assert (result.verdict, result.in_force) == ("accepted", "buy-2023-07-01")
    assert result.new.log_loss < result.now.log_loss
    assert result.new.auc > 0.6
    assert np.unique(task.sample.moment).size == 12
    told = page.read_text()
    assert f"| AUC | {result.new.auc:.4f} | {result.now.auc:.4f} |" in told
    assert page.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert report.picture(page.with_suffix(".png")).startswith("data:image/png;base64,")
    # Of signals that the shop has not, what is shipped stays.
    shipped = task.goal.shipped
    assert result.weights["product_view", 7] == shipped["product_view", 7]
    kept = weights.in_force(ledger_of(small["home"].settings), "buy", small["as_of"])
    assert kept is not None
    assert kept.figures["new"]["auc"] == result.new.auc


def test_what_is_learned_is_the_past_of_each_moment(small: dict[str, Any]) -> None:
    """Terms and labels, against the shop's own orders."""
    task, _, _ = small["first"]
    sample = task.sample
    column = sample.pairs.index(("purchase_day", 36_500))
    orders = small["home"].rows(
        "select distinct n.person_id, cast(o.ordered_at as date) as day from marts.orders as o"
        " join marts.people_nodes as n using (node_id)"
    )
    for moment in np.unique(sample.moment):
        day = moment.astype("datetime64[D]").item()
        here = sample.moment == moment
        before = len([each for each in orders if each["day"] < day])
        later = day + timedelta(days=7)
        known = {each["person_id"] for each in orders if each["day"] < day}
        bought = {each["person_id"] for each in orders if day <= each["day"] < later} & known
        days = np.round(np.expm1(sample.terms[here, column].astype(float)), 2)
        assert days.sum() == pytest.approx(before, rel=0.01)
        assert sample.reached[here].sum() == len(bought)
        assert here.sum() == len(known)


@pytest.mark.parametrize("goal", CATEGORY_GOALS)
def test_categories_are_learned_from_what_was_bought_in_them(
    small: dict[str, Any], goal: str
) -> None:
    """Subjects and labels of each moment, against the shop's own lines."""
    sample = small[goal][0].sample
    lines = kit.bought(small["shop"], small["as_of"] + timedelta(days=14))
    pairs = {(who, name) for who, _, _ in lines for name in ("tea", "cups")}
    for moment in np.unique(sample.moment):
        day = moment.astype("datetime64[D]").item()
        before = {(who, name) for who, name, on in lines if on < day}
        known = {who for who, _ in before}
        asked = before if goal == "category_again" else pairs - before
        asked = {each for each in asked if each[0] in known}
        until = day + timedelta(days=14)
        later = {(who, name) for who, name, on in lines if day <= on < until}
        here = sample.moment == moment
        assert here.sum() == len(asked)
        assert sample.reached[here].sum() == len(asked & later)
    result = small[goal][1]
    if goal == "category_new":
        assert result.verdict == "too little"
        assert "reached the goal, and 50 are needed" in result.why
    else:
        assert result.verdict == "accepted"
        assert result.new.auc > 0.55


def test_weights_no_better_than_those_in_force_change_nothing(small: dict[str, Any]) -> None:
    _, result, page = small["again"]
    assert (result.verdict, result.in_force) == ("refused", "buy-2023-07-01")
    assert "is no better than" in result.why
    assert "**refused**" in page.read_text()
    engine = ledger_of(small["home"].settings)
    assert weights.get(engine, "buy", "buy-2023-07-01-2") is None


def test_what_happens_later_changes_nothing_that_was_learned(small: dict[str, Any]) -> None:
    first, later = small["first"], small["looking_back"]
    assert later[0].sample.terms.shape == first[0].sample.terms.shape
    assert dict(later[1].weights) == dict(first[1].weights)
    assert later[1].new == first[1].new


def test_the_next_run_counts_with_them_and_a_replay_of_an_older_one_does_not(
    small: dict[str, Any], tmp_path: Path
) -> None:
    home = small["home"]
    query = "select distinct weights_version, goal from {}.{} order by all"
    said = {
        "buy": "buy-2023-07-01",
        "enrol": small["first"][0].goal.shipped_version,
    }
    [scored] = home.rows(
        "select distinct weights_version from marts.intent_scores where goal = 'buy'"
    )
    assert scored["weights_version"] == said["buy"]
    rows = home.rows(query.format("intermediate", "int_weights"))
    assert {each["goal"]: each["weights_version"] for each in rows}.items() >= said.items()
    # As a replay does: from the batches that the run saw, in a home of its own.
    apart = home.settings.model_copy(update={"home": tmp_path})
    run = replace(load(small["before"]), settings=apart, full_refresh=True, has_seeds=False)
    build.build(run, "transform", runs.batches_of(run.ledger, run.run_id), kit.narrowly)
    with warehouse.opened(apart, tmp_path) as opened:
        file = opened.write("intermediate", "int_weights")
    versions = set(pq.read_table(file)["weights_version"].to_pylist())
    assert versions == {small["first"][0].goal.shipped_version}


def test_too_little_is_said_and_changes_nothing(small: dict[str, Any]) -> None:
    task, result, page = settled(small["home"], small["as_of"], "enrol")
    assert (result.verdict, result.new) == ("too little", None)
    assert result.in_force == task.goal.shipped_version
    why = "of 5 closed windows too few end before those to judge by begin"
    assert why in page.read_text()
    early = kit.OPENED + timedelta(days=20)
    _, result, _ = settled(small["home"], early)
    assert result.why == "closed windows: 2, and 4 are needed"


def test_the_command_says_the_figures_and_where_the_page_is(small: dict[str, Any]) -> None:
    moment = small["as_of"].isoformat()
    said = CliRunner().invoke(cli.app, ["calibrate", "--goal", "buy", "--as-of", moment])
    assert said.exit_code == 0, said.output
    for words in (
        "buy refused",
        "is no better than",
        "AUC",
        "in force: buy-2023-07-01",
        "buy-2023",
    ):
        assert words in said.output
    said = CliRunner().invoke(cli.app, ["calibrate", "--goal", "enrol", "--as-of", moment])
    assert said.exit_code == 0, said.output
    assert "too little" in said.output
    shutil.rmtree(small["home"].settings.home / "calibration")
