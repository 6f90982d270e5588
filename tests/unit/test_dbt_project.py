"""The architecture of the dbt project: who may read whom, what every model must say of itself."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[2] / "dbt_project"
MODELS = sorted((PROJECT / "models").rglob("*.sql"))
MACROS = sorted((PROJECT / "macros").rglob("*.sql"))
TESTS = sorted((PROJECT / "tests").rglob("*.sql"))
MOST_LINES = 100
# Their lists of columns are as long as the Segment spec is wide; it lists every programme there is.
LONGER = {
    "stg_segment__events": 130,
    "stg_ga4__events": 145,
    "stg_posthog__events": 150,
    "stg_snowplow__events": 135,
    "int_web_events": 138,
    "candidates": 130,
}

CLOCKS = re.compile(
    r"\b(current_(timestamp|date|time)|now|getdate|sysdate|today|localtimestamp)\b", re.IGNORECASE
)
ENGINE_WORDS = re.compile(
    r"(?<![.\w])(asof join|arg_max|arg_min|json_\w+|json\(|unnest|explode|generate_series|"
    r"epoch\w*|read_\w+|list_\w+|"
    r"string_agg|array_agg|strftime|strptime|to_json|from_json|try_cast|sha256|make_timestamp\w*|"
    r"at time zone|exclude|varchar|double|pg_\w+)\b|->>|::",
    re.IGNORECASE,
)
# Read by the tests below as layer -> layers that its models may ref.
MAY_REF = {
    "staging": {"staging", "seeds"},
    "intermediate": {"staging", "intermediate", "segments", "marts", "seeds"},
    "marts": {"staging", "intermediate", "marts", "seeds"},
    "segments": {"intermediate", "marts", "seeds"},
    "calibration": {"intermediate", "marts", "calibration", "seeds"},
    "programmes": {"intermediate", "marts", "seeds"},
    "decisions": {"intermediate", "marts", "programmes", "decisions", "seeds"},
}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What dbt makes of the project, parsed without a warehouse."""
    target = tmp_path_factory.mktemp("dbt")
    dbt = Path(sys.executable).with_name("dbt")
    done = subprocess.run(
        [dbt, "--no-use-colors", "parse", "--project-dir", PROJECT, "--profiles-dir", PROJECT,
         "--target-path", target, "--log-path", target],
        env={**os.environ, "PARLEY_WAREHOUSE_PATH": str(target / "none.duckdb")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert "WARNING" not in done.stdout.upper(), done.stdout[-3000:]
    parsed: dict[str, Any] = json.loads((target / "manifest.json").read_text())
    return parsed


@pytest.fixture(scope="module")
def models(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [n for n in manifest["nodes"].values() if n["resource_type"] == "model"]


def layer(node: dict[str, Any]) -> str:
    """The layer that a node belongs to, by its folder."""
    return "seeds" if node["resource_type"] == "seed" else str(node["fqn"][1])


def union_of(kind: str) -> str:
    """The one reader of a kind of record: int_order_versions for orders."""
    return f"int_{re.sub('ies$', 'y', kind).removesuffix('s')}_versions"


def code(path: Path) -> str:
    """The text without its comments and quoted words: what an engine would run."""
    text = re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.DOTALL)
    return re.sub(r"--.*", "", text)


def seed(name: str) -> list[dict[str, str]]:
    with (PROJECT / "seeds" / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def key_tests(manifest: dict[str, Any], unique_id: str) -> set[str]:
    """The kinds of test on a node that make a key: unique_together, or unique and not_null."""
    tests = [t for t in manifest["nodes"].values() if t.get("attached_node") == unique_id]
    names: dict[str, set[str]] = {}
    for test in tests:
        names.setdefault(test["column_name"] or "", set()).add(test["test_metadata"]["name"])
    return {
        n
        for found in names.values()
        for n in found
        if n == "unique_together" or {"unique", "not_null"} <= found
    }


def test_only_staging_reads_the_lake() -> None:
    readers = {
        p.relative_to(PROJECT / "models").parts[0]
        for p in MODELS
        if re.search(r"\blake\(", code(p))
    }
    assert readers == {"staging"}


def test_no_model_names_a_table_or_a_source_of_its_own(manifest: dict[str, Any]) -> None:
    assert not manifest["sources"]
    for path in MODELS:
        named = re.findall(r"\b(?:from|join) +(?!\{\{)(\w+)\.\w+", code(path))
        assert not named, f"{path.name} reads {named} without ref()"


def test_layers_ref_only_what_lies_below(
    manifest: dict[str, Any], models: list[dict[str, Any]]
) -> None:
    for model in models:
        for ref in model["depends_on"]["nodes"]:
            assert layer(manifest["nodes"][ref]) in MAY_REF[layer(model)], (
                f"{model['name']} refs {ref}"
            )


def test_only_the_unions_and_the_rejects_read_a_vendors_staging(
    manifest: dict[str, Any], models: list[dict[str, Any]]
) -> None:
    """A vendor's model may explode a list of its own orders; our own streams have theirs."""
    own = {
        "stg_parley__identifiers": {"int_identifiers", "int_identifier_changes"},
        "stg_parley__messages": {"int_ledger_messages"},
        "stg_parley__cuts": {"int_identity_cuts"},
        "stg_parley__erasures": {"int_erased_nodes"},
        "stg_parley__weights": {"int_weights"},
    }
    for model in models:
        for ref in model["depends_on"]["nodes"]:
            read = manifest["nodes"][ref]
            if read["name"].startswith("stg_") and model["name"] != "rejects":
                vendor, kind = read["name"].removeprefix("stg_").split("__")
                readers = own.get(read["name"], {union_of(kind)})
                is_same_vendor = model["name"].startswith(f"stg_{vendor}__")
                assert is_same_vendor or model["name"] in readers, (
                    f"{model['name']} refs {read['name']}"
                )


def test_every_staged_model_is_in_its_union_and_in_the_rejects(
    models: list[dict[str, Any]],
) -> None:
    staged = {m["unique_id"]: m["name"] for m in models if m["name"].startswith("stg_")}
    nodes = {m["name"]: set(m["depends_on"]["nodes"]) for m in models}
    assert set(staged) <= nodes["rejects"]
    for unique_id, name in staged.items():
        vendor, kind = name.removeprefix("stg_").split("__")
        assert vendor == "parley" or unique_id in nodes[union_of(kind)], name


def test_a_vendors_staging_lies_in_a_folder_of_its_name() -> None:
    """A run builds the folders of the vendors that it has something new of."""
    for path in (PROJECT / "models" / "staging").rglob("stg_*.sql"):
        assert path.stem.startswith(f"stg_{path.parent.name}__"), path.name


def test_every_model_tells_its_grain(models: list[dict[str, Any]]) -> None:
    mute = [m["name"] for m in models if not re.search(r"\bone row per \w", m["description"])]
    assert not mute


# The same may be there twice, and counts twice; what is made of it has a key.
SUMMED_LATER = {
    "int_category_changes", "int_order_signals", "int_signal_changes", "int_web_signals",
}  # fmt: skip


def test_every_model_and_seed_has_a_tested_key(
    manifest: dict[str, Any], models: list[dict[str, Any]]
) -> None:
    seeds = [n for n in manifest["nodes"].values() if n["resource_type"] == "seed"]
    for node in [*models, *seeds]:
        if re.fullmatch(r"int_\w+_versions", node["name"]):  # tested where their rows lie
            continue
        if node["name"] in SUMMED_LATER:
            continue
        assert key_tests(manifest, node["unique_id"]), f"{node['name']} has no key test"


def test_every_seed_fixes_its_types(manifest: dict[str, Any]) -> None:
    for node in manifest["nodes"].values():
        if node["resource_type"] == "seed":
            columns = seed(node["name"])[0].keys()
            types = node["config"]["column_types"]
            assert set(types) == set(columns), node["name"]
            assert not {"double", "float", "real"} & {t.lower() for t in types.values()}, node[
                "name"
            ]


def test_every_mart_is_a_contract_and_has_an_exposure(
    manifest: dict[str, Any], models: list[dict[str, Any]]
) -> None:
    exposed = {ref for e in manifest["exposures"].values() for ref in e["depends_on"]["nodes"]}
    for model in models:
        if model["schema"] == "marts":
            assert model["unique_id"] in exposed, f"{model['name']} has no exposure"
            assert model["config"]["contract"]["enforced"], f"{model['name']} has no contract"


def test_every_column_of_a_mart_is_described(models: list[dict[str, Any]]) -> None:
    for model in models:
        if model["schema"] == "marts":
            assert not [c for c, d in model["columns"].items() if not d["description"]], model[
                "name"
            ]


@pytest.mark.parametrize("path", [*MODELS, *MACROS, *TESTS], ids=lambda p: p.stem)
def test_nothing_reads_a_clock(path: Path) -> None:
    assert not CLOCKS.search(code(path))


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_model_is_short_ends_in_its_final_step_and_speaks_no_engines_dialect(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= LONGER.get(path.stem, MOST_LINES)
    assert text.rstrip().endswith("select * from final")
    assert not ENGINE_WORDS.findall(re.sub(r"\{\{.*?\}\}|'[^']*'", "", code(path), flags=re.DOTALL))


@pytest.mark.parametrize(
    "path", [p for p in MACROS if p.parent.name != "engine"], ids=lambda p: p.stem
)
def test_engines_differ_in_dispatched_macros_only(path: Path) -> None:
    text = re.sub(r"\{% macro duckdb__.*?\{%- endmacro %\}", "", code(path), flags=re.DOTALL)
    assert not ENGINE_WORDS.findall(text)


def test_every_dispatched_macro_has_its_engines_version() -> None:
    text = "\n".join(code(p) for p in MACROS)
    dispatched = set(re.findall(r"adapter\.dispatch\(\"(\w+)\"\)", text))
    for engine in ("duckdb", "spark"):
        assert dispatched == set(re.findall(rf"macro (?:{engine}|default)__(\w+)\(", text)), engine


def test_every_programme_is_a_model_a_line_in_proposals_and_has_steps() -> None:
    names = [row["programme"] for row in seed("programmes")]
    kinds = {p.stem: p.parent.name for p in (PROJECT / "models" / "programmes").rglob("*.sql")}
    proposals = (PROJECT / "models" / "decisions" / "int_proposals.sql").read_text()
    listed = re.search(r"set programmes = \[(.*?)\]", proposals, flags=re.DOTALL)
    assert listed
    assert sorted(re.findall(r'"(\w+)"', listed.group(1))) == sorted(names)
    assert kinds == {row["programme"]: row["kind"] for row in seed("programmes")}
    first = {r["programme"]: r["wait_minutes"] for r in seed("programme_steps") if r["step"] == "1"}
    assert first == {row["programme"]: row["wait_minutes"] for row in seed("programmes")}


def test_every_gate_is_a_model_and_every_cap_and_gate_can_be_put_into_words() -> None:
    gates = [row["gate"] for row in seed("gates")]
    assert {p.stem for p in MODELS if p.stem.startswith("gate_")} == {f"gate_{g}" for g in gates}
    assert [int(row["gate_no"]) for row in seed("gates")] == list(range(1, 12))
    said = {(row["gate"], row["reason"]) for row in seed("reasons")}
    assert {gate for gate, _ in said} == set(gates)
    caps = {row["rule"] for row in seed("contact_policy") if row["max_messages"]}
    assert caps <= {reason for gate, reason in said if gate == "caps"}


def test_all_programmes_promise_the_same_columns_in_the_same_order(
    models: list[dict[str, Any]],
) -> None:
    """int_proposals.sql puts them one under the other; a contract is what dbt holds them to."""
    programmes = [m for m in models if layer(m) == "programmes"]
    assert all(m["config"]["contract"]["enforced"] for m in programmes)
    assert (
        len({tuple((c, d["data_type"]) for c, d in m["columns"].items()) for m in programmes}) == 1
    )
