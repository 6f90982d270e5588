"""Feedback that is duplicated, late, reordered and forged, against an oracle of what happened.

A thousand worlds, each told in its own order; `LONG=1`: ten thousand, and every planted error in a
thousand. `PARLEY_SEED` draws others.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import dbt_kit
import duckdb
import pyarrow as pa
import pytest
from feedback_kit import COLUMNS, Row, World, end_state

IS_LONG = bool(os.environ.get("LONG"))
SEED = int(os.environ.get("PARLEY_SEED", "12"))
WORLDS, SPOILED_WORLDS = (10_000, 1_000) if IS_LONG else (1_000, 200)
NAMES = [f"{kind}_at" for kind in COLUMNS]
LAKE = "source_id text, id_space text, batch_id text, seq bigint, landed_at timestamp, op text"
GIVEN = {
    "int_feedback_versions": f"{LAKE}, landed_on date, record_key text, record_at timestamp,"
    " message_key text, vendor_message_id text, email_raw text, phone_raw text, programme text,"
    " campaign_id text, channel text, kind text, is_hard boolean, is_machine boolean, url text,"
    " reason text, occurred_at timestamp, occurred_on date",
    "int_ledger_messages": "message_key text, run_id text, programme text, campaign_id text,"
    " occasion text, step bigint, variant text, channel text, purpose text, kind text,"
    " person_id text, address_node text, planned_as_of timestamp, state text, refusal text,"
    " destination text, reserved_at timestamp, accepted_at timestamp, sent_at timestamp,"
    " delivered_at timestamp, landed_at timestamp",
    "int_identifiers": "identifier_type text, raw_value text, node_id text, is_valid boolean",
}
# In the order in which one reads the other.
BUILT = (
    "intermediate/int_feedback_judged", "intermediate/int_feedback_events",
    "intermediate/int_feedback", "intermediate/int_feedback_stops",
    "intermediate/int_feedback_declarations", "marts/messages", "marts/engagements",
    "marts/feedback_rejects",
)  # fmt: skip

# What is changed in which model; each must be seen.
ERRORS = {
    "whose address it is does not matter": (
        "int_feedback_judged", "v.told_node <> m.address_node", "1 = 0",
    ),
    "an address that nobody knows is anybody's": (
        "int_feedback_judged", "v.names_an_address and v.told_node is null", "1 = 0",
    ),
    "a message that never left may come back": (
        "int_feedback_judged", "'unknown', 'delivering'", "'unknown', 'delivering', 'held'",
    ),
    "a message that there is not counts for the address": (
        "int_feedback_judged", "v.message_key is not null and m.message_key is null", "1 = 0",
    ),
    "the wrong clock is believed": (
        "int_feedback_judged", "greatest(v.occurred_at, m.left_at)", "v.occurred_at",
    ),
    "what is guessed is the first message": ("int_feedback_judged", "max_by(", "min_by("),
    "what is told again was learned then": (
        "int_feedback_judged", "min(landed_at) over", "max(landed_at) over",
    ),
    "what is told twice happened twice": (
        "int_feedback_events", "case when not is_once then", "case when true then",
    ),
    "a click of another link is the same": (
        "int_feedback_events", "case when kind = 'clicked' then url end", "''",
    ),
    "the last word of when counts": (
        "int_feedback_events", "min(occurred_at) as", "max(occurred_at) as",
    ),
    "it is known when it was told last": (
        "int_feedback_events", "min(known_at) as", "max(known_at) as",
    ),
    "one source that says nothing undoes what another says": (
        "int_feedback_events", "bool_or(is_machine)", "bool_and(coalesce(is_machine, false))",
    ),
    "haste is a second longer": ("int_feedback", "cast(10 as bigint)", "cast(11 as bigint)"),
    "links may follow each other faster": (
        "int_feedback", "cast(2 as bigint)", "cast(1 as bigint)",
    ),
    "following one link twice is a program's": ("int_feedback", "and e.url <> o.url", ""),
    "two soft bounces are enough": (
        "int_feedback_stops", "lag(bounced_at, 2)", "lag(bounced_at, 1)",
    ),
    "soft bounces of a day add up": (
        "int_feedback_stops", "group by address_node, cast(occurred_at as date)",
        "group by address_node, occurred_at",
    ),
    "soft bounces never grow old": (
        "int_feedback_stops", "cast(30 as bigint)", "cast(300 as bigint)",
    ),
    "a soft bounce stops": (
        "int_feedback_stops", "kind = 'bounced' and is_hard", "kind = 'bounced'",
    ),
    "a program's click counts": ("messages", "and not is_machine", ""),
    "a soft bounce is one for good": (
        "messages", "kind = 'bounced' and is_hard", "kind = 'bounced'",
    ),
    "who complained has unsubscribed": (
        "int_feedback_declarations", "kind = 'unsubscribed'",
        "kind in ('unsubscribed', 'complained')",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Each model's SQL, in order, as dbt compiled it on a warehouse without rows."""
    warehouse = tmp_path_factory.mktemp("compiled") / "feedback.duckdb"
    with duckdb.connect(str(warehouse)) as db:
        db.execute("create schema intermediate")
        for table, columns in GIVEN.items():
            db.execute(f"create table intermediate.{table} ({columns})")
    select = [f"path:models/{path}.sql" for path in BUILT]
    dbt_kit.build(warehouse, [], "2024-06-01T00:00:00Z", "channels", *select)
    folder = dbt_kit.compiled_models(dbt_kit.PROJECT)
    sql = {path.replace("/", "."): (folder / f"{path}.sql").read_text() for path in BUILT}
    return {name: text.replace('"feedback".', "") for name, text in sql.items()}


