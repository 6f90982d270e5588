"""What if: the plan is built again in a copy, compared, and nothing that is in use changes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from connectors.core import plan_changes, snapshot
from connectors.core.errors import FixConfig
from connectors.core.plan_changes import Change
from connectors.core.settings import Settings
from connectors.core.warehouse import Revision, on_spark
from connectors.ledger import runs
from flows import build, what_if, work
from flows.cli import app
from flows.run import Run, begin
from flows.what_if import compare, revisions

CART = {"programme": "cart"}
# Stands in for the models: whoever left a cart for long enough is written to; one is waited for.
PLAN = """
    create or replace table marts.candidates as
    select 'cart' as programme, person_id, person_id as candidate_key
    from carts, seeds.programme_steps as s
    where s.programme = 'cart' and s.step = 1 and minutes >= s.wait_minutes;
    create or replace table marts.decisions as
    select candidate_key, case when number <= most then 'send' else 'defer' end as verdict,
        case when number > most then 'caps' end as gate
    from (select candidate_key, row_number() over (order by candidate_key) as number
        from marts.candidates), (select max_messages as most from seeds.contact_policy);
    """
SEEDS = """
    create schema marts; create schema seeds;
    create table carts as from (values ('ada', 90), ('ben', 61), ('cem', 45), ('dan', 10))
        as t(person_id, minutes);
    create table marts.people as select person_id from carts;
    create table seeds.programmes as select 'cart' as programme, 'triggered' as kind,
        'marketing' as purpose, 'email' as channel, 60 as wait_minutes, 'buy' as goal;
    create table seeds.programme_steps as from (values ('cart', 1, 60), ('cart', 2, 1440))
        as t(programme, step, wait_minutes);
    create table seeds.contact_policy as select 'per_day' as rule, 'email' as channel,
        2 as max_messages;
    create table seeds.campaigns as select 1 as id; create table seeds.gates as select 1 as id;
    create table seeds.reasons as select 1 as id;
    create table marts.audience_mass as select 'k' as message_key;
    create table marts.audience_triggered as from marts.audience_mass;
    """


def planned(settings: Settings, *statements: str) -> None:
    settings.home.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.fixture
def run(own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run that has planned for Ada and Ben; the models are stood in for."""
    ran = begin("daily", "2011-12-06T11:05:00Z")
    planned(own_settings, SEEDS, PLAN)
    snapshot.publish(snapshot.stage(own_settings, ran.run_id))
    work.complete(ran, {}, {})
    monkeypatch.setattr(build, "build", lambda again, *_: planned(again.settings, PLAN))
    return ran


def contents(settings: Settings) -> dict[str, str]:
    """What is in the home, but for what readers alone write."""
    files = [path for path in settings.home.rglob("*") if path.is_file()]
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.name not in {"warehouse.lock", "ledger.db-shm"}
    }


def test_a_shorter_wait_shows_who_is_new_and_changes_nothing_that_is_in_use(run: Run) -> None:
    before = contents(run.settings)
    found = compare(run.settings, "cart", ["wait_minutes=30"], build.plainly)
    [change] = found.changes
    # The day's limit is two: with a third candidate, still two are written to.
    assert change == Change("cart", 2, 3, 2, 2, [], [])
    asked = ["wait_minutes=30", "contact_policy.per_day.max_messages=3"]
    [change] = compare(run.settings, "cart", asked, build.plainly).changes
    assert change == Change("cart", 2, 3, 2, 3, ["cem"], [])
    [change] = compare(run.settings, "cart", ["wait_minutes=80"], build.plainly).changes
    assert change == Change("cart", 2, 1, 2, 1, [], ["ben"])
    assert contents(run.settings) == before
    assert not [*(run.settings.home / "replay").iterdir()]


