"""dbt under Prefect: what failed is named, what the engine quotes reaches no log."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from connectors.core.errors import StopRun
from flows import transform

CANARY = "c4nary"
log = logging.getLogger(transform.LOGGERS[0])
pytestmark = pytest.mark.filterwarnings("ignore:Logger 'prefect")  # no server hears it


def answering(monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
    def invoke(_: list[str]) -> object:
        log.error("Conversion Error: cannot cast '%s'", CANARY)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(transform, "PrefectDbtRunner", lambda **_: SimpleNamespace(invoke=invoke))


def failed(name: str) -> SimpleNamespace:
    nodes = [SimpleNamespace(node=SimpleNamespace(name=name), status="error", message=CANARY)]
    return SimpleNamespace(success=False, result=SimpleNamespace(results=nodes))


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (failed("orders"), "dbt could not build orders"),
        (ValueError(f"Failed to invoke dbt command 'build': {CANARY}"), "the project"),
        (SimpleNamespace(success=False, result=None), "the project"),
    ],
)
def test_what_failed_is_named_and_no_value_is_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, answer: object, what: str
) -> None:
    answering(monkeypatch, answer)
    with pytest.raises(StopRun, match=what) as raised:
        transform.as_tasks(["build"])
    assert CANARY not in f"{raised.value!r}{raised.value.__cause__!r}{raised.value.__context__!r}"
    assert CANARY not in caplog.text
    assert "Conversion Error: cannot cast …" in caplog.text
    assert log.filters == []


def test_what_went_well_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, SimpleNamespace(success=True))
    transform.as_tasks(["build"])


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        (f"can't cast '{CANARY}'", "can't cast …"),
        (f"cannot cast 'O'{CANARY}'", "cannot cast …"),
        (f"cannot cast \"{CANARY}\" and '{CANARY}'", "cannot cast … and …"),
        (f"cannot cast 'one\n{CANARY}' to INT32", "cannot cast … to INT32"),
        (f"duplicate key {CANARY}@example.com found", "duplicate key … found"),
    ],
)
def test_quoted_text_and_addresses_leave_an_error(
    caplog: pytest.LogCaptureFixture, said: str, logged: str
) -> None:
    with transform.values_hidden():
        log.error(said)
    assert caplog.messages == [logged]


def test_a_traceback_quotes_too_and_lesser_records_stay(caplog: pytest.LogCaptureFixture) -> None:
    with transform.values_hidden(), caplog.at_level(logging.INFO, log.name):
        log.error("a node failed", exc_info=ValueError(CANARY))
        log.info("model 'orders' is built")
    assert CANARY not in caplog.text
    assert caplog.messages == ["a node failed", "model 'orders' is built"]
