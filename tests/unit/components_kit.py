"""Random graphs, the macro that finds their components, and a union-find to say which those are."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

PROJECT = Path(__file__).parents[2] / "dbt_project"
GRAPHS = 200
EDGES = (
    "{{{{ config(materialized='table') }}}} select * from (values {rows}) as v (node_id, other_id)"
)
LABELS = """
{{ config(materialized="table") }}
{% set labels = component_labels(ref("edges")) %}
select node_id, label from {{ labels }}
"""


def graphs() -> list[tuple[str, str]]:
    """Edges, once each, of sparse random graphs and of a long path, whose ids say nothing."""
    dice = random.Random(5)
    edges = set()
    for graph in range(GRAPHS):
        nodes = [f"{dice.randrange(16**6):06x}-{graph}" for _ in range(dice.randint(2, 12))]
        for _ in range(dice.randint(1, len(nodes))):
            a, b = dice.sample(nodes, 2)
            edges.add((min(a, b), max(a, b)))
    path = [f"{dice.randrange(16**6):06x}-path" for _ in range(300)]
    return sorted(edges | {(min(p), max(p)) for p in pairwise(path)})


def union_find(edges: list[tuple[str, str]]) -> dict[str, str]:
    """The least node of each node's component."""
    parent = {node: node for edge in edges for node in edge}

    def root(node: str) -> str:
        while parent[node] != node:
            node = parent[node]
        return node

    for a, b in edges:
        ends = sorted((root(a), root(b)))
        parent[ends[1]] = ends[0]
    return {node: root(node) for node in parent}


def labels(folder: Path, environment: dict[str, str]) -> dict[str, str]:
    """What the macro finds on an engine, in a project of its own."""
    both = [pair for edge in graphs() for pair in (edge, edge[::-1])]
    project = folder / "project"
    (project / "models").mkdir(parents=True)
    rows = ", ".join(f"('{a}', '{b}')" for a, b in both)
    (project / "models/edges.sql").write_text(EDGES.format(rows=rows))
    (project / "models/labels.sql").write_text(LABELS)
    (project / "dbt_project.yml").write_text(
        f"name: parley\nprofile: parley\nmacro-paths: ['{PROJECT / 'macros'}']\n"
        "model-paths: [models]\nmodels: {parley: {+schema: intermediate}}\n"
    )
    _dbt(project, environment, "run")
    shown = _dbt(
        project, environment, "show", "--inline", "select * from {{ ref('labels') }}",
        "--limit", "-1", "--output", "json",
    )  # fmt: skip
    found = json.loads(shown[shown.index("{") :])["show"]
    return {row["node_id"]: row["label"] for row in found}


def _dbt(project: Path, environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [Path(sys.executable).with_name("dbt"), "--quiet", *arguments, "--project-dir", project,
         "--profiles-dir", PROJECT, "--target-path", project, "--log-path", project],
        env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout
