"""What if a programme or the contact policy were another: the last plan, built again with it.

It is built in a copy of the warehouse, at the run's own clock, and removed after; nothing of the
warehouse, the ledger or the snapshots changes.
"""

from __future__ import annotations

import re
import secrets
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from connectors.core import plan, plan_changes, snapshot, warehouse
from connectors.core.clock import iso_z
from connectors.core.errors import FixConfig
from connectors.core.warehouse import Revision, writer_slot
from connectors.ledger import runs
from flows import build
from flows.pipeline import SLOT_SECONDS
from flows.run import Run, ledger_of, load
from flows.terminal import console, table
from flows.versions import seed, versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from connectors.core.plan_changes import Change
    from connectors.core.settings import Settings
    from flows.build import Invoke

PROGRAMMES, STEPS, POLICY = "programmes", "programme_steps", "contact_policy"
EXAMPLES = 5
# What is compared; the rest of the copy is never read.
COMPARED = ("candidates", "decisions")
_SET = re.compile(r"(?:contact_policy\.(?P<rule>\w+)\.)?(?P<column>\w+)=(?P<value>.*)")


@dataclass(frozen=True)
class Compared:
    """The run whose plan was built again, and how each programme's differs."""

    run: Run
    changes: list[Change]


def compare(settings: Settings, programme: str, asked: Sequence[str], invoke: Invoke) -> Compared:
    """Build the last run's plan again with other values in seeds.

    Args:
        settings: of the installation that is asked about.
        programme: whose columns are set.
        asked: `column=value` for the programme, or `contact_policy.rule.column=value`.
        invoke: runs dbt.

    Raises:
        FixConfig: no such programme, rule, column or value; no run to compare with; or the
            warehouse can't be copied.
        RetryLater: another process is writing the warehouse.
        StopRun: a model failed.
    """
    run = _last(settings)
    changed = [each for text in asked for each in revisions(run.snapshot_dir, programme, text)]
    home = settings.home / "replay" / f"what_if-{secrets.token_hex(4)}"
    apart = settings.model_copy(update={"home": home})
    try:
        with writer_slot(settings, SLOT_SECONDS):
            warehouse.branch(settings, apart, changed)
        # Seeds stay as they were changed, and nothing is tested: it is only looked at.
        again = replace(run, kind="triggered", settings=apart, full_refresh=False, has_seeds=True)
        build.build(again, "what_if", runs.batches_of(run.ledger, run.run_id), invoke)
        for name in COMPARED:
            snapshot.write_table(apart, name, home / "plan")
        return Compared(run, plan_changes.changes(run.snapshot_dir, home / "plan"))
    finally:
        shutil.rmtree(home, ignore_errors=True)


def revisions(folder: Path, programme: str, asked: str) -> list[Revision]:
    """What `column=value` means for the seeds, by what those of a snapshot hold.

    Raises:
        FixConfig: there is no such programme, rule, column or value; it names those there are.
    """
    found = _SET.fullmatch(asked)
    if not found:
        what = f"'{asked}' sets nothing"
        remedy = "Say column=value, or contact_policy.rule.column=value."
        raise FixConfig(what, "--set", remedy)
    value = found["value"].strip() or None
    column, rule = found["column"], found["rule"]
    if rule:
        _known(plan.query(folder, f"from {POLICY}"), "rule", rule, column)
        return [Revision(POLICY, column, value, {"rule": rule})]
    rows = plan.query(folder, f"from {PROGRAMMES}")
    _known(rows, "programme", programme, column)
    _one_of_those(rows, column, value)
    made = [Revision(PROGRAMMES, column, value, {"programme": programme})]
    if column == "wait_minutes":
        # The wait of a programme is that of its first step.
        made.append(Revision(STEPS, column, value, {"programme": programme, "step": "1"}))
    return made


