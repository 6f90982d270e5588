"""The outbox with Eloqua: what was lost at the very request that acts on people is read back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from eloqua_kit import lost_after, lost_before, says

from connectors.core.http import HttpClient
from connectors.core.vendors import eloqua
from tests.conformance.http_kit import Asked, Fault
from tests.conformance.outbox import Delivered
from tests.conformance.worlds.destinations.vendors import EloquaWorld

KEYS = ("m1", "m2", "m3")


class ActingWorld(EloquaWorld):
    """Exports are syncs too: those of imports alone put people on lists."""

    def sends(self, asked: Asked) -> bool:
        return super().sends(asked) and "/imports/" in asked.body["syncedInstanceUri"]


@pytest.fixture
def delivered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Delivered]:
    monkeypatch.setattr(eloqua, "POLLS", (0.001,))
    monkeypatch.setitem(HttpClient.__init__.__kwdefaults__, "sleep", lambda _: None)
    made = Delivered(ActingWorld(tmp_path / "world"), tmp_path)
    yield made
    made.engine.dispose()
    made.world.close()


@pytest.mark.parametrize(
    ("fault", "arrived"),
    [(lost_after, KEYS), (lost_before, ()), (says(429), KEYS), (says(500), ())],
    ids=["after", "before", "429", "500"],
)
def test_an_answer_that_was_lost_is_read_back_and_nobody_gets_it_twice(
    delivered: Delivered, fault: Fault, arrived: tuple[str, ...]
) -> None:
    world = delivered.world
    assert isinstance(world, ActingWorld)
    rows = delivered.rows(*KEYS)
    world.spoil(fault)
    delivered.emit(rows)
    seen = sorted(world.arrived())
    for sync in world.site.syncs:  # time passes: Eloqua comes to the end of it
        delivered.world.make().connected().ended(sync)  # type: ignore[attr-defined]
    for run_id in ("r2", "r3"):
        delivered.emit(rows, run_id)
    states = delivered.states()
    assert sorted(world.arrived()) == sorted(k for k in KEYS if states[k] == "accepted")
    assert set(states.values()) <= {"accepted", "unknown"}
    assert set(arrived) <= set(world.arrived())
    assert len(seen) <= len(KEYS)
