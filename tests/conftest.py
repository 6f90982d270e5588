"""The suite runs in several processes; tests that share something dear stay in one of them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from xdist.scheduler import LoadFileScheduling


class ByWhatTheyShare(LoadFileScheduling):
    """Sends a file's tests to one process, as those of all files about the demo, or all stories."""

    def _split_scope(self, nodeid: str) -> str:
        file = PurePosixPath(nodeid.partition("::")[0])
        names = ("test_demo", "test_readme")
        if file.name.startswith("test_stories"):
            return "stories"
        is_of_demo = file.parent.name == "e2e" and file.name.startswith(names)
        return "demo" if is_of_demo else str(file)


def pytest_xdist_make_scheduler(config: Any, log: Any) -> ByWhatTheyShare:
    return ByWhatTheyShare(config, log)
