"""I8: no secret and no address in an error, a log, the ledger or a traceback, however it fails.

A canary stands in every address and every credential; each way to fail is forced at each
destination, and whatever anybody could read afterwards is searched for it.
"""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from leaving_kit import WORLDS, Leaving, is_http, left, no_waits

from connectors.core import registry
from connectors.core.audience import Leaver, Member, MemberOutcome
from connectors.core.errors import ParleyError
from connectors.core.handout import whole
from tests.conformance.http_kit import Told
from tests.conformance.worlds.base import SECRET

__all__ = ["no_waits"]

NAMES = registry.known_destinations()
HTTP = [name for name in NAMES if name in WORLDS and is_http(name)]
CANARY = "c4nary7"
KEYS = ("m1", "m2", "m3")
HOST = f"{CANARY}.example"
WORDS = {"message": f"m1@{HOST} is not known", "error": SECRET, "errors": [{"email": f"m1@{HOST}"}]}
ANSWERS = {
    **{
        f"status {n}": Told(WORDS, n)
        for n in (400, 401, 403, 404, 409, 410, 413, 422, 429, 500, 503)
    },
    "redirect": Told(WORDS, 302, {"Location": f"https://evil.example/?who=m1@{HOST}"}),
    "redirect inside": Told(WORDS, 307, {"Location": f"http://169.254.169.254/?who=m1@{HOST}"}),
    "half": Told(WORDS, 200, {}, cut=30),
    "words": Told(f"m1@{HOST}".encode(), 200),
    "page": Told(f"<html>m1@{HOST}</html>".encode(), 200),
    "other JSON": Told(WORDS, 200),
    "a list": Told([f"m1@{HOST}"], 200),
    "reset": Told(reset=True),
}


