"""The stage of the stories: one shop, one ledger, a plan at each clock, sent before the next."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from datetime import UTC, datetime
from functools import lru_cache
from importlib import import_module
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from dbt_kit import build
from outbox_kit import Recorder
from stories_kit import CLOCKS, DAY, HOUR, SUNDAY, WEEK_LATER, Scene, scenes, z
from stories_told import Row, Told

from connectors.core import registry
from connectors.core.lake import Lake
from connectors.core.landing import land
from connectors.core.settings import LEDGER_SOURCE, Settings
from connectors.ledger.db import open_ledger
from connectors.ledger.emission.outbox import EmitResult, emit
from connectors.ledger.manifest import LedgerManifest
from connectors.ledger.suppressions import Suppression, suppress
from flows.build import BY_DAILY_RUNS, UNIONS

# By folder: to look for all that a plan needs takes dbt as long as to build it.
PLAN = (
    *("path:models/staging", "path:models/intermediate", "path:models/segments"),
    *("path:models/marts", "path:models/programmes", "path:models/decisions"),
)
# What is read anew where a run is repeated, and where one finds the sources silent.
AGAIN = ("stg_parley__messages+", "path:models/decisions")
SILENT = ("int_source_freshness", "path:models/programmes", "path:models/decisions")
STALE = WEEK_LATER + 5 * DAY
VENDORS = ("database", "segment", "history", "parley")
RECORD = ("record_key", "op", "payload")
ROWS = """
    select c.person_id, c.programme, c.occasion, c.step, c.campaign_id, c.message_key, c.content,
        c.evidence, d.verdict, d.gate, d.reason, d.defer_until
    from marts.candidates as c inner join marts.decisions as d on c.candidate_key = d.candidate_key
    order by c.programme, c.occasion, c.step, c.candidate_key
