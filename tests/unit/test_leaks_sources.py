"""I8 on the way in: what a vendor says when it fails is told by nobody, nor who it spoke of."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

import pytest
from leaving_kit import no_waits

from tests.conformance.http_kit import Asked, Told
from tests.conformance.rig import Rig
from tests.conformance.worlds import SOURCES
from tests.conformance.worlds.api import ApiWorld
from tests.conformance.worlds.base import AS_OF, ROWS, World

__all__ = ["no_waits"]

CANARY = "c4nary7"
WHO = f"ada.{CANARY}@example.com"
WORDS = {"message": f"{WHO} is not known", "errors": [{"email": WHO}], "results": WHO}
ANSWERS = {
    **{f"status {n}": Told(WORDS, n) for n in (400, 401, 403, 404, 422, 429, 500)},
    "half": Told(WORDS, 200, {}, cut=30),
    "words": Told(WHO.encode(), 200),
    "page": Told(f"<html>{WHO}</html>".encode(), 200),
    "other JSON": Told(WORDS, 200),
    "a list": Told([WHO], 200),
    "elsewhere": Told(WORDS, 302, {"Location": f"https://evil.example/?who={WHO}"}),
}
API = [world for world in SOURCES if issubclass(world, ApiWorld)]


def ledger(folder: Path) -> str:
    files = [path for path in folder.glob("manifest.db*") if path.is_file()]
    return "".join(path.read_bytes().decode(errors="replace") for path in files)


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("world", API, ids=lambda world: f"{world.vendor}-{world.stream}")
@pytest.mark.usefixtures("no_waits")
def test_whatever_an_api_answers(
    world: type[ApiWorld], answer: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    rig = Rig(world(tmp_path), tmp_path)
    rig.world.put(ROWS)

    def answered(_asked: Asked) -> Told:
        return ANSWERS[answer]

    rig.world.server.app = answered  # type: ignore[attr-defined]
    told = []
    try:
        rig.land()
    except Exception as error:  # noqa: BLE001 - whatever it is
        told += [*traceback.format_exception(error), repr(error)]
    told += map(repr, rig.spec.check(rig.world.source_id, rig.settings.source(world.source_id)))
    rig.world.server.close()  # type: ignore[attr-defined]
    shown = "\n".join([*told, caplog.text, ledger(tmp_path), repr(rig.settings)])
    for secret in (CANARY, *rig.world.secrets.values()):
        assert secret not in shown, shown[max(0, shown.index(secret) - 200) :][:400]


@pytest.mark.parametrize("world", SOURCES, ids=lambda world: f"{world.vendor}-{world.stream}")
def test_a_record_that_is_none_is_landed_and_told_by_nobody(
    world: type[World], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Garbage with somebody's address in it: in the lake, and nowhere else."""
    caplog.set_level(logging.INFO)
    rig = Rig(world(tmp_path), tmp_path)
    rig.world.put(dict([*ROWS.items()][:5]))
    told = []
    try:
        rig.world.put_garbage("k900", f'{{"email": "{WHO}", "x": ', AS_OF)
        rig.land()
    except Exception as error:  # noqa: BLE001 - whatever it is
        told += traceback.format_exception(error)
    finally:
        if isinstance(rig.world, ApiWorld):
            rig.world.server.close()
    assert CANARY not in "\n".join([*told, caplog.text, ledger(tmp_path)])
