"""The ceiling: gradient boosting on the same signals, fitted on windows that had closed by then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tests.quality.home import Kept

WINDOWS = 12
SEEN_BEFORE = timedelta(days=28)
OPTIONS = {
    "num_leaves": 6,
    "learning_rate": 0.03,
    "verbosity": -1,
    "deterministic": True,
    "force_col_wise": True,
    "num_threads": 1,  # another shop has the other core; waiting for it took longest
    "seed": 1,
}
TREES = 200
Pair = tuple[str, int]


@dataclass(frozen=True)
class Known:
    """What was known of whom at a moment: a row of terms for each of `subjects`."""

    subjects: Sequence[Any]
    terms: Any


def is_here() -> bool:
    """Whether the booster is installed; the group `quality` brings it."""
    return find_spec("lightgbm") is not None


def closed_before(day: date, horizon: int, first_day: date) -> list[date]:
    """Moments a week apart whose windows had closed by a date, some weeks into the data."""
    latest = day - timedelta(days=horizon)
    moments = [latest - timedelta(days=7 * number) for number in range(WINDOWS)]
    return [moment for moment in moments if moment >= first_day + SEEN_BEFORE]


def predicted(train: Iterable[tuple[Any, Any]], test: Any, objective: str = "binary") -> Any | None:
    """What the booster says of rows of terms, learned from (terms, outcomes) of closed windows.

    None where it is not installed, or there was nothing to be learned.
    """
    parts = list(train)
    if not is_here() or not parts:
        return None
    import lightgbm  # noqa: PLC0415 - an extra

    outcome = np.concatenate([part for _, part in parts])
    if len(np.unique(outcome)) == 1:
        return None
    data = lightgbm.Dataset(np.concatenate([part for part, _ in parts]), outcome)
    model = lightgbm.train({"objective": objective, **OPTIONS}, data, num_boost_round=TREES)
    return model.predict(test)


def people(kept: Kept, moments: Iterable[date], pairs: Sequence[Pair]) -> dict[date, Known]:
    """The log-decayed terms of each customer who had bought before a moment, and days since first.

    Made from the days of signals by a query of its own: what the models say is held against it.
    """
    columns = [_term(pair) for pair in pairs]
    since = "min(m.moment - d.occurred_on) filter (where d.signal = 'purchase_day')"
    first = since.replace("min(", "max(", 1)
    wide = ", ".join(f"{column} as t{n}" for n, column in enumerate([*columns, first]))
    found = kept.columns(
        f"""
        select m.moment, c.customer_id, {wide}
        from int_signal_days as d
        inner join people_nodes as n on d.node_id = n.node_id
        inner join customers as c on n.person_id = c.person_id
        inner join (select unnest(cast(? as date[])) as moment) as m on d.occurred_on < m.moment
        group by m.moment, c.customer_id
        having {since} is not null
        order by m.moment, c.customer_id
        """,
        sorted(set(moments)),
    )
    return _by_moment(found, len(columns) + 1)


def _by_moment(found: Mapping[str, Any], width: int) -> dict[date, Known]:
    told = found["moment"].astype("datetime64[D]")
    terms = np.column_stack([np.ma.filled(found[f"t{n}"], 0) for n in range(width)])
    return {
        moment.item(): Known(found["customer_id"][told == moment], terms[told == moment])
        for moment in np.unique(told)
    }


def against(
    known: Mapping[date, Known],
    day: date,
    horizon: int,
    outcome: Callable[[date], Mapping[Any, float]],
    first_day: date,
    objective: str = "binary",
) -> dict[Any, float] | None:
    """What the booster says of each customer at a date; `outcome` of a moment is 0 for others."""
    train = []
    for moment in closed_before(day, horizon, first_day):
        if moment in known:
            did = outcome(moment)
            train.append(
                (
                    known[moment].terms,
                    np.array([did.get(each, 0) for each in known[moment].subjects]),
                )
            )
    said = predicted(train, known[day].terms, objective)
    return None if said is None else dict(zip(known[day].subjects, said, strict=True))


def topics(
    kept: Kept,
    moments: Iterable[date],
    pairs: Sequence[Pair],
    of_people: Sequence[Pair],
    named: Sequence[str],
) -> dict[date, Known]:
    """The terms of each customer about each topic, those of the customer, and which topic it is."""
    columns = ", ".join(f"{_term(pair)} as t{n}" for n, pair in enumerate(pairs))
    found = kept.columns(
        f"""
        select m.moment, c.customer_id, d.topic, {columns}
        from int_signal_days as d
        inner join people_nodes as n on d.node_id = n.node_id
        inner join customers as c on n.person_id = c.person_id
        inner join (select unnest(cast(? as date[])) as moment) as m on d.occurred_on < m.moment
        where d.topic in (select unnest(cast(? as varchar[])))
        group by m.moment, c.customer_id, d.topic
        """,
        *(sorted(set(moments)), list(named)),
    )
    told = found["moment"].astype("datetime64[D]")
    places = {topic: place for place, topic in enumerate(named)}
    place = np.array([places[topic] for topic in found["topic"]])
    terms = np.column_stack([np.ma.filled(found[f"t{n}"], 0) for n in range(len(pairs))])
    spread = {}
    for moment, own in people(kept, moments, of_people).items():
        here = told == np.datetime64(moment)
        rows = np.searchsorted(own.subjects, found["customer_id"][here])
        about = np.zeros((len(own.subjects), len(named), len(pairs)))
        about[rows, place[here]] = terms[here]
        spread[moment] = Known(
            [(customer, topic) for customer in own.subjects for topic in named],
            np.column_stack(
                [
                    about.reshape(-1, len(pairs)),
                    np.repeat(own.terms, len(named), axis=0),
                    np.tile(about.sum(axis=0), (len(own.subjects), 1)),
                ]
            ),
        )
    return spread


def _term(pair: Pair) -> str:
    signal, half_life = pair
    return (
        "ln(1 + coalesce(sum(cast(d.amount as double) * pow(2, -(m.moment - d.occurred_on)"
        f" / {half_life}.0)) filter (where d.signal = '{signal}'), 0))"
    )