"""


def played() -> Told:
    """What came of all stories there are, whichever file they are in; they are played once."""
    told = _played()
    if isinstance(told, Exception):
        raise told
    return told


@lru_cache
def _played() -> Told | Exception:
    for path in sorted(Path(__file__).parent.glob("test_stories*.py")):
        import_module(path.stem)
    try:
        with tempfile.TemporaryDirectory() as folder:
            return Stage(Path(folder), list(scenes())).play()
    except Exception as error:  # noqa: BLE001 - all stories fail by it, none plays them again
        return error


class Stage:
    """A lake, a ledger and a warehouse of their own."""

    def __init__(self, folder: Path, told: list[Scene]) -> None:
        """Make an empty one."""
        self.folder, self.told = folder, Told()
        self.scenes = [*told, self.passers_by()]
        self.warehouse = folder / "warehouse.duckdb"
        self.settings = Settings(home=folder)
        self.ledger = open_ledger(f"sqlite:///{folder}/ledger.db")
        self.batches: list[dict[str, str]] = []
        self.sent = Recorder()

    def play(self) -> Told:
        """A plan at each clock; the second one is made twice, and one more after silence."""
        build(self.warehouse, [], z(CLOCKS[0]), "path:seeds")
        self.write_campaigns()
        last = ""
        for clock in CLOCKS:
            self.land(clock)
            self.build(clock, last, *PLAN)
            self.read(clock)
            for plan, node, reason in (each for s in self.scenes for each in s.suppressions):
                if plan == clock:
                    moment = clock.replace(tzinfo=UTC)
                    suppress(self.ledger, [Suppression(node, reason, "shop", moment)])
            self.told.emitted[clock] = self.emit(clock)
            self.land_messages(clock)
            last = z(clock)
            if clock == SUNDAY:
                self.repeat(clock)
        build(self.warehouse, self.batches, z(STALE), *SILENT, last_as_of=last)
        self.read(STALE)
        with self.ledger.connect() as connection:
            rows = connection.exec_driver_sql("select * from messages order by planned_as_of")
            self.told.messages = [
                {**row, "planned_as_of": datetime.fromisoformat(row["planned_as_of"])}
                for row in rows.mappings()
            ]
        return self.told

    def build(self, clock: datetime, last: str, *select: str) -> None:
        """Build as a run does: what changes by the day, and what no batch is for, once."""
        fresh = {batch["vendor"] for batch in self.batches if batch["landed_at"] == z(clock)}
        spared = [f"path:models/staging/{vendor}" for vendor in VENDORS if vendor not in fresh]
        spared = [*spared, *BY_DAILY_RUNS, UNIONS] if last else []
        build(self.warehouse, self.batches, z(clock), *select, last_as_of=last, exclude=spared)

    def repeat(self, clock: datetime) -> None:
        """The same plan once more, when what it sent is known."""
        build(self.warehouse, self.batches, z(clock), *AGAIN, last_as_of=z(clock))
        self.told.again = self.query(ROWS)
        self.told.emitted_again = self.emit(clock)

    def read(self, clock: datetime) -> None:
        """Keep what the plan says."""
        self.told.rows[clock] = self.query(ROWS)
        nodes = self.query("select node_id, person_id from marts.people_nodes")
        self.told.people[clock] = {row["node_id"]: row["person_id"] for row in nodes}

    def query(self, sql: str) -> list[Row]:
        """Rows of the warehouse."""
        with duckdb.connect(str(self.warehouse)) as connection:
            return connection.execute(sql).to_arrow_table().to_pylist()

    def write_campaigns(self) -> None:
        """The seed's rows give way to those of the stories."""
        rows = [row for scene in self.scenes for row in scene.campaigns]
        with duckdb.connect(str(self.warehouse)) as connection:
            [(table,)] = connection.execute(
                "select concat(table_schema, '.', table_name) from information_schema.tables "
                "where table_name = 'campaigns'"
            ).fetchall()
            connection.execute(f"delete from {table}")
            for row in rows:
                places = ", ".join("?" for _ in row)
                connection.execute(
                    f"insert into {table} ({', '.join(row)}) values ({places})", list(row.values())
                )

    @staticmethod
    def passers_by() -> Scene:
        """Somebody buys an hour before each plan: neither shop nor site has fallen silent."""
        scene = Scene("the_shop")
        who, mug = scene.who("passer-by"), scene.product("mug")
        for clock in CLOCKS:
            scene.bought(who, f"o-{clock:%m%d}", mug, clock - HOUR, as_guest=True)
            scene.event(None, "Page Viewed", clock - HOUR, device=f"passer-by-{clock:%m%d}")
        return scene

    def land(self, clock: datetime) -> None:
        """One batch of each stream of what happened by then."""
        streams: dict[tuple[str, str], list[tuple[str, str, str]]] = defaultdict(list)
        for scene in self.scenes:
            for at, vendor, stream, *record in [*scene.records, *scene.identifiers()]:
                if at == clock:
                    streams[vendor, stream].append((record[0], record[1], record[2]))
        for (vendor, stream), records in sorted(streams.items()):
            batch = f"{clock:%m%d}-{vendor}-{stream}"
            path = self.folder / f"{batch}.parquet"
            columns = dict(zip(RECORD, map(list, zip(*records, strict=True)), strict=True))
            size = len(records)
            moments = {
                "record_at": pa.nulls(size, pa.timestamp("us")),
                "landed_at": pa.array([clock] * size, pa.timestamp("us")),
            }
            more = {"seq": list(range(size)), "batch_id": [batch] * size}
            pq.write_table(pa.table({**columns, **more, **moments}), path)
            self.batches.append(_listed(batch, vendor, stream, clock, str(path)))

    def emit(self, clock: datetime) -> EmitResult:
        """Send both slices of the plan; what the ledger did with them."""
        snapshot = self.folder / f"{clock:%m%d}"
        snapshot.mkdir(exist_ok=True)
        for table in ("marts.audience_triggered", "marts.audience_mass", "seeds.contact_policy"):
            path = snapshot / f"{table.split('.')[1]}.parquet"
            with duckdb.connect(str(self.warehouse)) as connection:
                connection.execute(f"copy (from {table}) to '{path}' (format parquet)")
        done = [
            emit(
                self.ledger, snapshot, f"run-{clock:%m%d}", audience, {"file": self.sent},
                clock=lambda: clock.replace(tzinfo=UTC),
            )
            for audience in ("triggered", "mass")
        ]  # fmt: skip
        return EmitResult(
            reserved=sum(each.reserved for each in done),
            absorbed=sum(each.absorbed for each in done),
            refused=done[0].refused | done[1].refused,
        )

    def land_messages(self, clock: datetime) -> None:
        """What the ledger did flows back, as after each run."""
        spec = registry.source(self.settings.source(LEDGER_SOURCE).vendor)
        landed = land(
            spec, spec.stream("messages"), LEDGER_SOURCE, self.settings,
            LedgerManifest(self.ledger), Lake(self.settings.lake_root), clock.replace(tzinfo=UTC),
        )  # fmt: skip
        for batch in landed.batches:
            place = Lake(self.settings.lake_root).url(batch.path)
            self.batches.append(_listed(batch.batch_id, "parley", batch.stream, clock, place))


def _listed(batch: str, vendor: str, stream: str, clock: datetime, path: str) -> dict[str, str]:
    return {
        "batch_id": batch, "vendor": vendor, "source_id": vendor, "id_space": "main",
        "stream": stream, "landed_at": z(clock), "path": path,
    }  # fmt: skip
