"""A shop moves to Parley: what the previous tool knew decides who hears about the same basket.

Nine people left a kettle at ten. The previous tool's files are brought in at eleven, the run is at
five past. Lea and Hal are answered; each of the others has a reason not to be.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from home_kit import Home
from shop_kit import TinyShop, identify, kettle_in_basket, z

from connectors.core.identifiers import node_id

MONDAY = datetime(2024, 3, 4, tzinfo=UTC)
LONG_AGO = datetime(2024, 1, 15, 18, 0, tzinfo=UTC)
IMPORT = z(MONDAY + timedelta(hours=11))
RUN = z(MONDAY + timedelta(hours=11, minutes=5))
LATER = z(MONDAY + timedelta(hours=11, minutes=35))
# With these names nobody is in a holdout: a stable hash of the person's first identifier.
PEOPLE = ("lea", "hal", "ben", "cem", "dee", "eve", "fay", "gus", "ida")
FILES = {
    "consents": """\
\ufeffEmail Address;OPTIN_TIME;Status;Source;double opt-in
LEA@example.com;2019-05-01 10:00:00;subscribed;"newsletter
form";yes
hal@example.com;2019-05-01 10:00:00;subscribed;form;yes
ben@example.com;2019-05-01 10:00:00;subscribed;form;yes
cem@example.com;2019-05-01 10:00:00;subscribed;form;yes
dee@example.com;2019-05-01 10:00:00;subscribed;form;yes
eve@example.com;2019-05-01 10:00:00;subscribed;form;yes
fay@example.com;2019-05-01 10:00:00;subscribed;form;yes
ida@example.com;2019-05-01 10:00:00;subscribed;form;no
gus@example.com;;subscribed;form;
gus@example.com;2019-05-01
"zoe@example.com;2019-05-01 10:00:00;subscribed;form;
""",
    "suppressions": """\
email,reason,since
ben@example.com,SPAM_COMPLAINT,2023-06-01 10:00:00
dee@example.com,unsubscribed,2023-06-01
not an address,complaint,2023-06-01
""",
    "bounces": """\
status,reason,email,created
5.1.1,550 no such box,cem@example.com,1685613600
4.2.2,mailbox full,hal@example.com,1685613600
""",
    "sends": """\
email,sent_at,programme,occasion,campaign_id
eve@example.com,2024-03-01 10:00,abandoned_cart,main/c-eve,
fay@example.com,2024-03-04 08:00,,,spring
nobody@example.com,2024-03-04 08:00,,,spring
""",
}
# Gate, reason, and what explain says.
ANSWERED = {
    "lea": ("send", None, None, "to be sent: all gates passed"),
    "hal": ("send", None, None, "to be sent: all gates passed"),
    "ben": ("drop", "suppression", "suppressed",
            "those who must not be contacted (seen: complaint since 2023-06-01 10:00:00)"),
    "cem": ("drop", "address", "hard_bounced", "not sent: mail to this address came back"),
    "dee": ("drop", "permission", "permission_withdrawn", "not sent: the permission was withdrawn"),
    "eve": ("drop", "memory", "already_sent",
            "not sent: this message was sent before (seen: 2024-03-01 10:00:00)"),
    "fay": ("defer", "caps", "contact_window",
            "went out within the contact window (seen: 2024-03-04 08:00:00)"),
    "gus": ("drop", "permission", "no_permission", "not sent: nobody ever gave permission"),
    # Nobody knows where she lives: then the strictest rule holds.
    "ida": ("drop", "permission", "permission_unconfirmed",
            "not sent: the sign-up was not confirmed"),
}  # fmt: skip


@dataclass(frozen=True)
class Move:
    """The home after the move, what the commands said, and the runs."""

    home: Home
    said: dict[str, str]
    again: dict[str, str]
    explained: dict[str, str]
    runs: tuple[str, str]

    def decision(self, name: str, run: int = 0) -> tuple[str, str | None, str | None]:
        """Verdict, gate and reason of a person's basket."""
        run_id = self.runs[run]
        [candidate] = [
            each
            for each in self.home.snapshot(run_id, "candidates")
            if each["occasion"] == f"main/c-{name}"
        ]
        [found] = [
            each
            for each in self.home.snapshot(run_id, "decisions")
            if each["candidate_key"] == candidate["candidate_key"]
        ]
        return found["verdict"], found["gate"], found["reason"]


def node(name: str) -> str:
    return node_id("email", f"{name}@example.com", "parley-demo")


