"""The benchmark's own promises: what it runs, what it says, how it ends."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from tests.bench import __main__ as bench
from tests.bench.land import judged as land_judged
from tests.bench.latency import Timed
from tests.bench.orchestration import judged as orchestration_judged
from tests.bench.orders_api import PAGE_SIZE, rendered
from tests.bench.report import Measured, Row, as_markdown, measure

Rows = Callable[[float, Path], list[Row]]


def row(what: str, *, met: bool | None = True) -> Row:
    return Row(what, "2 s", "1 s", 2.0, "≤ 1.5x", met, 100.0, ("a|note",))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run the benchmark with parts of the test's own; the exit code and where it worked."""

    def run(parts: dict[str, Rows], *arguments: str) -> tuple[int, Path]:
        for name in bench.PARTS:
            module = types.ModuleType(name)
            module.rows = parts.get(name, lambda _scale, _home: [])
            monkeypatch.setitem(sys.modules, f"tests.bench.{name}", module)
        home = tmp_path / "var" / "bench"
        monkeypatch.chdir(tmp_path)
        return bench.main(arguments, home), home

    return run


def test_a_missed_goal_is_named_and_is_no_failure(run, capsys) -> None:
    code, home = run({"land": lambda _s, _h: [row("speed", met=False), row("memory")]})
    assert code == 0
    assert "goals missed: speed\n" in capsys.readouterr().out
    assert (
        "| speed | 2 s | 1 s | 2.00 | ≤ 1.5x | MISSED | 100 |" in (home / "report.md").read_text()
    )


def test_a_row_for_information_misses_nothing(run, capsys) -> None:
    run({"land": lambda _s, _h: [row("speed", met=None)]})
    assert "goals missed: none" in capsys.readouterr().out


def test_a_part_that_fails_is_a_row_and_the_others_still_run(run, capsys) -> None:
    def broken(_scale: float, _home: Path) -> list[Row]:
        message = "child failed:\nValueError: too hot"
        raise RuntimeError(message)

    code, home = run({"land": broken, "emit": lambda _s, _h: [row("leaves")]})
    assert code == 1
    said = (home / "report.md").read_text()
    assert "| land | failed |" in said
    assert "- land: RuntimeError: ValueError: too hot" in said
    assert "| leaves |" in said
    assert "failed: land" in capsys.readouterr().out


def test_parts_run_in_one_order_with_the_scale_and_a_place_of_their_own(run) -> None:
    seen = []

    def noting(scale: float, home: Path) -> list[Row]:
        seen.append((scale, home.name))
        return []

    run({"emit": noting, "land": noting, "build": noting}, "--only", "emit,land", "--scale", "0.5")
    assert seen == [(0.5, "land"), (0.5, "emit")]


def test_an_unknown_part_is_refused(run) -> None:
    with pytest.raises(SystemExit):
        run({}, "--only", "land,lund")


def test_what_an_earlier_benchmark_left_is_gone_and_nothing_else(run, tmp_path: Path) -> None:
    for name in ("var/bench/old", "var/mine"):
        (tmp_path / name).mkdir(parents=True)
    _, home = run({})
    assert not (home / "old").exists()
    assert (tmp_path / "var" / "mine").exists()


def test_nothing_of_the_users_own_parley_is_read(run, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / ".env").write_text("PARLEY_HOME=/nowhere\n")
    monkeypatch.setenv("PARLEY_HOME", "/nowhere")
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1")
    seen = {}

    def noting(_scale: float, _home: Path) -> list[Row]:
        seen.update(os.environ, cwd=str(Path.cwd()))
        return []

    _, home = run({"land": noting}, "--only", "land")
    assert not [name for name in seen if name.startswith(("PARLEY_", "PREFECT_"))]
    assert seen["cwd"] == str(home)


def test_the_report_says_what_the_figures_depend_on(run) -> None:
    _, home = run({"land": lambda _s, _h: [row("speed")]}, "--scale", "5")
    said = (home / "report.md").read_text()
    for wanted in (
        "- scale: 5\n",
        "- seed: ",
        "- commit: ",
        "- cores: ",
        "- memory: ",
        "- duckdb: ",
    ):
        assert wanted in said, wanted


def test_a_bar_in_a_cell_does_not_break_the_table() -> None:
    assert "| a\\|b |" in as_markdown([row("a|b")], {})


def test_a_child_is_measured_alone() -> None:
    heavy = bytearray(300_000_000)
    measured = measure("builtins:len", "four")
    del heavy
    assert measured.result == 4
    # Not what its parent held.
    assert 5 < measured.peak_mb < 100
    assert 0 < measured.seconds < 1


def test_a_child_may_say_itself_how_long_it_took() -> None:
    assert measure("tests.unit.test_bench:timed").seconds == 42


def timed() -> dict[str, float]:
    return {"seconds": 42}


def test_a_child_that_fails_says_why() -> None:
    with pytest.raises(RuntimeError, match="invalid literal"):
        measure("builtins:int", "x")


def test_the_api_serves_every_order_once_and_the_same_each_time() -> None:
    pages = [orjson.loads(page) for page in rendered(PAGE_SIZE * 2 + 1)]
    assert [len(page["orders"]) for page in pages] == [PAGE_SIZE, PAGE_SIZE, 1]
    assert [page["next"] for page in pages] == ["/orders?page=1", "/orders?page=2", None]
    keys = [order["id"] for page in pages for order in page["orders"]]
    assert len(set(keys)) == len(keys)
    assert rendered(PAGE_SIZE) == rendered(PAGE_SIZE)


@pytest.mark.parametrize(
    ("seconds", "peak", "met"), [(1, 150, [True, True]), (1.01, 151, [False, False])]
)
def test_landing_is_judged_by_speed_and_memory(
    seconds: float, peak: float, met: list[bool]
) -> None:
    rows = land_judged(100, Measured(seconds, peak, None), Measured(6, 300, None))
    assert [each.met for each in rows] == met


def test_runs_that_planned_something_else_are_not_compared() -> None:
    one, other = ({"audience_sha256": digest} for digest in "ab")
    with pytest.raises(RuntimeError, match="something else"):
        orchestration_judged(Measured(1, 1, one), Measured(1, 1, other))
    assert orchestration_judged(Measured(4, 1, one), Measured(5, 1, one)).met is True
    assert orchestration_judged(Measured(4, 1, one), Measured(5.1, 1, one)).met is False


def test_a_message_is_reserved_when_its_slice_was_emitted() -> None:
    timed = Timed()
    for step in ("extract shop.orders", "extract web.events", "emit triggered"):
        with timed.told(step):
            pass
    reserved_at = timed.reserved_at
    with timed.told("refresh messages"):
        pass
    assert timed.reserved_at == reserved_at > 0
    assert list(timed.seconds) == ["extract", "emit triggered", "refresh messages"]
