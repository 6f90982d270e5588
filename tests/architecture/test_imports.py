"""Who may import whom, and the limits of size: the contracts hold, and each one can fail."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.core import registry

ROOT = Path(__file__).parents[2]
PACKAGES = ("flows", "expectations", "connectors")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
FLOWS = sorted((ROOT / "flows").rglob("*.py"))
MOST_LINES, MOST_FUNCTION_LINES = 250, 30

LAYERS = "flows over expectations over the connectors' core"
NEIGHBOURS = "sources, destinations, ledger and demo never meet; all stand on the core"
GATES = "quality gates know the core alone"
VENDORS = "vendors never import each other"
PREFECT = "only flows know Prefect"
HTTP = "only connectors speak HTTP"

# What is added to which file, and the contract that has to notice.
FORBIDDEN = [
    ("connectors/core/plan.py", "import flows.run", LAYERS),
    ("connectors/ledger/runs.py", "import expectations.gate", LAYERS),
    ("expectations/gate.py", "import flows.summary", LAYERS),
    ("connectors/core/plan.py", "import connectors.sources.segment", NEIGHBOURS),
    ("connectors/core/lake.py", "import connectors.ledger.manifest", NEIGHBOURS),
    ("connectors/sources/ledger.py", "import connectors.ledger.models", NEIGHBOURS),
    ("connectors/demo/shop.py", "import connectors.destinations.file", NEIGHBOURS),
    ("expectations/gate.py", "import connectors.ledger.runs", GATES),
    ("expectations/landing.py", "from connectors.demo import DEMO_AS_OF", GATES),
    ("connectors/sources/segment.py", "import connectors.sources.database", VENDORS),
    ("connectors/destinations/bi.py", "import connectors.destinations.file", VENDORS),
    ("connectors/core/landing.py", "import prefect", PREFECT),
    ("expectations/docs.py", "from prefect.artifacts import create_link_artifact", PREFECT),
    ("flows/status.py", "import requests", HTTP),
    ("expectations/engine.py", "import requests", HTTP),
]
SQL = re.compile(r"\s*(select|with|insert|update|delete|create)\s", re.IGNORECASE)
HTTP_CLIENTS = {"requests", "httpx", "aiohttp", "urllib3", "urllib.request", "http.client"}
# Waits until the server that it has started on this machine answers.
ASKS_ITS_OWN_SERVER = {"ui.py": {"urllib.request"}}
TOP_LEVEL = {
    *("flows", "dbt_project", "connectors", "expectations", "tests"),
    *("prefect.yaml", "README.md", "pyproject.toml", "uv.lock", "Makefile"),
    *("LICENSE", "CHANGELOG.md"),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check a tree against the contracts of the pyproject.toml that it holds."""
    # The tool's own script would put the folder of this environment's sources first.
    code = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command"
    return subprocess.run(
        [sys.executable, "-c", f"{code}; lint_imports_command()", "--no-cache", "--no-logo"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def broken(done: subprocess.CompletedProcess[str]) -> set[str]:
    return set(re.findall(r"^(.+) BROKEN", done.stdout, flags=re.MULTILINE))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages that a test may spoil."""
    folder = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "data")
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def documentation(tree: ast.AST) -> set[int]:
    """The ids of the nodes that are docstrings."""
    return {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and ast.get_docstring(node) is not None
        and isinstance(node.body[0], ast.Expr)
    }


def texts(tree: ast.AST) -> Iterator[str]:
    """The string literals of a tree; of an f-string, its fixed parts."""
    skipped = documentation(tree)
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in skipped:
            yield node.value


def conditions(tree: ast.AST) -> Iterator[ast.AST]:
    """What a tree asks before it does something."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.IfExp | ast.While | ast.Assert):
            yield node.test
        elif isinstance(node, ast.comprehension):
            yield from node.ifs
        elif isinstance(node, ast.match_case):
            yield node.pattern
        elif isinstance(node, ast.Compare):
            yield node


def test_every_import_contract_holds_and_each_has_a_case_below() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    names = {contract["name"] for contract in contracts["contracts"]}
    assert names == {contract for _, _, contract in FORBIDDEN}
    assert set(re.findall(r"^(.+) KEPT", done.stdout, flags=re.MULTILINE)) == names


@pytest.mark.parametrize(
    ("file", "line", "contract"), FORBIDDEN, ids=[f"{f}-{line}" for f, line, _ in FORBIDDEN]
)
def test_a_forbidden_import_breaks_its_contract(
    tree: Path, file: str, line: str, contract: str
) -> None:
    path = tree / file
    clean = path.read_text()
    try:
        path.write_text(f"{clean}\n\ndef _late():\n    {line}\n")
        done = lint(tree)
    finally:
        path.write_text(clean)
    assert done.returncode != 0, done.stdout
    assert contract in broken(done), done.stdout


def test_only_flows_import_prefect() -> None:
    users = {
        path.relative_to(ROOT).parts[0]
        for path in FILES
        if any(name.split(".")[0] in {"prefect", "prefect_dbt"} for name in imported(path))
    }
    assert users == {"flows"}


@pytest.mark.parametrize("path", FLOWS, ids=lambda p: p.stem)
def test_flows_hold_no_sql(path: Path) -> None:
    found = [text for text in texts(ast.parse(path.read_text())) if SQL.match(text)]
    assert not found


@pytest.mark.parametrize("path", FLOWS, ids=lambda p: p.stem)
def test_flows_hold_no_http_client(path: Path) -> None:
    found = set(imported(path)) & HTTP_CLIENTS
    assert found <= ASKS_ITS_OWN_SERVER.get(path.name, set())


@pytest.mark.parametrize("path", FLOWS, ids=lambda p: p.stem)
def test_flows_ask_for_no_vendor_in_a_condition(path: Path) -> None:
    vendors = {*registry.known_sources(), *registry.known_destinations()}
    assert {"database", "segment", "file"} <= vendors
    asked = conditions(ast.parse(path.read_text()))
    assert not [text for condition in asked for text in texts(condition) if text in vendors]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_functions_are_short(path: Path) -> None:
    """A function's docstring is not counted: what it must say there should not make it shorter."""
    text = path.read_text()
    assert text.count("\n") <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            told = first.end_lineno - first.lineno + 1 if ast.get_docstring(node) else 0
            lines = node.end_lineno - node.lineno + 1 - told
            assert lines <= MOST_FUNCTION_LINES, f"{node.name} has {lines} lines"


def test_the_top_level_holds_only_the_fixed_names() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git clone")
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    names = {Path(name).parts[0] for name in listed}
    assert {name for name in names if not name.startswith(".")} <= TOP_LEVEL
    assert names >= {"flows", "dbt_project", "connectors", "expectations", "README.md"}
