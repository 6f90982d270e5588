"""What the gates that are judged one by one must say, worked out by plain loops.

Written from the description of the gates, not from their SQL.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from plan_policy import MARKETING, PASS, RULE, Verdict, by, defer, fail, hash_of, percentile
from plan_worlds import CHANNELS, EVER, NEVER, PROGRAMMES, Row, Tables


@dataclass
class Independent:
    """What gates 1 to 7 say of each candidate of a moment, over these tables."""

    tables: Tables
    as_of: datetime
    # What gates 4 and 8 said of each candidate.
    given: dict[tuple[str, str], Verdict]
    verdicts: dict[str, dict[str, Verdict]] = field(default_factory=dict)
    candidates: dict[str, Row] = field(default_factory=dict)

    def __post_init__(self) -> None:
        told = self.tables
        self.people = {row["person_id"]: row for row in told["people"]}
        self.nodes = by(told["people_nodes"], "person_id")
        self.owner = {row["node_id"]: row["person_id"] for row in told["people_nodes"]}
        self.addresses = {row["address_node"]: row for row in told["int_addresses"]}
        self.allowed = {
            (row["address_node"], row["channel"], row["purpose"]): row
            for row in told["permission_now"]
        }
        self.refusals = by(told["int_refusals"], "person_id")
        self.signs = by(told["int_signs"], "person_id")
        self.erased = {row["node_id"] for row in told["int_erased_nodes"]}
        self.bounced = {
            row["address_node"] for row in told["messages"] if row["bounced_at"] < self.as_of
        } | {
            row["address_node"]
            for row in told["int_suppressions"]
            if row["reason"] == "hard_bounce"
        }
        reached = [row for row in told["conversions"] if row["occurred_at"] <= self.as_of]
        self.reached = by(
            [{**row, "person_id": self.owner[row["node_id"]]} for row in reached], "person_id"
        )
        self.reached_by_account = by(reached, "account_id")
        counted = [row for row in told["int_person_messages"] if row["counts"]]
        self.sent = by(counted, "person_id")
        self.sent_by_account = by(counted, "account_id")
        self.received = by(
            [row for row in told["int_person_messages"] if row["is_received"]], "person_id"
        )
        self.keys = {row["message_key"] for row in counted}
        self.deciding = {
            row["person_id"] for row in told["intent_scores"] if row["stage"] == "deciding"
        }
        self.newest_at = min(
            (row["newest_at"] for row in told["int_source_freshness"]), default=self.as_of
        )

    def since(self, row: Row, window: timedelta) -> bool:
        """Tell whether it was planned within the window."""
        return bool(row["planned_as_of"] > self.as_of - window)

    # -- the independent gates ------------------------------------------------------------------

    def _candidate(self, proposal: Row) -> Row:
        programme = PROGRAMMES[proposal["programme"]]
        candidate = {
            **proposal,
            **{name: programme[name] for name in ("kind", "purpose", "channel")},
        }
        channel = CHANNELS[programme["channel"]]
        candidate["permission_channel"] = channel["permission_channel"]
        candidate["address_node"] = self._address(candidate, channel["address_type"])
        person = self.people.get(proposal["person_id"], {})
        is_company = programme["one_per_account"] == "true"
        candidate["account_id"] = person.get("account_id") if is_company else None
        candidate["key"] = hash_of(
            *(proposal[n] for n in ("programme", "person_id", "occasion", "step"))
        )
        candidate["message_key"] = hash_of(
            *(proposal[name] for name in ("programme", "campaign_id", "occasion", "step")),
            programme["channel"], proposal["subject"],
        )  # fmt: skip
        return candidate

    def permission(self, candidate: Row, node: str | None) -> Row | None:
        """Return what holds for an address of theirs."""
        key = (node, candidate["permission_channel"], candidate["purpose"])
        return self.allowed.get(key)

    def is_allowed(self, candidate: Row, row: Row | None) -> bool:
        """Tell whether what holds is a yes to this programme."""
        is_similar = PROGRAMMES[candidate["programme"]]["similar_products"] == "true"
        is_granted = row is not None and row["state"] == "granted"
        return bool(is_granted and row and (row["legal_basis"] != "soft_opt_in" or is_similar))

    def _address(self, candidate: Row, kind: str) -> str | None:
        mine = [
            node for node in self.nodes.get(candidate["person_id"], [])
            if node["node_type"] == kind and node["node_id"] in self.addresses
        ]  # fmt: skip

        def worse(node: Row) -> tuple[object, ...]:
            row = self.permission(candidate, node["node_id"])
            return (
                node["node_id"] != candidate["wanted_address_node"],
                not self.is_allowed(candidate, row),
                not self.addresses[node["node_id"]]["is_valid"],
                (EVER - row["since"]) if row else timedelta.max,
                EVER - node["since"], node["node_id"],
            )  # fmt: skip

        return min(mine, key=worse)["node_id"] if mine else None

    def identity(self, c: Row) -> Verdict:
        """Gate 1: known, not erased, not staff, not a test."""
        person = self.people.get(c["person_id"])
        if c["address_node"] in self.erased:
            return fail("erased")
        if person is None:
            return fail("unknown_person")
        return (
            fail("staff")
            if person["is_staff"]
            else fail("test_person")
            if person["is_test"]
            else PASS
        )

    def address(self, c: Row) -> Verdict:
        """Gate 2: valid, and not hard-bounced."""
        if c["address_node"] is None:
            return fail("no_address")
        if not self.addresses[c["address_node"]]["is_valid"]:
            return fail("invalid_address")
        return fail("hard_bounced") if c["address_node"] in self.bounced else PASS

    def permission_gate(self, c: Row) -> Verdict:
        """Gate 3: a yes that holds now, for the purpose and channel."""
        row = self.permission(c, c["address_node"])
        if c["purpose"] == "service" or self.is_allowed(c, row):
            return PASS
        if row is None or row["state"] != "granted":
            return fail((row and row["reason"]) or "no_permission")
        return fail("not_similar")

    def context(self, c: Row) -> Verdict:
        """Gate 5: it still holds, the goal is not reached, the sources are fresh."""
        programme = PROGRAMMES[c["programme"]]
        if not c["context_ok"]:
            return fail(c["context_reason"] or "expired")
        if c["expires_at"] <= self.as_of:
            return fail("expired")
        theirs = self.reached.get(c["person_id"], []) + (
            self.reached_by_account.get(c["account_id"], []) if c["account_id"] else []
        )
        is_over = any(
            row["goal"] == programme["goal"] and row["occurred_at"] > c["occurred_at"]
            for row in theirs
        )
        if c["kind"] == "triggered" and is_over:
            return fail("goal_reached" if programme["goal"] == "buy" else "decided")
        fresh = programme["needs_fresh"]
        is_stale = fresh and self.newest_at < self.as_of - timedelta(hours=int(fresh))
        return defer("stale_source") if is_stale else PASS

    def memory(self, c: Row) -> Verdict:
        """Gate 6: not said before, not declined, not too soon after the last of its kind."""
        mine = self.sent.get(c["person_id"], [])
        if c["message_key"] in self.keys or any(self._is_same(c, row) for row in mine):
            return fail("already_sent")
        said = self.refusals.get(c["person_id"], [])
        is_marketing = c["purpose"] == MARKETING
        if is_marketing and any(r["refused"] == "topic" and r["what"] == c["topic"] for r in said):
            return fail("declined")
        row = self.permission(c, c["address_node"])
        is_consent = row and row["state"] == "granted" and row["legal_basis"] == "consent"
        allowed_at = row["since"] if row and is_consent else NEVER
        if is_marketing and any(
            r["refused"] == "channel" and r["what"] == c["channel"] and r["said_at"] >= allowed_at
            for r in said
        ):
            return fail("declined_channel")
        heard = self.sent_by_account.get(c["account_id"], []) if c["account_id"] else mine
        cooldown = timedelta(hours=int(PROGRAMMES[c["programme"]]["cooldown_hours"]))
        is_hot = any(
            row["programme"] == c["programme"] and (row["occasion"] or "") != c["occasion"]
            and self.since(row, cooldown)
            for row in heard
        )  # fmt: skip
        return fail("cooldown") if is_hot else PASS

    @staticmethod
    def _is_same(c: Row, row: Row) -> bool:
        """Tell whether a message to the same person is the same: of the previous tool's, what is
        not told counts as all of it; a campaign is the same whatever its occasion was.
        """
        if row["programme"] != c["programme"] or row["campaign_id"] == row["occasion"] is None:
            return False
        if row["campaign_id"] not in (None, c["campaign_id"]):
            return False
        if row["step"] != c["step"] and not (row["is_imported"] and row["step"] is None):
            return False
        is_campaign = row["campaign_id"] is not None and not row["is_imported"]
        return is_campaign or row["occasion"] in (None, c["occasion"])

    def global_holdout(self, c: Row) -> Verdict:
        """Gate 7: a stable share of all people gets no marketing."""
        share = int(RULE["global_holdout"]["percent"])
        is_held = percentile(c["person_id"], "global_holdout") < share and c["purpose"] == MARKETING
        return fail("global_holdout") if is_held else PASS
