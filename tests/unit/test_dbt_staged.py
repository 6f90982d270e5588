"""Every vendor's staging gives the same columns: those of its kind's union, in their types."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

PROJECT = Path(__file__).parents[2] / "dbt_project"
STAGED = sorted(p.stem for p in (PROJECT / "models" / "staging").rglob("stg_*.sql"))
CANONICAL = [name for name in STAGED if not name.startswith("stg_parley__")]
# What staging has beside them; the union has the readable alone.
BESIDE = {"reject_reason": "VARCHAR", "payload": "VARCHAR"}


@pytest.fixture(scope="module")
def columns(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Model -> its columns and their types, on an empty warehouse."""
    folder = tmp_path_factory.mktemp("staged")
    warehouse = folder / "empty.duckdb"
    done = subprocess.run(
        [Path(sys.executable).with_name("dbt"), "--no-use-colors", "--quiet", "build",
         "--exclude-resource-type", "test", "unit_test",
         "--select", "path:models/staging", "path:seeds", "int_*_versions",
         "--project-dir", PROJECT, "--profiles-dir", PROJECT,
         "--target-path", folder, "--log-path", folder, "--vars", '{"batches": []}'],
        env={**os.environ, "PARLEY_WAREHOUSE_PATH": str(warehouse)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    found: dict[str, dict[str, str]] = {}
    with duckdb.connect(str(warehouse)) as connection:
        for table, column, kind in connection.execute(
            "select table_name, column_name, data_type from information_schema.columns"
        ).fetchall():
            found.setdefault(table, {})[column] = kind
    return found


@pytest.mark.parametrize("name", CANONICAL)
def test_a_vendors_records_have_the_columns_of_their_kind(
    columns: dict[str, dict[str, str]], name: str
) -> None:
    """A list that another model of the vendor explodes may stand beside them."""
    kind = name.split("__")[1]
    one = f"{kind.removesuffix('ies')}y" if kind.endswith("ies") else kind.removesuffix("s")
    union = columns[f"int_{one}_versions"]
    own = {c: t for c, t in columns[name].items() if not t.endswith("[]")}
    assert own == {**union, **BESIDE}


def test_a_kind_that_no_vendor_gives_is_typed_all_the_same(
    columns: dict[str, dict[str, str]],
) -> None:
    carts, orders = columns["int_cart_versions"], columns["int_order_versions"]
    assert {c: t for c, t in carts.items() if c in orders} == {
        c: t for c, t in orders.items() if c in carts
    }
    assert (carts["changed_at"], carts["status"]) == ("TIMESTAMP", "VARCHAR")
