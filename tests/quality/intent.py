"""Who buys within a week: the probabilities of mart `intent_scores`, goal `buy`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flows.calibration.shapes import SHAPES
from tests.quality import ceiling, plots
from tests.quality.figures import Scored, auc, calibration_error, lift, mean_of, pr_auc, together
from tests.quality.report import Goal, Row, judged, number
from tests.quality.selection import Need, need

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from tests.quality.home import Home, Kept
    from tests.quality.shops import Shop

SHOPS = ("cj", "uci")
HORIZON = 7
MODELS = ("intent_scores",)
SIGNALS = ("int_signal_days", "people_nodes")
GOALS = {
    "cj": (Goal(0.825, ".827"), Goal(0.750, ".752")),
    "uci": (Goal(0.740, ".745"), Goal(None, "")),
}
CALIBRATION = Goal(0.03, "cj .025, uci .018", at_most=True)
# What is told of everyone who bought before a date, and of whether they did so in the week after.
SCORES = """
    select p.customer_id, cast(coalesce(i.probability, 0) as double) as score,
        i.person_id is null as is_missing, f.customer_id is not null as label,
        getvariable('as_of') - p.last_day > 7 as is_silent
    from (
        select customer_id, max(day) as last_day from lines
        where customer_id is not null and day < getvariable('as_of') group by customer_id
    ) as p
    left join customers as c on p.customer_id = c.customer_id
    left join intent_scores as i on c.person_id = i.person_id and i.goal = 'buy'
    left join (
        select distinct customer_id from lines
        where day >= getvariable('as_of') and day < getvariable('as_of') + 7
    ) as f on p.customer_id = f.customer_id
    order by p.customer_id
"""


@dataclass
class Found:
    """Scores by date: ours, those of the silent, and the booster's of both."""

    ours: dict[date, Scored] = field(default_factory=dict)
    silent: dict[date, Scored] = field(default_factory=dict)
    boosted: dict[date, Scored] = field(default_factory=dict)
    boosted_silent: dict[date, Scored] = field(default_factory=dict)
    missing: int = 0


def wanted(shop: Shop) -> Mapping[date, Need]:
    """What has to be built when."""
    dates = shop.closed(HORIZON)
    last = dates[-1:]
    return {day: need(MODELS + SIGNALS * (day in last), {"buy"}) for day in dates}


def rows(home: Home) -> list[Row]:
    """AUC of all and of the silent beside the booster's, precision, lift, calibration."""
    found, name = _scored(home), home.shop.name
    everyone, silent = GOALS.get(name, (Goal(), Goal()))
    ours, boosted = found.ours.values(), found.boosted.values()
    pooled = together(ours)
    notes = [
        f"{day}: AUC {number(auc(each))}, {each.label.sum()} of {len(each.label)} bought"
        for day, each in found.ours.items()
        if each.is_telling
    ]
    notes += [
        f"{day}: weights {told}" for day in found.ours for told in home.kept(day).weights("buy")
    ]
    if found.missing:
        notes.append(f"{found.missing} customers without a score count as 0")
    drawn = plots.probabilities(home.folder / f"intent-{name}", f"{name}: buys in 7 days", {
        "this run": pooled, **({"LightGBM": together(boosted)} if found.boosted else {}),
    })  # fmt: skip
    what = f"intent, {name}"
    error = calibration_error(pooled)
    return [
        judged(f"{what}: AUC", mean_of(auc, ours), everyone, mean_of(auc, boosted), notes, drawn),
        judged(
            f"{what}, silent for a week: AUC",
            *(mean_of(auc, found.silent.values()), silent),
            mean_of(auc, found.boosted_silent.values()),
        ),
        judged(f"{what}: PR-AUC", mean_of(pr_auc, ours), Goal(), mean_of(pr_auc, boosted)),
        judged(f"{what}: share of buyers in the top tenth", mean_of(_tenth, ours), Goal()),
        judged(f"{what}: calibration error", error, CALIBRATION if everyone.value else Goal()),
    ]


def _tenth(scored: Scored) -> float:
    return lift(scored, 0.1)


def _scored(home: Home) -> Found:
    found, dates = Found(), list(wanted(home.shop))
    booster = _booster(home, dates)
    for day in dates:
        told = home.kept(day).columns(SCORES)
        silent = told["is_silent"]
        found.missing += int(told["is_missing"].sum())
        found.ours[day] = Scored.of(told["score"], told["label"])
        found.silent[day] = Scored.of(told["score"][silent], told["label"][silent])
        said = booster.get(day)
        if said:
            high = [said.get(customer, 0.0) for customer in told["customer_id"]]
            found.boosted[day] = best = Scored.of(high, told["label"])
            found.boosted_silent[day] = Scored(best.score[silent], best.label[silent])
    return found


def _booster(home: Home, dates: list[date]) -> dict[date, dict[Any, float] | None]:
    """The booster's probabilities, by date."""
    if not ceiling.is_here():
        return {}
    last, first = home.kept(dates[-1]), home.shop.first_day
    moments = {each for day in dates for each in ceiling.closed_before(day, HORIZON, first)}
    known = ceiling.people(last, moments | {*dates}, pairs(last))
    bought = {moment: _buyers(home, moment) for moment in moments}
    return {
        day: ceiling.against(known, day, HORIZON, bought.__getitem__, first)
        for day in dates
        if day in known
    }


def pairs(kept: Kept, goal: str = "buy") -> list[ceiling.Pair]:
    """All signals and half-lives that a fit chooses from, as far as they occur."""
    occur = {*kept.columns("select distinct signal from int_signal_days")["signal"]}
    return [pair for pair in SHAPES[goal].pairs() if pair[0] in occur]


def _buyers(home: Home, moment: date) -> dict[Any, float]:
    found = home.shop.lines.rows(
        "select distinct customer_id from lines where customer_id is not null"
        " and day >= ? and day < ?",
        *(moment, moment + timedelta(days=HORIZON)),
    )
    return dict.fromkeys((customer for (customer,) in found), 1)
