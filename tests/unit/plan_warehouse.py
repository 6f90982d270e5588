"""Many random worlds planned in one warehouse: what the plan reads is put there by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from graphlib import TopologicalSorter
from pathlib import Path
from random import Random
from typing import Any

import dbt_kit
import duckdb
import pyarrow as pa
from plan_oracle import Plan
from plan_policy import GIVEN, Verdict
from plan_worlds import CHANNELS, CLOCKS, NEVER_NIGHT, PROGRAMMES, STALE, Row, Tables, World

# What the models of the plan read of each table.
COLUMNS = {
    "marts.people": "person_id text, first_seen_at timestamp, country text, time_zone text,"
    " language text, currency text, is_staff boolean, is_test boolean, account_id text",
    "marts.people_nodes": "node_id text, person_id text, node_type text, since timestamp",
    "marts.permission_now": "address_node text, channel text, purpose text, state text,"
    " reason text,"
    " since timestamp, valid_from timestamp, legal_basis text",
    "marts.messages": "message_key text, address_node text, bounced_at timestamp",
    "marts.conversions": "node_id text, account_id text, goal text, occurred_at timestamp",
    "marts.intent_scores": "person_id text, goal text, stage text",
    "intermediate.int_addresses": "address_node text, address_type text, address text,"
    " is_valid boolean",
    "intermediate.int_erased_nodes": "node_id text",
    "intermediate.int_suppressions": "address_node text, reason text, since timestamp,"
    " last_at timestamp",
    "intermediate.int_refusals": "person_id text, refused text, what text, said_at timestamp",
    "intermediate.int_signs": "person_id text, occurred_at timestamp",
    "intermediate.int_person_zones": "person_id text, time_zone text",
    "intermediate.int_person_languages": "person_id text, language text",
    "intermediate.int_unhappy": "person_id text, what text, source text, said_at timestamp",
    "intermediate.int_source_freshness": "source_id text, newest_at timestamp",
    "intermediate.int_person_messages": "message_key text, person_id text, programme text,"
    " campaign_id text, occasion text, step bigint, channel text, purpose text, kind text,"
    " planned_as_of timestamp, counts boolean, is_received boolean, is_imported boolean,"
    " account_id text",
    "decisions.int_proposals": "programme text, person_id text, occasion text, subject text,"
    " step integer, campaign_id text, variant text, wanted_address_node text,"
    " occurred_at timestamp, expires_at timestamp, value numeric(18, 6), currency text,"
    " context_ok boolean, context_reason text, topic text, stimulus_message_key text, content text,"
    " evidence text, kind text, purpose text, channel text, destination text,"
    " similar_products boolean, address_type text, permission_channel text, account_id text",
}
# The worlds are what is proposed; lists at other tools are no part of the plan.
NOT_DECIDED = ("int_proposals", "audience_members", "int_audience_facts")
# Models outside the plan that only it uses.
BUILT = (
    "int_campaigns_heard", "int_engagement", "int_interruptions", "int_open_hours",
    "int_signs_of_life",
)  # fmt: skip
# One row per these; two people who turn out to be one may have said the same.
ONCE_PER = {
    "int_proposals": ("programme", "person_id", "occasion", "step"),
    "int_refusals": ("person_id", "refused", "what"),
}

OUTCOMES = (
    "select candidate_key, verdict, gate, reason, defer_until from marts.decisions order by 1"
)
GATES = "select candidate_key, gate, verdict, reason from marts.decision_gates"
AUDIENCE = (
    "message_key, person_id, programme, campaign_id, occasion, step, channel, purpose, kind,"
    " planned_as_of, verdict, address_node"
)
# The clock with which the statements are compiled.
NO_TIME = datetime.fromisoformat("2001-02-03 04:05:06")
LOST = 0.05


@dataclass
class Moment:
    """One run: what it saw, what it planned, and what the oracle says."""

    plan: Plan
    gates: dict[str, dict[str, Verdict]]
    decisions: dict[str, tuple[str, str | None, str | None]]
    audience: list[Row]
    chosen: dict[str, str | None]


def compiled(warehouse: Path) -> dict[str, str]:
    """Build the plan once with dbt on a warehouse without rows; return each model's SQL, in order.

    Thousands of moments are then planned by the same statements, another clock in the place of
    this one.
    """
    with duckdb.connect(str(warehouse)) as db:
        for table, columns in COLUMNS.items():
            db.execute(f"create schema if not exists {table.split('.')[0]}")
            db.execute(f"create or replace table {table} ({columns})")
    paths = [f"intermediate/{name}.sql" for name in BUILT]
    for path in sorted((dbt_kit.PROJECT / "models/decisions").glob("*.sql")):
        paths += [f"decisions/{path.name}"] if path.stem not in NOT_DECIDED else []
    select = [f"path:models/{path}" for path in paths]
    dbt_kit.build(warehouse, [], NO_TIME.isoformat() + "Z", "resource_type:seed", *select)
    with duckdb.connect(str(warehouse)) as db:
        _insert(db, "seeds.country_rules", [NEVER_NIGHT])
        schemas = dict(
            db.execute("select table_name, table_schema from information_schema.tables").fetchall()
        )
    folder = dbt_kit.compiled_models(dbt_kit.PROJECT)
    sql = {
        f"{schemas[Path(path).stem]}.{Path(path).stem}": (folder / path).read_text()
        for path in paths
    }
    used = {
        name: [other for other in sql if _relation(warehouse, other) in text]
        for name, text in sql.items()
    }
    return {name: sql[name] for name in TopologicalSorter(used).static_order()}


def _relation(warehouse: Path, name: str) -> str:
    return ".".join(f'"{part}"' for part in (warehouse.stem, *name.split(".")))


@dataclass
class Worlds:
    """Worlds of these numbers, planned by these statements."""

    warehouse: Path
    models: dict[str, str]
    count: int
    base: int
    threads: int = 2
    ours: dict[str, Row] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.worlds = {f"w{number}": World(number, self.base) for number in range(self.count)}
        self.random = Random(self.base)

    def run(self) -> Iterator[Moment]:
        """Plan moment after moment; what was planned is known to the next."""
        for as_of in CLOCKS:
            tables = self.tables(as_of)
            self.plan(tables, as_of)
            moment = self.read(tables, as_of)
            self._remember(moment, as_of)
            yield moment

    def tables(self, as_of: datetime) -> Tables:
        """Return what the plan reads at that moment."""
        tables: Tables = {table.split(".")[1]: [] for table in COLUMNS}
        for world in self.worlds.values():
            for table, row in world.standing(as_of):
                tables[table].append(row)
        for row in self.ours.values():
            person = self.worlds[row["person_id"].split("/")[0]].who(row["person_id"], as_of)
            tables["int_person_messages"].append({**row, "person_id": person})
        for name, columns in ONCE_PER.items():
            tables[name] = list({tuple(r[c] for c in columns): r for r in tables[name]}.values())
        age = timedelta(hours=97 if as_of == STALE else 1)
        tables["int_source_freshness"] = [{"source_id": "shop", "newest_at": as_of - age}]
        accounts = {row["person_id"]: row["account_id"] for row in tables["people"]}
        for row in tables["int_person_messages"] + tables["int_proposals"]:
            of_company = (PROGRAMMES.get(row["programme"]) or {}).get("one_per_account") == "true"
            row["account_id"] = accounts.get(row["person_id"]) if of_company else None
        return tables

    def plan(self, tables: Tables, as_of: datetime, *, shuffled: bool = False) -> None:
        """Plan that moment; the rows lie in the order in which they came, or in any."""
        with self._open() as db:
            for table in COLUMNS:
                rows = tables[table.split(".")[1]]
                if table == "decisions.int_proposals":
                    rows = [_proposal(row) for row in rows]
                db.execute(f"delete from {table}")
                _insert(db, table, self.random.sample(rows, len(rows)) if shuffled else rows)
            for name, sql in self.models.items():
                told = sql.replace(str(NO_TIME), str(as_of))
                db.execute(f"create or replace table {name} as ({told}\n)")

    def outcomes(self) -> list[tuple[Any, ...]]:
        """Return the decisions as they stand."""
        return self._rows(OUTCOMES)

    def read(self, tables: Tables, as_of: datetime) -> Moment:
        """Read the plan, and work out what it must be."""
        gates: dict[str, dict[str, Verdict]] = {}
        for key, gate, verdict, reason in self._rows(GATES):
            gates.setdefault(key, {})[gate] = Verdict(verdict, reason)
        given = {(key, gate): said[gate] for key, said in gates.items() for gate in GIVEN}
        names = AUDIENCE.split(", ")
        audience = self._rows(
            f"select {AUDIENCE} from marts.audience_triggered union all"
            f" select {AUDIENCE} from marts.audience_mass order by 1"
        )
        return Moment(
            Plan(tables, as_of, given),
            gates,
            {key: (verdict, gate, reason) for key, verdict, gate, reason, _ in self.outcomes()},
            [dict(zip(names, row, strict=True)) for row in audience],
            dict(self._rows("select candidate_key, address_node from marts.candidates")),
        )

    def _open(self) -> duckdb.DuckDBPyConnection:
        db = duckdb.connect(str(self.warehouse))
        db.execute(f"set threads = {self.threads}")
        return db

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self._open() as db:
            return db.execute(sql).fetchall()

    def _remember(self, moment: Moment, as_of: datetime) -> None:
        """What was planned is in the ledger, but for what a destination did not take."""
        for row in moment.audience:
            is_sent = row["verdict"] == "send"
            chance = Random(f"{self.base}/{row['message_key']}/{as_of}").random()
            is_lost = is_sent and chance < LOST
            known = {"counts": not is_lost, "is_received": is_sent and not is_lost}
            self.ours[row["message_key"]] = {**row, **known, "is_imported": False}


def _proposal(row: Row) -> Row:
    programme = PROGRAMMES[row["programme"]]
    told = {name: programme[name] for name in ("kind", "purpose", "channel", "destination")}
    channel = CHANNELS[programme["channel"]]
    told |= {name: channel[name] for name in ("address_type", "permission_channel")}
    told["similar_products"] = programme["similar_products"]
    return {**row, **told, "content": "{}", "evidence": "{}"}


def _insert(db: duckdb.DuckDBPyConnection, table: str, rows: list[Row]) -> None:
    if not rows:
        return
    known = {name for name, *_ in db.execute(f"describe {table}").fetchall()}
    names = [name for name in rows[0] if name in known]
    given = pa.table({name: [row.get(name) for row in rows] for name in names})
    db.register("given", given)
    db.execute(f"insert into {table} by name select * from given")
    db.unregister("given")