def _known(rows: list[dict[str, Any]], key: str, wanted: str, column: str) -> None:
    """Refuse a row or a column that the seed does not have."""
    keys, columns = list(dict.fromkeys(row[key] for row in rows)), [*rows[0]] if rows else []
    if wanted not in keys:
        what = f"there is no {key} called '{wanted}'"
        raise FixConfig(what, "--set", f"There are: {', '.join(keys)}.")
    if column not in columns or column == key:
        what = f"a {key} has no column '{column}' that can be set"
        there = ", ".join(name for name in columns if name != key)
        raise FixConfig(what, "--set", f"There are: {there}.")


def _one_of_those(rows: list[dict[str, Any]], column: str, value: str | None) -> None:
    """Refuse a word that no programme could have, and a number below nothing."""
    words = {
        "kind": {row["kind"] for row in rows},
        "purpose": {row["purpose"] for row in rows},
        "channel": {row["channel"] for row in seed("channels")},
        "goal": {row["goal"] for row in seed("goals")},
    }
    if column in words and value is not None and value not in words[column]:
        what = f"'{value}' is no {column} of a programme"
        raise FixConfig(what, "--set", f"There are: {', '.join(sorted(words[column]))}.")
    if value is not None and value.startswith("-"):
        what = f"a programme's {column} can't be {value}"
        raise FixConfig(what, "--set", "Give a number from 0 on.")


def _last(settings: Settings) -> Run:
    """The run that built the warehouse as it is. Raises `FixConfig` where there is none."""
    ledger = ledger_of(settings)
    last = next((run for run in runs.recent(ledger, 100) if run.kind != "replay"), None)
    remedy = "Run `parley run daily`, with --shadow if nothing may be sent, then ask again."
    if last is None or last.status != "completed":
        what = "the last run did not finish" if last else "nothing ran yet"
        raise FixConfig(what, str(settings.home), remedy)
    run = load(last.run_id)
    if not snapshot.is_whole(run.snapshot_dir):
        what = "the last run's plan is gone"
        raise FixConfig(what, str(run.snapshot_dir), remedy)
    if last.code_version != versions(warehouse.label(settings)).code:
        what = "the models changed since the last run"
        raise FixConfig(what, f"run {last.run_id}", remedy)
    return run


def show(
    settings: Settings, programme: str, asked: Sequence[str], run_id: str | None = None
) -> None:
    """Print what would change, programme by programme; raises as `compare` does."""
    if run_id and run_id != _last(settings).run_id:
        what = "the warehouse holds the last run alone"
        raise FixConfig(what, "--set", f"Ask without --run, or about {_last(settings).run_id}.")
    compared = compare(settings, programme, asked, build.plainly)
    run = compared.run
    said = ", ".join(asked)
    console.print(f"{programme} at {iso_z(run.as_of)} if {said} [dim](run {run.run_id})[/]\n")
    different = [each for each in compared.changes if not each.is_none]
    if not different:
        console.print("Nothing would change.")
        return
    _show_numbers(different)
    for each in different:
        _show_people(each.programme, "would hear from it", each.gained)
        _show_people(each.programme, "would not any more", each.lost)


def _show_numbers(different: Iterable[Change]) -> None:
    numbers = ("candidates#", "then#", "sends#", "then #", "new people#", "lost people#")
    made = table("What would change", "programme", *numbers)
    for each in different:
        counts = (
            each.candidates_before, each.candidates_after, each.sends_before, each.sends_after,
            len(each.gained), len(each.lost),
        )  # fmt: skip
        made.add_row(each.programme, *(f"{count:,}" for count in counts))
    console.print(made)
    console.print()


def _show_people(programme: str, what: str, people: Sequence[str]) -> None:
    if people:
        some = " ".join(person[:12] for person in people[:EXAMPLES])
        more = " …" if len(people) > EXAMPLES else ""
        console.print(f"{programme}: {len(people):,} {what}: {some}{more}", soft_wrap=True)
