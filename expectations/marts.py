"""What the marts must be before anybody reads them: grains, keys, states and ranges.

An empty shop is legal, so no table needs rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from expectations.rules import Check, Rule, between, key, no_rows, one_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "people": ("person_id",),
    "people_nodes": ("node_id",),
    "accounts": ("account_id",),
    "account_members": ("member_key",),
    "products": ("product_key",),
    "product_changes": ("product_change_key",),
    "orders": ("order_key",),
    "order_lines": ("order_line_key",),
    "web_events": ("event_key",),
    "sessions": ("session_id",),
    "carts": ("cart_key",),
    "permissions": ("permission_key",),
    "permission_now": ("address_node", "channel", "purpose"),
    "permission_rejects": ("declaration_key",),
    "engagements": ("engagement_key",),
    "feedback_rejects": ("judged_key",),
    "late_withdrawals": ("late_withdrawal_key",),
    "memory": ("memory_key",),
    "person_memory": ("person_id",),
    "voice": ("voice_key",),
    "intent_scores": ("person_id", "goal"),
    "account_intent": ("account_goal_key",),
    "category_intent": ("person_id", "category", "goal"),
    "response_scores": ("person_id", "campaign_id"),
    "recommendations": ("person_id", "kind", "rank"),
    "segments": ("person_id",),
    "segment_members": ("person_id", "segment"),
    "conversions": ("conversion_key",),
    "crm_contacts": ("contact_key",),
    "deals": ("deal_key",),
    "audience_members": ("audience", "person_id"),
    "candidates": ("candidate_key",),
    "decision_gates": ("candidate_key", "gate_no"),
    "decisions": ("candidate_key",),
    "messages": ("message_key",),
}

CHANNELS: Final = frozenset({"email", "call", "post", "meeting"})
PURPOSES: Final = frozenset({"marketing", "service"})
DECLARED: Final = frozenset({"granted", "withdrawn", "unclear"})
PERMISSION_STATES: Final = DECLARED | {"unconfirmed", "expired", "unfounded"}
MESSAGE_STATES: Final = frozenset(
    {"reserved", "delivering", "accepted", "rejected", "unknown", "cancelled", "held"}
)
SEGMENT_SHARES: Final = (
    "churn_risk",
    "favourite_affinity",
    "price_sensitivity",
    "discount_dependence",
)

RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "orders": (one_of("channel", {"web", "shop", "call"}),),
    "carts": (one_of("state", {"open", "abandoned", "ordered", "emptied"}),),
    "permissions": (
        one_of("channel", CHANNELS),
        one_of("purpose", PURPOSES),
        one_of("state", DECLARED),
    ),
    "permission_now": (
        one_of("channel", CHANNELS),
        one_of("purpose", PURPOSES),
        one_of("state", PERMISSION_STATES),
    ),
    "engagements": (
        one_of("kind", {"opened", "clicked", "replied", "unsubscribed", "complained"}),
    ),
    "memory": (one_of("kind", {"said", "did"}),),
    "voice": (between("share_negative", 0, 1),),
    "intent_scores": (between("probability", 0, 1),),
    "segments": (
        one_of("lifecycle", {"prospect", "new", "active", "at_risk", "lapsed"}),
        one_of("engagement", {"engaged", "lapsing", "dormant"}),
        *(between(share, 0, 1) for share in SEGMENT_SHARES),
    ),
    "account_intent": (between("probability", 0, 1),),
    "category_intent": (
        between("probability", 0, 1),
        one_of("goal", {"category_again", "category_new"}),
    ),
    "response_scores": (between("probability", 0, 1),),
    "recommendations": (one_of("kind", {"repeat", "new"}), between("rank", 1, 10)),
    "candidates": (one_of("channel", CHANNELS), one_of("purpose", PURPOSES)),
    "decision_gates": (
        between("gate_no", 1, 11),
        one_of("verdict", {"pass", "fail", "defer", "not_reached"}),
    ),
    "decisions": (one_of("verdict", {"send", "defer", "drop", "hold"}),),
    "messages": (
        one_of("channel", CHANNELS),
        one_of("purpose", PURPOSES),
        one_of("state", MESSAGE_STATES),
    ),
}

UNDECIDED: Final = """
select 1 as one
from (select candidate_key from {0}) as candidates
full outer join (select candidate_key from {1}) as decisions using (candidate_key)
where candidates.candidate_key is null or decisions.candidate_key is null
"""


def checks(staged_dir: Path) -> list[Check]:
    """The suite for a staged snapshot: each mart, and that every candidate was decided once."""

    def file(table: str) -> str:
        return str(staged_dir / f"{table}.parquet")

    marts = [
        Check(table, (*key(*columns), *RULES.get(table, ())), (file(table),))
        for table, columns in KEYS.items()
    ]
    decided = Check(
        name="candidates_without_decision",
        rules=(no_rows("{n} keys are in only one of candidates and decisions"),),
        files=(file("candidates"), file("decisions")),
        query=UNDECIDED,
    )
    return [*marts, decided]
