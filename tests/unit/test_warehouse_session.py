"""Talking to a Thrift server: what goes wrong is told in our own words, with a remedy."""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from dbt.config.renderer import ProfileRenderer
from dbt_common.context import set_invocation_context
from pydantic import SecretStr

from connectors.core import warehouse
from connectors.core.errors import FixConfig, RetryLater, StopRun
from connectors.core.settings import Settings
from connectors.core.warehouse import spark_session
from connectors.core.warehouse.spark_session import Session
from flows.versions import DBT_PROJECT

CANARY = "c4nary"
needs_extra = pytest.mark.skipif(
    find_spec("pyhive") is None, reason="the extra `spark` is not installed"
)


@pytest.fixture
def settings(own_settings: Settings) -> Settings:
    return own_settings.model_copy(update={"warehouse": "spark", "spark_user": "ada"})


@contextmanager
def server(*answer: bytes) -> Iterator[int]:
    """Listens on loopback, answers the first caller so, and hangs up when the caller does."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            caller, _ = listening.accept()
            with caller:
                for part in answer:
                    caller.sendall(part)
                    caller.shutdown(socket.SHUT_WR)
                while caller.recv(1000):
                    pass

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(timeout=10)
        assert not thread.is_alive()


def sasl(status: int, words: bytes) -> bytes:
    return struct.pack(">BI", status, len(words)) + words


@pytest.mark.parametrize("missing", ["pyhive.hive", "thrift.Thrift"])
def test_without_the_extra_it_says_how_to_install_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(FixConfig, match=r"uv sync --extra spark.*parley\[spark\]"):
        warehouse.exists(settings)


@needs_extra
def test_a_server_that_is_away_is_tried_again_later(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    away = settings.model_copy(update={"spark_port": port})
    for ask in (warehouse.exists, warehouse.drop):
        with pytest.raises(RetryLater, match=rf"127\.0\.0\.1:{port}.*PARLEY_SPARK_HOST"):
            ask(away)


@needs_extra
def test_a_server_that_is_silent_is_not_waited_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark_session, "OPENS_WITHIN_SECONDS", 0.2)
    with server() as port, pytest.raises(RetryLater, match="does not answer"):
        warehouse.exists(settings.model_copy(update={"spark_port": port}))


@needs_extra
@pytest.mark.parametrize("password", [None, CANARY])
def test_the_user_and_the_password_are_those_of_the_settings(
    settings: Settings, password: str | None
) -> None:
    secret = SecretStr(password) if password else None
    ours = settings.model_copy(update={"spark_password": secret})
    hive = pytest.importorskip("pyhive.hive")
    sent = spark_session._credentials(hive, ours).start("PLAIN")[2]
    assert sent.split(b"\0")[1:] == [b"ada", (password or "none").encode()]


@needs_extra
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (sasl(3, f"Error validating the login of {CANARY}".encode()), FixConfig),
        (sasl(4, CANARY.encode()), FixConfig),
        (b"", RetryLater),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", RetryLater),
    ],
)
def test_a_refusal_and_a_server_of_another_kind_are_told_apart(
    settings: Settings, answer: bytes, error: type[Exception]
) -> None:
    with server(answer) as port:
        update = {"spark_port": port, "spark_password": SecretStr(CANARY)}
        with pytest.raises(error) as raised:
            warehouse.exists(settings.model_copy(update=update))
    assert raised.value.__suppress_context__
    assert CANARY not in str(raised.value)
    assert ("PARLEY_SPARK_PASSWORD" in str(raised.value)) is (error is FixConfig)


def answered(
    monkeypatch: pytest.MonkeyPatch, raised: Exception | None
) -> tuple[Session, dict[str, Any]]:
    """A session of a server that fails every statement so, and what it was asked to open."""
    asked: dict[str, Any] = {}

    def execute(_sql: str) -> None:
        if raised is not None:
            raise raised

    def connect(**options: Any) -> SimpleNamespace:
        asked.update(options)
        cursor = SimpleNamespace(execute=execute, close=lambda: None, description=None)
        return SimpleNamespace(cursor=lambda: cursor, close=lambda: execute("close"))

    monkeypatch.setattr("pyhive.hive.connect", connect)
    with server() as port:
        settings = Settings(warehouse="spark", spark_user="ada", spark_port=port)
        session = Session(settings)
        asked.pop("thrift_transport").close()
    return session, asked


@needs_extra
@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (f"Error running query: [CAST_INVALID_INPUT] The value '{CANARY}'", "CAST_INVALID_INPUT"),
        (f"[TABLE_OR_VIEW_NOT_FOUND] {CANARY}", "TABLE_OR_VIEW_NOT_FOUND"),
        (f"{CANARY} [{CANARY.upper()}]", "OperationalError"),
        (None, "OperationalError"),
    ],
)
def test_a_statement_that_fails_stops_the_run_and_shows_no_value(
    monkeypatch: pytest.MonkeyPatch, words: str | None, kind: str
) -> None:
    exc = pytest.importorskip("pyhive.exc")
    status = SimpleNamespace(errorMessage=words)
    session, _ = answered(monkeypatch, exc.OperationalError(SimpleNamespace(status=status)))
    with pytest.raises(StopRun) as raised:
        session.rows("select 1", "marts.orders")
    assert str(raised.value).startswith(f"the table cannot be written: {kind} (marts.orders). ")
    assert CANARY not in str(raised.value).lower()
    assert raised.value.__suppress_context__


@needs_extra
def test_a_server_that_goes_away_is_tried_again_later_and_closes_quietly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session, _ = answered(monkeypatch, BrokenPipeError(CANARY))
    with pytest.raises(RetryLater, match="does not answer"):
        session.rows("select 1", "marts.orders")
    session.close()


@needs_extra
def test_a_session_runs_in_utc_as_its_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server ignores settings whose name does not begin so."""
    _, asked = answered(monkeypatch, None)
    assert asked["username"] == "ada"
    assert asked["configuration"]["set:spark.sql.session.timeZone"] == "UTC"
    assert all(name.startswith("set:") for name in asked["configuration"])


