"""A small handmade snapshot: two people, three programmes, every verdict."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.core.identifiers import normalise_email

AS_OF = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
MORNING = datetime(2011, 12, 6, 9, 0)  # noqa: DTZ001 - a snapshot's times have no zone
ADA, BOB = "ada00000" * 4, "bob00000" * 4
EMAIL = normalise_email("ada@example.com", "parley-demo").node_id
GATES = ("identity", "permission", "context", "local_time")
SENTENCES = {
    ("permission", "no_permission"): "nobody ever gave permission",
    ("context", "goal_reached"): "this person bought after the occasion",
    ("local_time", "quiet_hours"): "it is night where this person lives",
}


def candidate(key: str, person: str, programme: str, **changes: Any) -> dict[str, Any]:
    return {
        "candidate_key": key, "message_key": f"m-{key}", "programme": programme,
        "kind": "mass" if programme == "new_collection" else "triggered", "person_id": person,
        "occasion": f"o-{key}", "step": 1, "occurred_at": MORNING, "value": 10.0,
        "expires_at": MORNING + timedelta(days=1), "content": "{}", "evidence": '{"items": 2}',
        "context_ok": True,
        **changes,
    }  # fmt: skip


def decision(key: str, verdict: str, gate: str | None = None, reason: str | None = None) -> Any:
    return {
        "candidate_key": key, "verdict": verdict, "gate": gate, "reason": reason,
        "defer_until": None,
    }  # fmt: skip


CANDIDATES = [
    candidate(
        "a1",
        ADA,
        "abandoned_cart",
        occasion="cart [/b] 7",
        value=30.0,
        content='{"fact": "You left [it]."}',
        evidence='{"items": 2, "liked_since": null}',
    ),
    candidate("a2", ADA, "abandoned_cart", occasion="cart 8", value=20.0),
    candidate("b1", BOB, "abandoned_cart", context_ok=False),
    candidate("a3", ADA, "new_collection"),
    candidate("b3", BOB, "new_collection"),
    candidate("b4", BOB, "new_collection", occasion="spring"),
]
DECISIONS = [
    decision("a1", "send"),
    decision("a2", "defer", "local_time", "quiet_hours"),
    decision("b1", "drop", "permission", "no_permission"),
    decision("a3", "hold"),
    decision("b3", "drop", "permission", "no_permission"),
    decision("b4", "drop", "permission", "no_permission"),
]


def verdicts(key: str, **failed: tuple[str, str, str | None]) -> list[dict[str, Any]]:
    """What each gate said: passed unless told otherwise (verdict, reason, what it looked at)."""
    rows = []
    for number, gate in enumerate(GATES, start=1):
        verdict, reason, seen = failed.get(gate, ("pass", None, None))
        rows.append({
            "candidate_key": key, "gate_no": number, "gate": gate, "verdict": verdict,
            "reason": reason, "seen": seen,
        })  # fmt: skip
    return rows


NO = ("fail", "no_permission", None)
AUDIENCE = [
    {
        "message_key": f"m-{key}", "person_id": ADA, "programme": programme, "occasion": "o",
        "verdict": verdict, "destination": "file", "address": "ada@example.com",
        "campaign_id": None, "step": 1, "variant": "a", "channel": "email", "purpose": "marketing",
        "content": json.dumps({"subject": "Your [kettle]", "fact": "You left it."}),
        "evidence": "{}",
    }
    for key, programme, verdict in (
        ("a1", "abandoned_cart", "send"), ("a3", "new_collection", "hold"),
    )
]  # fmt: skip
TABLES: dict[str, list[dict[str, Any]]] = {
    "candidates": CANDIDATES,
    "decisions": DECISIONS,
    "decision_gates": [
        *verdicts("a1"),
        *verdicts("a2", local_time=("defer", "quiet_hours", "23:10 Europe/London")),
        *verdicts("a3"),
        *verdicts("b1", permission=NO, context=("fail", "goal_reached", "order [/i] 5"),
                  local_time=("not_reached", None, None)),
        *verdicts("b3", permission=NO),
        *verdicts("b4", permission=NO),
    ],
    "reasons": [
        {"gate": gate, "reason": reason, "sentence": sentence}
        for (gate, reason), sentence in SENTENCES.items()
    ],
    "programmes": [
        {
            "programme": name, "kind": kind, "purpose": "marketing", "channel": "email",
            "priority": 1, "goal": "buy", "window_hours": 24,
        }
        for name, kind in (
            ("new_collection", "mass"), ("abandoned_cart", "triggered"), ("welcome", "triggered"),
        )
    ],
    "audience_triggered": AUDIENCE[:1],
    "audience_mass": AUDIENCE[1:],
    "people": [
        {"person_id": ADA, "country": "GB", "order_count": 2, "last_order_at": MORNING},
        {"person_id": BOB, "country": None, "order_count": 0, "last_order_at": None},
    ],
    "people_nodes": [
        {"node_id": EMAIL, "person_id": ADA, "node_type": "email", "since": MORNING},
        {"node_id": "d1", "person_id": ADA, "node_type": "device", "since": MORNING},
        {"node_id": "d2", "person_id": ADA, "node_type": "device", "since": MORNING},
        {"node_id": "u2", "person_id": BOB, "node_type": "user_id", "since": MORNING},
    ],
    "segments": [
        {
            "person_id": ADA, "lifecycle": "active", "value_tier": "high",
            "favourite_category": "tea", "engaged_at": MORNING,
        }
    ],
    "intent_scores": [
        {
            "person_id": ADA, "goal": "buy", "probability": 0.25, "stage": "deciding",
            "contributions": (
                '{"intercept": -4.0, "cart": 1.5, "age": -2.0, "views": 0.1, "visits": 0.2}'
            ),
        }
    ],
    "permissions": [{"permission_key": "p1", "proof": "box [v3]"}],
    "permission_now": [
        {
            "address_node": EMAIL, "channel": "email", "purpose": "marketing", "state": "granted",
            "since": MORNING, "legal_basis": "consent", "permission_key": "p1",
        }
    ],
    "memory": [
        {
            "memory_key": key, "person_id": ADA, "kind": kind, "topic": "[red]", "fact": "interest",
            "product_key": product, "value": "interested", "said_at": MORNING,
            "expires_at": MORNING + timedelta(days=730), "is_current": kind == "said",
        }
        for key, kind, product in (("f1", "did", None), ("f2", "said", "p1"))
    ],
    "products": [{"product_key": "p1", "name": "Kettle [/b]"}],
    "conversions": [
        {
            "conversion_key": "c1", "node_id": EMAIL, "goal": "buy", "occurred_at": MORNING,
            "known_at": MORNING + timedelta(days=1),
        }
    ],
}  # fmt: skip


def write(folder: Path) -> Path:
    """The snapshot of a run, as it would be published."""
    folder.mkdir(parents=True)
    for name, rows in TABLES.items():
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
    return folder