@pytest.fixture(scope="module")
def move(tmp_path_factory, make_home):
    shop = TinyShop(tmp_path_factory.mktemp("shop"))
    home = make_home("moved", shop.sources)
    shop.product("kettle", "Kettle", 3000, LONG_AGO)
    sunday = MONDAY - timedelta(hours=10)
    shop.order("o1", "kettle", 3000, sunday, email="kim@example.com", country="GB")
    nine, ten = MONDAY + timedelta(hours=9), MONDAY + timedelta(hours=10)
    shop.events(
        *(identify(nine, device=f"d-{n}", user=f"u-{n}", email=f"{n}@example.com") for n in PEOPLE),
        *(kettle_in_basket(f"c-{name}", ten, device=f"d-{name}") for name in PEOPLE),
    )
    for kind, text in FILES.items():
        (home.folder / f"{kind}.csv").write_text(text, encoding="utf-8", newline="\n")

    def bring_in() -> dict[str, str]:
        return {
            kind: home.ok(
                "import-history", kind, f"{kind}.csv", "--source", "old_tool", "--as-of", IMPORT
            )
            for kind in FILES
        }

    said = bring_in()
    home.ok("run", "triggered", "--as-of", RUN)
    first = home.last_run()
    explained = {name: home.ok("explain", f"{name}@example.com") for name in PEOPLE}
    again = bring_in()
    home.ok("run", "triggered", "--as-of", LATER)
    return Move(home, said, again, explained, (first, home.last_run()))


@pytest.mark.parametrize("name", PEOPLE)
def test_each_hears_or_does_not_for_the_reason_that_the_previous_tool_knew(move, name):
    assert move.decision(name) == ANSWERED[name][:3]


@pytest.mark.parametrize("name", PEOPLE)
def test_explain_says_why(move, name):
    told = move.explained[name]
    assert ANSWERED[name][3] in told
    assert "@" not in told


def test_the_message_leaves_for_those_alone(move):
    [*messages] = move.home.ledger("select * from messages where run_id = ?", move.runs[0])
    assert {each["address_hash"] for each in messages} == {node("lea"), node("hal")}
    assert {each["state"] for each in messages} == {"accepted"}


def test_a_permission_keeps_where_it_came_from_and_its_proof(move):
    found = {
        each["node_id"]: (each["state"], each["source_id"], each["proof"], str(each["valid_from"]))
        for each in move.home.bi("from marts.permissions where state = 'granted'")
    }
    assert set(found) == {node(name) for name in PEOPLE if name != "gus"}
    lea = ("granted", "old_tool", "newsletter\nform, double opt-in", "2019-05-01 10:00:00")
    assert found[node("lea")] == lea
    [dee] = move.home.bi("from marts.permissions where state = 'withdrawn'")
    assert (dee["node_id"], dee["source_id"]) == (node("dee"), "old_tool")
    assert dee["proof"] == "unsubscribed in the previous tool"


def test_what_the_command_rejected_is_what_staging_rejects(move):
    """Rows are judged as they land; staging keeps them with that reason."""
    assert "consents.csv: 11 rows, 8 read, 3 rejected" in move.said["consents"]
    assert "suppressions.csv: 3 rows, 2 read, 1 rejected" in move.said["suppressions"]
    rejected = [
        (each["stream"], json.loads(each["payload"])["line"], each["reject_reason"])
        for each in move.home.warehouse("from staging.rejects where source_id = 'old_tool'")
    ]
    assert sorted(rejected) == [
        ("history.consents", 11, "given_at is missing"),
        ("history.consents", 12, "it has more or fewer fields than the header"),
        ("history.consents", 13, "a quote is not closed"),
        ("history.suppressions", 4, "the email is not valid"),
    ]
    for stream, line, reason in rejected:
        assert f"1 row: {reason} (line {line})" in move.said[stream.removeprefix("history.")]


def test_the_ledger_refuses_them_too(move):
    rows = move.home.ledger(
        "select address_hash, reason from suppressions where source = 'old_tool'"
    )
    assert {(each["address_hash"], each["reason"]) for each in rows} == {
        (node("ben"), "complaint"), (node("cem"), "hard_bounce"), (node("dee"), "unsubscribed"),
    }  # fmt: skip


def test_what_the_previous_tool_sent_is_no_message_of_ours(move):
    addresses = {each["address_node"] for each in move.home.bi("from marts.messages")}
    assert addresses.isdisjoint({node("eve"), node("fay")})


def test_the_same_files_again_change_nothing(move):
    assert all("was imported before: nothing is done" in said for said in move.again.values())
    for name in PEOPLE:
        if name not in ("lea", "hal"):
            assert move.decision(name, run=1) == ANSWERED[name][:3], name
    assert [move.decision(name, run=1)[2] for name in ("lea", "hal")] == ["already_sent"] * 2
    assert len(move.home.ledger("select * from messages where state = 'accepted'")) == 2
    first, second = (move.home.snapshot(run_id, "permissions") for run_id in move.runs)
    assert sorted(map(str, first)) == sorted(map(str, second))


def test_no_answer_of_the_command_shows_an_address(move):
    assert "@" not in "".join([*move.said.values(), *move.again.values()])