def worlds(count: int) -> list[World]:
    return [World(number, SEED) for number in range(count)]


def given(told: list[World]) -> dict[str, list[Row]]:
    """What the models read of these worlds, in the order in which it was told."""
    records = [
        {**row, "batch_id": f"b{number // 500}", "seq": number % 500, "op": "upsert"}
        for number, row in enumerate(each for world in told for each in world.records)
    ]
    return {
        "int_feedback_versions": records,
        "int_ledger_messages": [row for world in told for row in world.messages],
        "int_identifiers": [row for world in told for row in world.identifiers],
    }


def states(models: Mapping[str, str], rows: Mapping[str, list[Row]]) -> dict[str, dict[str, Any]]:
    """What the models make of it, by world."""
    with duckdb.connect(":memory:") as db:
        db.execute("create schema intermediate; create schema marts; create schema seeds")
        db.execute(
            "create table seeds.channels as select * from (values ('email', 'email', 'email'))"
            " as c (channel, address_type, permission_channel)"
        )
        for table, columns in GIVEN.items():
            db.execute(f"create table intermediate.{table} ({columns})")
            names = list(rows[table][0])
            db.register("told", pa.table({n: [row.get(n) for row in rows[table]] for n in names}))
            db.execute(f"insert into intermediate.{table} by name select * from told")
            db.unregister("told")
        for name, sql in models.items():
            db.execute(f"create table {name.replace('.', '.', 1)} as ({sql}\n)")
        return _read(db)


def _read(db: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}

    def of(name: str) -> dict[str, Any]:
        empty: dict[str, Any] = {
            "messages": {}, "engagements": set(), "stops": {}, "withdrawn": set(), "rejects": {},
        }  # fmt: skip
        return found.setdefault(name.partition("-")[0], empty)

    def rows(query: str) -> list[tuple[Any, ...]]:
        return db.execute(query).fetchall()

    for key, *columns in rows(f"select message_key, {', '.join(NAMES)} from marts.messages"):
        of(key)["messages"][key] = tuple(columns)
    shown = "select message_key, kind, occurred_at, is_machine from marts.engagements"
    engagements = rows(shown)
    assert (
        len(engagements)
        == rows("select count(distinct engagement_key) from marts.engagements")[0][0]
    )
    for key, *event in engagements:
        of(key)["engagements"].add((key, *event))
    for node, reason, since in rows(
        "select address_node, reason, since from intermediate.int_feedback_stops"
    ):
        of(node)["stops"][node, reason] = since
    for node, at, known_at in rows(
        "select address_node, valid_from, known_at from intermediate.int_feedback_declarations"
    ):
        of(node)["withdrawn"].add((node, at, known_at))
    for record, problem in rows(
        "select record_key, problem from intermediate.int_feedback_judged where problem is not null"
    ):
        of(record)["rejects"][record] = problem
    return found


def wrong(models: Mapping[str, str], told: list[World]) -> list[str]:
    """The worlds whose end state is not what happened, and in what they differ."""
    found = states(models, given(told))
    expected = {world.name: end_state(world) for world in told}
    return [
        f"{name}: {what}"
        for name, state in expected.items()
        for what, value in state.items()
        if found[name][what] != value
    ]


def test_whatever_is_told_the_end_state_is_what_happened(models: dict[str, str]) -> None:
    told = worlds(WORLDS)
    assert wrong(models, told) == []
    kinds = {event.kind for world in told for event in world.happened}
    assert len(kinds) == 9
    assert {problem for world in told for problem in world.rejects.values()} == {
        "not_its_address", "unknown_address", "no_such_message", "nobody",
    }  # fmt: skip


@pytest.mark.parametrize("error", ERRORS)
def test_a_planted_error_is_found(models: dict[str, str], error: str) -> None:
    model, right, spoiled = ERRORS[error]
    [name] = [each for each in models if each.endswith(f".{model}")]
    assert right in models[name], f"{model} has no {right}"
    changed = {**models, name: models[name].replace(right, spoiled)}
    assert wrong(changed, worlds(SPOILED_WORLDS)) != []
