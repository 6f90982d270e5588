"""The short form of `make torture`: a few kills at every point that needs no build, and at random.

`python -m tests.torture` says how to have more.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.torture.__main__ import Asked, summary, torture
from tests.torture.databases import ENGINES
from tests.torture.guards import GUARDS, is_there
from tests.torture.points import BUILDING, NAMED, RANDOM

EACH, AT_RANDOM = 1, 3
SHORT = Asked(seed=8, points=EACH, random=AT_RANDOM, dbt=0, mixed=True)


def test_every_guard_of_the_list_stands_where_it_says() -> None:
    """`python -m tests.torture.guards` takes each away and sees its test fail."""
    assert [guard.name for guard in GUARDS if not is_there(guard)] == []


@pytest.mark.parametrize("engine", ENGINES)
def test_killed_anywhere_nothing_is_lost_doubled_or_unaccounted(
    engine: str, tmp_path: Path
) -> None:
    verdict = torture(SHORT, engine, tmp_path)
    assert verdict.is_clean, (summary(engine, SHORT, verdict, 0), verdict.wrong)
    wanted = Counter({point: EACH for point in NAMED if point not in BUILDING})
    assert verdict.kills >= wanted
    assert verdict.kills[RANDOM] >= AT_RANDOM
    assert verdict.answers  # the destination had a say