@pytest.mark.parametrize("password", [None, "", CANARY])
def test_dbt_talks_to_the_same_server_with_the_same_rights(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, password: str | None
) -> None:
    update = {
        "spark_host": "spark.example.com",
        "spark_port": 10001,
        "spark_password": None if password is None else SecretStr(password),
        "schema_prefix": "eu",
    }
    environment = warehouse.dbt_environment(settings.model_copy(update=update))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    set_invocation_context(os.environ)
    profile = yaml.safe_load((DBT_PROJECT / "profiles.yml").read_text())["parley"]
    renderer = ProfileRenderer({})
    assert renderer.render_value(profile["target"]) == "spark"
    output = renderer.render_data(profile["outputs"]["spark"])
    assert (output["host"], output["port"], output["user"]) == ("spark.example.com", 10001, "ada")
    expected = ("LDAP", CANARY) if password else ("NONE", None)
    assert (output["auth"], output["password"]) == expected
    assert environment["PARLEY_DBT_SCHEMA_PREFIX"] == "eu"
    # dbt scrubs from its logs what comes by a variable of this name.
    secret = [name for name, value in environment.items() if value == CANARY]
    assert all(name.startswith("DBT_ENV_SECRET_") for name in secret)
    # A second installation in this process must not find the first one's password.
    assert {"PARLEY_SPARK_AUTH", "DBT_ENV_SECRET_SPARK_PASSWORD"} <= environment.keys()
    others = warehouse.dbt_environment(settings.model_copy(update={"warehouse": "duckdb"}))
    assert others["PARLEY_WAREHOUSE_PATH"] == str(settings.warehouse_path)
