"""The automation by which Prefect marks a run as crashed whose process died without a word.

A worker tells of a flow that died; of a worker that dies with it (a machine that is switched off)
nobody tells, and the run stays `Running` and holds its deployment's only slot. So the silence is
listened to: runs send heartbeats, and one that misses three of them is dead.
"""

from __future__ import annotations

import json
from typing import Any, Final

NAME: Final = "parley-crashed-runs"
HEARTBEAT_SECONDS: Final = 180
# Three heartbeats: a busy machine may be late with one.
SILENT_SECONDS: Final = 3 * HEARTBEAT_SECONDS
HEARTBEAT: Final = "prefect.flow-run.heartbeat"
ENDINGS: Final = ("Completed", "Failed", "Cancelled", "Crashed")


def automation() -> dict[str, Any]:
    """The automation as Prefect's API takes it."""
    return {
        "name": NAME,
        "description": "Marks runs as crashed that have been silent for nine minutes.",
        "enabled": True,
        "trigger": {
            "type": "event",
            "posture": "Proactive",
            "match": {"prefect.resource.id": "prefect.flow-run.*"},
            "for_each": ["prefect.resource.id"],
            "after": [HEARTBEAT],
            "expect": [HEARTBEAT, *(f"prefect.flow-run.{state}" for state in ENDINGS)],
            "threshold": 1,
            "within": SILENT_SECONDS,
        },
        "actions": [
            {
                "type": "change-flow-run-state",
                "state": "CRASHED",
                "message": "Its process has been silent for nine minutes.",
            }
        ],
    }


def as_json() -> str:
    """The automation for Prefect's command line."""
    return json.dumps(automation())
