"""A setting may name a block of Prefect's instead of holding a secret."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.core import secret_blocks
from connectors.core.errors import FixConfig, RetryLater
from connectors.core.settings import Settings, get_settings

ROOT = Path(__file__).parents[2]
CANARY = "c4nary-from-a-block"
NAMES = {
    "PARLEY_DESTINATIONS__HUBSPOT__TOKEN": "hubspot-token",
    "PARLEY_SOURCES__SHOP__VENDOR": "",
    "PARLEY_SOURCES__SHOP__URL": "shop-url",
    "PARLEY_SMTP__PASSWORD": "smtp",
    "PARLEY_LEDGER_URL": "ledger",
    "PARLEY_HASH_KEY": "hash",
}


@pytest.fixture
def named(own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every kind of secret named by a block; the names that were read."""
    del own_settings
    for variable, name in NAMES.items():
        monkeypatch.setenv(variable, f"secret-block:{name}" if name else "database")
    get_settings.cache_clear()
    read: list[str] = []
    monkeypatch.setattr(secret_blocks, "_readers", [lambda name: read.append(name) or f"of {name}"])
    return read


def test_every_secret_setting_may_be_a_block_and_no_other_is_touched(named: list[str]) -> None:
    settings = get_settings()
    told = [
        settings.destinations["hubspot"].token, settings.sources["shop"].url,
        settings.smtp.password, settings.ledger_url, settings.hash_key,
    ]  # fmt: skip
    assert [each.get_secret_value() for each in told if each] == [
        "of hubspot-token", "of shop-url", "of smtp", "of ledger", "of hash",
    ]  # fmt: skip
    assert sorted(named) == sorted(filter(None, NAMES.values()))
    assert settings.sources["shop"].vendor == "database"
    assert "of hubspot" not in repr(settings)


def test_settings_without_a_block_are_the_same_object_and_nobody_is_asked() -> None:
    settings = Settings()
    assert secret_blocks.resolved(settings) is settings


def test_without_a_reader_or_a_secret_it_is_an_error_that_names_the_setting(
    named: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert named == []
    monkeypatch.setattr(secret_blocks, "_readers", [])
    with pytest.raises(FixConfig, match="PARLEY_LEDGER_URL"):
        get_settings()
    monkeypatch.setattr(secret_blocks, "_readers", [lambda _: ""])
    with pytest.raises(FixConfig, match="holds nothing"):
        get_settings()


FLOW = f"""
import logging, os, pathlib, sys
from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.blocks.system import Secret
from prefect.settings import PREFECT_HOME
from prefect.testing.utilities import prefect_test_harness
import flows
from connectors.core.errors import FixConfig
from connectors.core.settings import get_settings
from flows import deployments

@task
def inner(name: str) -> str:
    settings = get_settings()
    logging.getLogger("prefect.flow_runs").warning("%r %s", settings, settings.destinations)
    create_markdown_artifact(f"{{settings!r}}")
    return name

@flow
def outer(name: str = "hubspot") -> int:
    inner(name)
    return len(get_settings().destination(name).token.get_secret_value())

with prefect_test_harness(server_startup_timeout=120):
    Secret(value="{CANARY}").save("hubspot-token", _sync=True)
    assert outer() == {len(CANARY)}
    files = [path for path in pathlib.Path(os.environ["TMPDIR"]).rglob("*") if path.is_file()]
    told = [path for path in files if b"SecretStr" in path.read_bytes()]
    hits = [path for path in files if b"{CANARY}" in path.read_bytes()]
    print("SEARCHED", len(told), "HITS", hits)
    os.environ["PARLEY_DESTINATIONS__HUBSPOT__TOKEN"] = "secret-block:no-such"
    get_settings.cache_clear()
    try:
        get_settings()
    except FixConfig as error:
        print("REFUSED", error)
"""


def test_a_flow_reads_its_secrets_from_prefect_and_shows_them_nowhere(tmp_path: Path) -> None:
    """On a real server; its database, artifacts and logs are searched for the secret's bytes."""
    environment = {
        "HOME": str(tmp_path), "PREFECT_HOME": str(tmp_path / "prefect"), "TMPDIR": str(tmp_path),
        "PARLEY_HOME": str(tmp_path / "var"), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin",
        "PARLEY_DESTINATIONS__HUBSPOT__TOKEN": "secret-block:hubspot-token",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "parley", "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1", "KEEP": "1",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", FLOW], env=environment, cwd=tmp_path, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "REFUSED there is no such block" in done.stdout
    assert "secret/no-such" in done.stdout
    assert CANARY not in done.stdout + done.stderr
    # The server's database holds the artifact and the log: it is there, and the secret is not.
    assert re.search(r"SEARCHED [1-9]\d* HITS \[\]", done.stdout), done.stdout


def test_a_server_that_is_away_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    from flows import secrets  # noqa: PLC0415 - Prefect takes a while

    class Away:
        @classmethod
        async def aload(cls, _name: str) -> None:
            raise ConnectionError(CANARY)

    monkeypatch.setattr("prefect.blocks.system.Secret", Away)
    with pytest.raises(RetryLater) as raised:
        secrets.read("x")
    assert CANARY not in repr(raised.value)
    assert raised.value.__context__ is None