class Everything(logging.Handler):
    """All that is logged, with tracebacks, as a file would have it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.text = io.StringIO()
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        # Our own server's, and a library's that nobody reads unless they ask for it.
        is_detail = record.name.startswith("urllib3") and record.levelno < logging.INFO
        if is_detail or record.name.startswith("mail."):
            return
        self.text.write(self.format(record) + "\n")


@pytest.fixture
def logged() -> Iterator[Everything]:
    handler, root = Everything(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


def failing(made: Leaving) -> str:
    """Emit, and everything that could be read of what came of it."""
    rows = [
        row | {"address": str(row["address"]).replace("shop.example", HOST)}
        for row in made.rows(*KEYS)
    ]
    folder = made.outbox.plan(rows, "r1")
    told = []
    try:
        error: Any = made.again(folder)
    except Exception as other:  # noqa: BLE001 - whatever it is
        error = other
    if error is not None:
        shown = traceback.TracebackException.from_exception(error, capture_locals=False)
        told += [repr(error), str(error), *shown.format()]
        assert not isinstance(error, ParleyError) or error.remedy
    told += [repr(made.world.make()), repr(made.world.settings())]
    with made.engine.connect() as connection:
        for table in ("messages", "message_audit"):
            told += map(str, connection.exec_driver_sql(f"select * from {table}").all())
    return "\n".join([*told, ledger(made)])


def ledger(made: Leaving) -> str:
    """The bytes of the ledger and its log, whatever table or free page they are of."""
    files = [path for path in made.home.glob("ledger.db*") if path.is_file()]
    assert files
    return "".join(path.read_bytes().decode(errors="replace") for path in files)


def check(made: Leaving, text: str) -> None:
    """No canary stands in it, nor any credential of the account."""
    account = made.world.settings().destinations.get(made.world.name)
    secrets = (
        [each.get_secret_value() for each in (account.token, account.password) if each]
        if account
        else []
    )
    for secret in (CANARY, SECRET, *secrets):
        assert secret not in text, text[max(0, text.index(secret) - 200) :][:400]


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("name", HTTP)
@pytest.mark.usefixtures("no_waits")
def test_whatever_an_api_answers(
    name: str, answer: str, tmp_path: Path, logged: Everything
) -> None:
    with left(name, tmp_path) as made:
        made.world.server.app = lambda _asked: ANSWERS[answer]  # type: ignore[union-attr]
        text = failing(made)
        look = registry.destination_part(name, "check")
        if callable(look):
            text += repr(look(made.world.settings()))
        check(made, text + logged.text.getvalue())


@pytest.mark.parametrize(
    "answer", ["status 400", "status 401", "status 500", "words", "other JSON"]
)
@pytest.mark.parametrize("name", [each for each in registry.known_targets() if each in HTTP])
@pytest.mark.usefixtures("no_waits")
def test_whatever_an_api_answers_to_a_list(
    name: str, answer: str, tmp_path: Path, logged: Everything
) -> None:
    """The sync of audiences: making a list, adding people, taking them off, reading it."""
    with left(name, tmp_path) as made:
        target = registry.target(name)(made.world.settings())
        people = [Member(key, f"{key}@{HOST}", {"stage": CANARY}) for key in KEYS]
        leavers = [Leaver(key, f"1{n}") for n, key in enumerate(KEYS)]
        made.world.server.app = lambda _asked: ANSWERS[answer]  # type: ignore[union-attr]
        told = [repr(target)]
        for call in (
            lambda: target.list_id("vip"), lambda: target.put("7", people),
            lambda: target.drop("7", leavers), lambda: [*target.members("7")],
        ):  # fmt: skip
            try:
                said = call()
            except Exception as error:  # noqa: BLE001 - whatever it is
                told += traceback.format_exception(error)
            else:
                told += [each.detail for each in said if isinstance(each, MemberOutcome)]
        check(made, "\n".join(told) + logged.text.getvalue())


@pytest.mark.parametrize("name", HTTP)
@pytest.mark.usefixtures("no_waits")
def test_nobody_is_there(name: str, tmp_path: Path, logged: Everything) -> None:
    with left(name, tmp_path) as made:
        assert made.world.server
        made.world.server.close()
        check(made, failing(made) + logged.text.getvalue())


@pytest.mark.parametrize("kind", ["refused", "deferred", "spam", "cut", "hung", "login", "full"])
def test_whatever_a_mail_server_answers(kind: str, tmp_path: Path, logged: Everything) -> None:
    """It quotes the address in each of its answers."""
    with left("smtp", tmp_path) as made:
        keys = [f"{kind}{n}" for n in range(3)]
        rows = [made.rows(key, address=f"{key}@{HOST}")[0] for key in keys]
        folder = made.outbox.plan(rows, "r1")
        with contextlib.suppress(Exception):
            made.again(folder)
        with made.engine.connect() as connection:
            found = connection.exec_driver_sql("select * from message_audit").all()
        journal = "".join(
            path.read_text(errors="replace") for path in made.home.rglob("smtp/*") if path.is_file()
        )
        check(made, f"{found}{logged.text.getvalue()}{journal}{ledger(made)}")


@pytest.mark.parametrize(
    "name", [each for each in NAMES if each in ("file", "call_list", "post_list", "meeting")]
)
@pytest.mark.parametrize("trouble", ["full", "no folder", "no right"])
def test_whatever_a_disk_answers(
    name: str, trouble: str, tmp_path: Path, logged: Everything, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "out"))

    with left(name, tmp_path) as made:
        if trouble == "full":
            monkeypatch.setattr(whole, "_sync", fail)
        else:
            made.world.folder.mkdir(parents=True)
            out = made.world.settings().out_dir
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text("a file where a folder should be")
        text = failing(made)
        assert "accepted" not in made.states().values()
        check(made, text + logged.text.getvalue())


@pytest.mark.parametrize("name", NAMES)
def test_wrong_settings_show_none_of_them(name: str, tmp_path: Path) -> None:
    """As typed by somebody in a hurry: a credential in each field that takes text."""
    with left(name, tmp_path) as made:
        settings = made.world.settings()
        account = settings.destination(name)
        wrong = {
            "url": f"nonsense {CANARY}", "user": f"u {CANARY}", "password": CANARY,
            "token": f"t {CANARY}", "options": dict.fromkeys(account.options or {"x": ""}, CANARY),
        }  # fmt: skip
        fields = {each: type(account)(**{each: value}) for each, value in wrong.items()}
        for given in (*fields.values(), type(account)(**wrong)):
            spoilt = settings.model_copy(update={"destinations": {name: given}})
            try:
                shown = repr(registry.destination(name)(spoilt))
            except Exception as error:  # noqa: BLE001 - whatever it is
                shown = "".join(traceback.format_exception(error))
            assert CANARY not in shown, sys.exc_info()
            assert CANARY not in repr(spoilt).replace(repr(given.options), "")
