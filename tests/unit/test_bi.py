"""The BI copy: no addresses, swapped in whole, readers neither block nor are blocked."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import duckdb
import pytest

from connectors.core.errors import StopRun
from connectors.destinations import bi

if TYPE_CHECKING:
    from pathlib import Path

READER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
for line in sys.stdin:
    print(connection.execute("select max(order_key) from marts.orders").fetchone()[0], flush=True)
"""


def snapshot(folder: Path, order: str) -> Path:
    folder.mkdir()
    tables = {
        "orders": f"select '{order}' as order_key",
        "messages": "select 'k1' as message_key, 'reserved' as state",
        "audience_mass": "select 'k1' as message_key, 'canary@example.com' as address, 'n1' as"
        " address_node",
    }
    for name, query in tables.items():
        duckdb.execute(f"copy ({query}) to '{folder / name}.parquet' (format parquet)")
    return folder


def rows(path: Path, query: str) -> list[tuple[str, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_the_copy_has_every_table_and_no_address(tmp_path: Path) -> None:
    path = tmp_path / "bi" / "parley.duckdb"
    counts = bi.publish(snapshot(tmp_path / "r1", "o1"), path)
    assert counts == {"audience_mass": 1, "messages": 1, "orders": 1}
    assert rows(path, "from marts.audience_mass") == [("k1", "n1")]
    assert b"canary" not in path.read_bytes()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_messages_after_emission_stand_in_for_those_of_the_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "parley.duckdb"
    fresh = tmp_path / "elsewhere" / "m.parquet"
    fresh.parent.mkdir()
    duckdb.execute(f"copy (select 'k1' as message_key, 'accepted' as state) to '{fresh}'")
    bi.publish(snapshot(tmp_path / "r1", "o1"), path, replace={"messages": fresh})
    assert rows(path, "select state from marts.messages") == [("accepted",)]


def test_a_reader_keeps_its_copy_and_a_new_one_sees_the_new_run(tmp_path: Path) -> None:
    path = tmp_path / "parley.duckdb"
    bi.publish(snapshot(tmp_path / "r1", "o1"), path)
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert ask(reader) == "o1"
        bi.publish(snapshot(tmp_path / "r2", "o2"), path)
        assert ask(reader) == "o1"
        assert rows(path, "select order_key from marts.orders") == [("o2",)]
        assert ask(reader) == "o1"


def test_a_damaged_snapshot_leaves_the_copy_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "parley.duckdb"
    bi.publish(snapshot(tmp_path / "r1", "o1"), path)
    before = path.read_bytes()
    damaged = snapshot(tmp_path / "r2", "o2")
    (damaged / "orders.parquet").write_bytes(b"PAR1 canary@example.com")
    with pytest.raises(StopRun) as caught:
        bi.publish(damaged, path)
    assert "canary" not in str(caught.value)
    assert path.read_bytes() == before
    assert not list(tmp_path.glob(".parley*"))


def test_a_log_of_a_tool_that_wrote_to_the_old_copy_is_not_replayed(tmp_path: Path) -> None:
    path = tmp_path / "parley.duckdb"
    bi.publish(snapshot(tmp_path / "r1", "o1"), path)
    assert path.stat().st_mode & 0o222 == 0
    (tmp_path / "parley.duckdb.wal").write_bytes(b"left over")
    bi.publish(snapshot(tmp_path / "r2", "o2"), path)
    assert rows(path, "select order_key from marts.orders") == [("o2",)]


def ask(reader: subprocess.Popen[str]) -> str:
    assert reader.stdin is not None
    assert reader.stdout is not None
    reader.stdin.write("?\n")
    reader.stdin.flush()
    return reader.stdout.readline().strip()
