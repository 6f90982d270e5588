"""The funnel gate by gate, and what changed since the run before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from words_kit import TABLES, candidate, decision

from connectors.core import plan, plan_changes
from connectors.core.plan_changes import GateRow
from connectors.core.settings import Settings
from connectors.ledger import runs
from connectors.ledger.runs import Versions
from flows import funnel, summary
from flows.pipeline import Outcome
from flows.run import Run, ledger_of, load

AT = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
GATES = ("permission", "caps", "programme_holdout")


def published(folder: Path, ended: dict[str, list[tuple[str, str | None]]]) -> Path:
    """A plan in which each programme's candidates, one a person, ended so at these gates."""
    candidates, decisions, gates = [], [], []
    for programme, ends in ended.items():
        for number, (verdict, gate) in enumerate(ends):
            key = f"{programme}{number}"
            candidates.append(candidate(key, f"person {number}", programme))
            decisions.append(decision(key, verdict, gate, gate and "why"))
            gates += [
                {"candidate_key": key, "gate_no": no, "gate": name}
                for no, name in enumerate(GATES, start=1)
            ]
    folder.mkdir(parents=True)
    tables = {
        "candidates": candidates, "decisions": decisions, "decision_gates": gates,
        "people": TABLES["people"], "reasons": TABLES["reasons"],
    }  # fmt: skip
    for name, rows in tables.items():
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    return folder


SENT: list[tuple[str, str | None]] = [("send", None)]
CART = [
    *SENT * 6, ("drop", "permission"), ("drop", "permission"), ("defer", "caps"),
    ("hold", "programme_holdout"),
]  # fmt: skip


def test_each_gate_is_told_what_it_left_and_all_add_up(tmp_path: Path) -> None:
    folder = published(tmp_path / "r", {"cart": CART, "store": SENT})
    rows = plan_changes.gates(folder)
    assert rows[:4] == [
        GateRow("cart", 0, "candidates", 0, 0, 0, 10),
        GateRow("cart", 1, "permission", 2, 0, 0, 8),
        GateRow("cart", 2, "caps", 0, 1, 0, 7),
        GateRow("cart", 3, "programme_holdout", 0, 0, 1, 6),
    ]
    assert [row.left for row in rows if row.programme == "store"] == [1, 1, 1, 1]
    assert plan_changes.gates(folder, "store") == rows[4:]
    assert plan_changes.gates(folder, "other") == []
    for programme, line in summary.totals(plan.funnel(folder)).items():
        own = [row for row in rows if row.programme == programme]
        assert own[-1].left == line["send"]
        assert sum(row.dropped for row in own) == line["drop"]
        assert sum(row.deferred for row in own) == line["defer"]
        assert sum(row.held for row in own) == line["hold"]


def test_the_chart_draws_what_is_left_and_leaves_out_gates_that_stopped_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = plan_changes.gates(published(tmp_path / "r", {"cart": CART, "store": SENT}))
    told = funnel.markdown(rows)
    assert "### cart" in told
    assert f"| candidates | 10 | `{'▇' * 24}` |  |  |  |" in told
    assert f"| 2 caps | 7 | `{'▇' * 17}{'·' * 7}` |  | 1 |  |" in told
    store = told[told.index("### store") :]
    assert len([line for line in store if "▇" in line]) == 2
    funnel.show(rows)
    assert "3 programme_holdout" in capsys.readouterr().out
    assert funnel.markdown([]) == ["Nobody was a candidate."]


def test_the_funnel_goes_on_to_what_the_ledger_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = plan_changes.gates(published(tmp_path / "r", {"cart": CART, "store": SENT}))
    refused = {"store": {"per_week": 1, "withdrawn": 1_200}}
    told = funnel.markdown(rows, refused)
    words = "1,200 refused by the ledger, withdrawn: the permission was withdrawn after the plan"
    store = told.index("### store")
    assert told.index(f"- {words}") + 1 == told.index("- 1 refused by the ledger, per_week")
    assert told.index(f"- {words}") > store
    funnel.show(rows, refused)
    assert words in capsys.readouterr().out


def test_a_bar_is_as_long_as_its_share_and_never_hides_what_is_there() -> None:
    assert [funnel.bar(part, 1000, 4) for part in (0, 1, 500, 1000)] == [
        "····", "▇···", "▇▇··", "▇▇▇▇",
    ]  # fmt: skip
    assert funnel.bar(0, 0, 4) == "····"


def ran(settings: Settings, ended: Any, kind: runs.Kind = "daily", *, shadow: bool = False) -> Run:
    ledger = ledger_of(settings)
    at = AT + timedelta(minutes=len(runs.recent(ledger)))
    made_of = Versions()
    run_id = runs.start(ledger, kind, at, made_of, is_shadow=shadow, clock=lambda: at)
    published(settings.runs_dir / run_id, ended)
    runs.finish(ledger, run_id, "completed")
    return load(run_id)


def test_a_run_is_compared_with_the_one_of_its_kind_before_it(own_settings: Settings) -> None:
    first = ran(own_settings, {"cart": CART})
    assert funnel.changed(first) == ["There is no daily run before this one to compare with."]
    ran(own_settings, {"cart": SENT}, "triggered")
    ran(own_settings, {"cart": SENT}, shadow=True)
    second = ran(own_settings, {"cart": SENT * 7, "store": SENT})
    told = funnel.changed(second)
    assert told[0] == f"Compared with `{first.run_id}`."
    assert told[-2:] == ["| cart | 7 | 10 | 7 | 6 | 1 |", "| store | 1 | 0 | 1 | 0 | 1 |"]
    shadow = ran(own_settings, {"cart": SENT}, shadow=True)
    assert funnel.changed(shadow)[0] == f"Compared with `{second.run_id}`."


def test_a_run_whose_plan_is_no_longer_kept_is_not_compared_with(own_settings: Settings) -> None:
    first = ran(own_settings, {"cart": CART})
    second = ran(own_settings, {"cart": CART})
    (first.snapshot_dir / "people.parquet").unlink()
    assert funnel.since(second) is None


def test_the_runs_page_tells_gates_changes_and_that_a_shadow_sent_nothing(
    own_settings: Settings,
) -> None:
    run = replace(ran(own_settings, {"cart": CART}), is_shadow=True)
    rows = plan.funnel(run.snapshot_dir)
    gates = funnel.markdown(plan_changes.gates(run.snapshot_dir))
    page = summary.markdown(Outcome(run), rows, gates, funnel.changed(run))
    for words in ("# Daily shadow run", "## Gate by gate", "## Since the run before",
                  "Nothing: this was a shadow."):  # fmt: skip
        assert words in page
    assert "## Gate by gate" not in summary.markdown(Outcome(run), rows)
