"""Components of random graphs and of a long path are a union-find's on the cluster too."""

from __future__ import annotations

from tests.unit.components_kit import graphs, labels, union_find


def test_components_are_those_of_a_union_find(tmp_path, on_cluster):
    assert labels(tmp_path, on_cluster) == union_find(graphs())
