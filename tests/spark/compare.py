"""Compare two published snapshots table by table: keys and words equal, numbers almost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

TOLERANCE = 1e-6
# Each run has its own.
OWN = {"run_id"}


@dataclass(frozen=True)
class Compared:
    """One table of both: how many rows each has, and in how many a column differs."""

    table: str
    rows: tuple[int, int]
    different: dict[str, int]

    @property
    def is_same(self) -> bool:
        return self.rows[0] == self.rows[1] and not self.different


def compare(one: Path, other: Path) -> list[Compared]:
    """Every table that either of two snapshots has."""
    tables = sorted({path.stem for folder in (one, other) for path in folder.glob("*.parquet")})
    return [
        _compare(table, one / f"{table}.parquet", other / f"{table}.parquet") for table in tables
    ]


def _compare(table: str, one: Path, other: Path) -> Compared:
    with duckdb.connect() as connection:
        files = [f"read_parquet('{path}', hive_partitioning = false)" for path in (one, other)]
        described = [
            {
                str(row[0]): str(row[1])
                for row in connection.execute(f"describe from {f}").fetchall()
            }
            for f in files
        ]
        types = described[0]
        if types != described[1]:
            odd = {*types.items()} ^ {*described[1].items()}
            return Compared(table, (-1, -1), {name: -1 for name, _ in odd})
        names = [name for name in types if name not in OWN]
        numbers = [name for name in names if types[name].startswith(("DECIMAL", "DOUBLE"))]
        order = ", ".join([*(n for n in names if n not in numbers), *numbers])
        counted = [connection.execute(f"select count(*) from {f}").fetchone()[0] for f in files]
        if counted[0] != counted[1]:
            return Compared(table, (counted[0], counted[1]), {})
        for name, file in zip("ab", files, strict=True):
            columns = ", ".join(f"{column} as {name}_{column}" for column in names)
            connection.execute(
                f"create table {name} as select {columns} from (select {order} from {file})"
                f" order by {', '.join(f'{name}_{column}' for column in order.split(', '))}"
            )
        tests = ", ".join(
            f"count(*) filter (where {_differs(column, column in numbers)})" for column in names
        )
        found = connection.execute(f"select {tests} from a positional join b").fetchone()
        different = {name: n for name, n in zip(names, found, strict=True) if n}
        return Compared(table, (counted[0], counted[1]), different)


def _differs(column: str, is_number: bool) -> str:  # noqa: FBT001
    a, b = f"a_{column}", f"b_{column}"
    if not is_number:
        return f"{a} is distinct from {b}"
    return f"({a} is null) <> ({b} is null) or abs({a} - {b}) > {TOLERANCE}"
