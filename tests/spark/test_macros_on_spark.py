"""The macros that differ between engines give the same on the cluster."""

from __future__ import annotations

from tests.unit.macros_kit import expected, values


def test_engine_macros_give_what_the_models_rely_on(tmp_path, on_cluster):
    assert values(tmp_path, on_cluster) == expected()
