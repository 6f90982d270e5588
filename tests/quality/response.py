"""Who answers a campaign: mart `response_scores` on its first day, against who redeemed it."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.quality import ceiling, coupons, duck
from tests.quality.figures import Scored, auc, lift, mean_of
from tests.quality.report import Goal, Row, judged, number
from tests.quality.selection import Need, need

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.quality.home import Home
    from tests.quality.shops import Shop

SHOPS = ("cj",)
TOP = 0.3
MODELS = ("response_scores", "int_campaign_terms", "int_weights")
MAILED = """
    select distinct cast(s.household_id as varchar), r.household_id is not null
    from '{0.sends}' as s
    left join '{0.redemptions}' as r
        on s.campaign_id = r.campaign_id and s.household_id = r.household_id
    where cast(s.campaign_id as varchar) = ? order by all
"""
SCORES = """
    select c.customer_id, cast(s.probability as double) as score
    from response_scores as s inner join customers as c on s.person_id = c.person_id
    where s.campaign_id = ?
"""
TERMS = """
    select c.customer_id, t.signal || ' ' || t.half_life_days as pair,
        cast(t.term as double) as term
    from int_campaign_terms as t inner join customers as c on t.person_id = c.person_id
    where t.topic = ?
"""
TERM_PAIRS = """
    select distinct signal || ' ' || half_life_days as pair from int_weights
    where goal = 'answer' order by all
"""


@lru_cache(maxsize=64)
def mailed(shop: Shop, campaign: str) -> Mapping[str, bool]:
    """Who was sent a campaign, and whether they redeemed it."""
    with duck.connect() as connection:
        return dict(connection.execute(MAILED.format(shop.campaigns), [campaign]).fetchall())


def wanted(shop: Shop) -> Mapping[date, Need]:
    """What has to be built when."""
    dates = sorted({start for start, _, _ in coupons.campaigns(shop)})
    last = ("int_signal_days", "people_nodes")
    return {day: need((*MODELS, *last * (day == dates[-1])), {"answer"}) for day in dates}


def rows(home: Home) -> list[Row]:
    """AUC among those who were sent a campaign, and who redeemed of the top 30 %."""
    booster, ours, best, notes = _booster(home), [], [], []
    for start, campaign, _ in coupons.campaigns(home.shop):
        told = home.kept(start).columns(SCORES, campaign)
        score = dict(zip(told["customer_id"], told["score"], strict=True))
        did = mailed(home.shop, campaign)
        ours.append(Scored.of([score.get(each, 0.0) for each in did], [*did.values()]))
        notes.append(
            f"campaign {campaign} of {start}: AUC {number(auc(ours[-1]))},"
            f" {sum(did.values())} of {len(did)} redeemed, {_top(ours[-1]):.0%} in the top 30 %"
        )
        notes += [f"{start}: weights {line}" for line in home.kept(start).weights("answer")]
        said = booster.get(campaign)
        if said:
            best.append(Scored.of([said.get(each, 0.0) for each in did], [*did.values()]))
    fitted = _fitted(home)
    what, is_goal = f"response, {home.shop.name}", home.shop.name in SHOPS
    past = f"{what}, weights of campaigns that had ended"
    ranked = Goal(0.80, ".812; LightGBM .800; mass mail .509", share=None)
    top = Goal(0.70, "73 %; LightGBM 71 %; mass mail 29 %", share=None)
    return [
        judged(f"{what}: AUC among those mailed", mean_of(auc, ours),
               ranked if is_goal else Goal(), mean_of(auc, best), notes),
        judged(f"{what}: share of redeemers in the top 30 %", mean_of(_top, ours),
               top if is_goal else Goal(), mean_of(_top, best)),
        judged(f"{past}: AUC", mean_of(auc, fitted), ranked if is_goal else Goal()),
        judged(f"{past}: top 30 %", mean_of(_top, fitted), top if is_goal else Goal()),
    ]  # fmt: skip


def _top(scored: Scored) -> float:
    return lift(scored, TOP)


def _booster(home: Home) -> dict[str, dict[Any, float]]:
    """What the booster says of those mailed, learned from the campaigns that had ended before."""
    started = coupons.campaigns(home.shop)
    if not ceiling.is_here() or not started:
        return {}
    dates = {start for start, _, _ in started}
    last = home.kept(max(dates))
    known = {
        moment: ceiling.Known(each.subjects, coupons.with_offers(home.shop, moment, each))
        for moment, each in ceiling.people(last, dates, coupons.PAIRS).items()
    }
    found = {}
    for start, campaign, _ in started:
        past = [(at, each) for at, each, end in started if end < start]
        train = [_of(known[at], mailed(home.shop, each)) for at, each in past]
        did = mailed(home.shop, campaign)
        here = np.isin(known[start].subjects, [*did])
        said = ceiling.predicted(train, known[start].terms[here])
        if said is not None:
            found[campaign] = dict(zip(known[start].subjects[here], said, strict=True))
    return found


def _of(known: ceiling.Known, did: Mapping[str, bool]) -> tuple[Any, Any]:
    here = np.isin(known.subjects, [*did])
    return known.terms[here], np.array([int(did[each]) for each in known.subjects[here]])


def _fitted(home: Home) -> list[Scored]:
    """The same terms with weights learned from ended campaigns alone, where there are such.

    The shipped weights know all of these campaigns: this is what they are worth for new ones.
    """
    if find_spec("sklearn") is None:
        return []
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - an extra
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    started, found = coupons.campaigns(home.shop), []
    told = {campaign: _terms(home, start, campaign) for start, campaign, _ in started}
    for start, campaign, _ in started:
        past = [told[each] for _, each, end in started if end < start]
        if past:
            fit = make_pipeline(StandardScaler(), LogisticRegression(C=0.01))
            fit.fit(np.concatenate([x for x, _ in past]), np.concatenate([y for _, y in past]))
            terms, label = told[campaign]
            found.append(Scored.of(fit.predict_proba(terms)[:, 1], label))
    return found


def _terms(home: Home, start: date, campaign: str) -> tuple[Any, Any]:
    """What was known of those mailed as the campaign began, a column a pair, and who redeemed."""
    did = mailed(home.shop, campaign)
    known = home.kept(start).columns(TERMS, campaign)
    pairs = {pair: n for n, pair in enumerate(home.kept(start).columns(TERM_PAIRS)["pair"])}
    place = {customer: n for n, customer in enumerate(did)}
    terms = np.zeros((len(did), len(pairs)))
    for customer, pair, term in zip(
        known["customer_id"], known["pair"], known["term"], strict=True
    ):
        if customer in place:
            terms[place[customer], pairs[pair]] = term
    return terms, np.array([*did.values()], dtype=int)
