"""`python -m tests.torture`: kill it at every point and at random, and count what got through."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.torture.databases import ENGINES, NewLedger, ledgers
from tests.torture.landings import Landings
from tests.torture.oracle import Verdict
from tests.torture.play import Play
from tests.torture.points import BUILDING, LANDING, NAMED, RANDOM
from tests.torture.story import Story

KILLS_A_STORY = 5
# Of the random kills, one story in so many lands; the others emit.
LANDS_EVERY = 5


@dataclass(frozen=True)
class Asked:
    """How much to kill."""

    seed: int = 1
    points: int = 25
    random: int = 500
    dbt: int = 25
    jobs: int = 2
    mixed: bool = False  # all points in one story, instead of one point a story
    only: tuple[str, ...] = NAMED


def torture(asked: Asked, engine: str, folder: Path) -> Verdict:
    """Play all stories on one engine."""
    from tests.torture.builds import Builds  # noqa: PLC0415 - takes seconds

    total = Verdict()
    with ledgers(engine, folder / engine) as new:
        with ThreadPoolExecutor(asked.jobs) as pool:
            for verdict in pool.map(lambda play: play(), _stories(asked, engine, folder, new)):
                total.add(verdict)
        points = [point for point in BUILDING if point in asked.only]
        if asked.dbt and points:
            total.add(Builds(engine, folder / engine, asked.seed, new).play(points, asked.dbt))
    return total


def _stories(asked: Asked, engine: str, folder: Path, new: NewLedger) -> Iterator[partial[Verdict]]:
    for number, points in enumerate(_scripts(asked)):
        name = f"{number:03}-{points[0]}".replace(" ", "_")
        lands = points[0] in LANDING or (points[0] == RANDOM and number % LANDS_EVERY == 0)
        kind, home = Landings if lands else Story, folder / engine / name
        yield partial(
            _play, kind, partial(new, name), home, f"{asked.seed}/{engine}/{name}", points
        )


def _play(
    kind: type[Play], new: Callable[[], str], home: Path, seed: str, points: Sequence[str]
) -> Verdict:  # fmt: skip
    return kind(new(), home, seed).play(points)


def _scripts(asked: Asked) -> Iterator[list[str]]:
    """The points at which each story is killed, one after the other."""
    named = [point for point in asked.only if point not in BUILDING]
    if asked.mixed:
        lands = [point for point in named if point in LANDING]
        emits = [point for point in named if point not in LANDING]
        yield lands * asked.points
        yield emits * asked.points + [RANDOM] * asked.random
        return
    for point, kills in {**dict.fromkeys(named, asked.points), RANDOM: asked.random}.items():
        for done in range(0, kills, KILLS_A_STORY):
            yield [point] * min(KILLS_A_STORY, kills - done)


def summary(engine: str, asked: Asked, verdict: Verdict, seconds: float) -> str:
    """One line that says it all."""
    kills = " · ".join(f"{point} {count}" for point, count in verdict.kills.items())
    return (
        f"{engine}: {verdict.kills.total()} kills ({kills}); duplicates {verdict.duplicates}"
        f" at idempotent destinations, {verdict.doubled} at others; lost {verdict.lost};"
        f" unaccounted {verdict.unaccounted}; unknown: {verdict.resolved} resolved,"
        f" {verdict.unknown} listed, {verdict.unlisted} neither;"
        f" unopenable ledgers {verdict.unopenable}; {verdict.messages} messages and records in"
        f" {verdict.stories} ledgers; seed {asked.seed}; {seconds:.0f} s"
        f"{'' if verdict.is_clean else ' — FAILED'}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Torture the engines that were asked for; 1 where anything is wrong."""
    parser = argparse.ArgumentParser(prog="make torture", description=__doc__)
    parser.add_argument("--seed", type=int, default=Asked.seed)
    parser.add_argument("--points", type=int, default=Asked.points, help="kills at each point")
    parser.add_argument("--random", type=int, default=Asked.random, help="kills at random")
    parser.add_argument("--dbt", type=int, default=Asked.dbt, help="kills at points of a build")
    parser.add_argument("--jobs", type=int, default=Asked.jobs, help="stories at once")
    parser.add_argument("--only", type=lambda names: tuple(names.split(",")), default=NAMED)
    parser.add_argument("--engines", type=lambda names: names.split(","), default=list(ENGINES))
    given = vars(parser.parse_args(arguments))
    engines, asked = given.pop("engines"), Asked(**given)
    lines, clean = [], True
    for engine in engines:
        folder = Path(tempfile.mkdtemp(prefix="parley-torture-"))
        began = time.monotonic()
        verdict = torture(asked, engine, folder)
        lines.append(summary(engine, asked, verdict, time.monotonic() - began))
        print("\n".join(verdict.wrong[:20]), file=sys.stderr)
        if len(engines) > 1:
            print(lines[-1], flush=True)
        clean &= verdict.is_clean
        if verdict.is_clean:
            shutil.rmtree(folder, ignore_errors=True)
    print(" | ".join(lines))
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