def test_it_is_the_runs_own_clock_and_id_and_its_batches(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def built(again: Run, stage: str, *_: Any) -> None:
        asked.append((again.run_id, again.as_of, again.has_seeds, again.full_refresh, stage))
        planned(again.settings, PLAN)

    monkeypatch.setattr(build, "build", built)
    [change] = compare(run.settings, "cart", ["wait_minutes=60"], build.plainly).changes
    assert change.is_none
    assert asked == [(run.run_id, run.as_of, True, False, "what_if")]
    assert [row.kind for row in runs.recent(run.ledger)] == ["daily"]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("wait_minutes", "sets nothing"),
        ("waits=30", "There are: kind, purpose, channel, wait_minutes, goal"),
        ("programme=other", "no column 'programme'"),
        ("wait_minutes=soon", "'soon' is no value for wait_minutes"),
        ("wait_minutes=-5", "can't be -5"),
        ("channel=fax", "There are: call, email, meeting"),
        ("goal=joy", "no goal of a programme"),
        ("contact_policy.per_year.max_messages=3", "There are: per_day"),
        ("contact_policy.per_day.most=3", "There are: channel, max_messages"),
    ],
)
def test_what_can_not_be_set_is_refused_and_told_what_can(run: Run, asked: str, why: str) -> None:
    before = contents(run.settings)
    with pytest.raises(FixConfig) as raised:
        compare(run.settings, "cart", [asked], build.plainly)
    assert why in str(raised.value)
    assert contents(run.settings) == before


def test_another_programme_is_refused(run: Run) -> None:
    with pytest.raises(FixConfig, match="no programme called 'parcel'"):
        compare(run.settings, "parcel", ["wait_minutes=30"], build.plainly)


def test_an_empty_value_is_none_and_the_wait_is_that_of_the_first_step_too(run: Run) -> None:
    def of(asked: str) -> list[Revision]:
        return revisions(run.snapshot_dir, "cart", asked)

    assert of("goal=") == [Revision("programmes", "goal", None, CART)]
    assert of("wait_minutes=5") == [
        Revision("programmes", "wait_minutes", "5", CART),
        Revision("programme_steps", "wait_minutes", "5", {**CART, "step": "1"}),
    ]


def test_a_run_that_did_not_finish_can_not_be_asked_about(run: Run) -> None:
    begin("daily", "2011-12-07T11:05:00Z")
    with pytest.raises(FixConfig, match="the last run did not finish"):
        compare(run.settings, "cart", ["wait_minutes=30"], build.plainly)


def test_models_that_changed_since_are_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(what_if, "versions", lambda _: runs.Versions("other"))
    with pytest.raises(FixConfig, match="the models changed"):
        compare(run.settings, "cart", ["wait_minutes=30"], build.plainly)


def test_a_clusters_warehouse_is_refused_with_what_to_do_instead(run: Run) -> None:
    with pytest.raises(FixConfig, match="--shadow"):
        on_spark.branch(run.settings, run.settings, [])


def test_the_command_tells_numbers_and_people(run: Run) -> None:
    def said(*asked: str) -> str:
        values = [word for each in asked for word in ("--set", each)]
        return CliRunner().invoke(app, ["preview", "cart", *values]).output

    told = said("wait_minutes=30", "contact_policy.per_day.max_messages=3")
    assert "cart: 1 would hear from it: cem" in told
    assert run.run_id in told
    assert "cart: 1 would not any more: ben" in said("wait_minutes=80")
    assert "Nothing would change." in said("wait_minutes=60")


def test_programmes_that_one_plan_lacks_are_compared_with_nothing(tmp_path: Path, run: Run) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with duckdb.connect() as connection:
        for table in ("candidates", "decisions"):
            path = run.snapshot_dir / f"{table}.parquet"
            connection.sql(f"from '{path}' limit 0").write_parquet(str(empty / path.name))
    [change] = plan_changes.changes(empty, run.snapshot_dir)
    assert change == Change("cart", 0, 2, 0, 2, ["ada", "ben"], [])
