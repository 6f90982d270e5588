"""The macros that differ between engines give what the models rely on, here on the one at hand."""

from __future__ import annotations

from macros_kit import expected, values


def test_engine_macros_give_what_the_models_rely_on(tmp_path) -> None:
    assert values(tmp_path, {"PARLEY_WAREHOUSE_PATH": str(tmp_path / "m.duckdb")}) == expected()
