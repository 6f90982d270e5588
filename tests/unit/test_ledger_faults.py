"""A disk that is full or read-only, a clock that goes back: clear errors, no loss, and on it goes.

Each fault comes in the middle of an emission, in a process of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from outbox_kit import MONDAY, Outbox, Recorder, row
from test_outbox_recovery import delivered

from connectors.core.errors import FixConfig
from connectors.ledger.db import open_ledger
from connectors.ledger.reports import counts_by_state

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# Emits a run that was planned; says what stopped it.
EMIT = """
import resource, signal, sys
from pathlib import Path
sys.path[:0] = [sys.argv[1], sys.argv[2]]
from outbox_kit import Outbox
from connectors.core.errors import ParleyError
from connectors.destinations.file import FileDestination
from connectors.ledger.db import open_ledger

home, most = Path(sys.argv[3]), int(sys.argv[4])
if most:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
try:
    engine = open_ledger(f"sqlite:///{home}/ledger/ledger.db")
    Outbox(engine, home, FileDestination(home / "out", batch_size=50)).again()
except ParleyError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""
ROWS = [row(f"k{n:04}") for n in range(2_000)]


def emit(home: Path, most: int = 0, *before: str) -> str:
    """Emit r1 in another process; what stopped it, '' if nothing did."""
    call = [*before, sys.executable, "-c", EMIT, str(ROOT), str(HERE), str(home), str(most)]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr.strip()


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """A ledger in a folder of its own, and a plan that waits to be emitted."""
    engine = open_ledger(f"sqlite:///{tmp_path}/ledger/ledger.db")
    outbox = Outbox(engine, tmp_path)
    outbox.plan(ROWS)
    engine.dispose()
    yield outbox
    engine.dispose()


def check_all_left_once(home: Path) -> None:
    assert delivered(home) == Counter({each["message_key"]: 1 for each in ROWS})
    engine = open_ledger(f"sqlite:///{home}/ledger/ledger.db")
    assert counts_by_state(engine, "r1") == {"accepted": len(ROWS)}
    with engine.connect() as connection:
        assert connection.exec_driver_sql("pragma integrity_check").scalar() == "ok"
    engine.dispose()


@pytest.mark.parametrize("room", [400_000, 2_000_000, 2_600_000])
def test_a_disk_that_is_full_stops_an_emission_and_loses_nothing(outbox: Outbox, room: int) -> None:
    """Before it is reserved, or in the middle of delivering; with space again it goes on."""
    stopped = emit(outbox.home, room)
    assert stopped.startswith("FixConfig: The disk of the ledger "), stopped
    assert "run again" in stopped
    assert emit(outbox.home) == ""
    check_all_left_once(outbox.home)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_full_file_system_stops_an_emission_and_loses_nothing(tmp_path: Path) -> None:
    small = tmp_path / "ledger"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2600k", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        Outbox(open_ledger(f"sqlite:///{small}/ledger.db"), tmp_path).plan(ROWS)
        stopped = emit(tmp_path)
        assert stopped.startswith("FixConfig: The disk of the ledger is full"), stopped
        subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)
        assert emit(tmp_path) == ""
        check_all_left_once(tmp_path)
    finally:
        subprocess.run(["umount", "--lazy", str(small)], check=True)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_read_only_ledger_stops_an_emission_before_anything_leaves(
    outbox: Outbox, what: str
) -> None:
    folder = outbox.home / "ledger"
    before = ()
    if os.geteuid() == 0:  # whom no file mode stops, unless it lets go of that right
        if not (setpriv := shutil.which("setpriv")):
            pytest.skip("root without setpriv")
        drop = "-dac_override,-dac_read_search"
        before = (setpriv, f"--bounding-set={drop}", f"--inh-caps={drop}")
    paths = [folder] if what == "folder" else list(folder.glob("*.db*"))
    modes = {path: path.stat().st_mode for path in paths}
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    stopped = emit(outbox.home, 0, *before)
    for path, mode in modes.items():
        path.chmod(mode)
    assert stopped.startswith("FixConfig: "), stopped
    assert "writ" in stopped
    assert delivered(outbox.home) == {}
    assert emit(outbox.home) == ""
    check_all_left_once(outbox.home)


def test_a_clock_that_goes_back_an_hour_sends_nothing_twice_and_breaks_no_cap(
    tmp_path: Path,
) -> None:
    """Caps look to both sides; when the clock is right again, it goes on."""
    outbox = Outbox(open_ledger(f"sqlite:///{tmp_path}/ledger.db"), tmp_path, Recorder())
    outbox.emit([row("k1"), row("k2")])
    back = MONDAY - timedelta(hours=1)
    wanted = [row("k1"), row("k3", person_id="p-k2"), row("k4")]
    result = outbox.emit(wanted, "r2", back)
    assert (result.absorbed, result.refused) == (1, {"contact_window": 1})
    assert outbox.destination.sent == ["k1", "k2", "k4"]
    right = MONDAY + timedelta(hours=16)
    result = outbox.emit([*wanted, row("k5")], "r3", right)
    assert (result.absorbed, result.accepted) == (2, 2)
    assert sorted(outbox.destination.sent) == ["k1", "k2", "k3", "k4", "k5"]


def test_a_ledger_that_is_none_is_told_by_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"x" * 8192)
    with pytest.raises(FixConfig, match="no database"):
        open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(FixConfig, match="folder cannot be made"):
        open_ledger(f"sqlite:///{blocked}/sub/ledger.db")
