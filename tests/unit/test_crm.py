"""What is managed in a CRM is used here: contacts are people, companies accounts, deals goals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from days_kit import Record, land
from dbt_kit import build

MODELS = ("+accounts", "+account_intent", "+advisor_call", "+deals", "applied_batches")
# What is asked of a warehouse: who is who by the only address of each.
PEOPLE = "select person_id, node_id as address from marts.people_nodes where node_type = 'email'"
QUESTIONS = {
    "accounts": "select name, domain, people, owner from marts.accounts order by 1",
    "contacts": f"""
        select c.contact_id, p.address, a.name as account, c.lifecycle_stage, c.owner
        from marts.crm_contacts as c
        left join marts.people_nodes as n using (node_id)
        left join ({PEOPLE}) as p using (person_id)
        left join marts.accounts as a using (account_id)
        order by 1
    """,
    "deals": f"""
        select d.deal_id, p.address, a.name as account, d.is_won, d.is_closed, d.amount_minor,
            strftime(d.closed_at, '%Y-%m-%d %H:%M') as closed_at
        from marts.deals as d
        left join marts.people_nodes as n using (node_id)
        left join ({PEOPLE}) as p using (person_id)
        left join marts.accounts as a using (account_id)
        order by 1
    """,
    "conversions": f"""
        select p.address, a.name as account, c.goal, c.value_minor
        from marts.conversions as c
        left join marts.people_nodes as n using (node_id)
        left join ({PEOPLE}) as p using (person_id)
        left join marts.accounts as a using (account_id)
        order by all
    """,
    "stages": f"""
        select p.address, s.stage from intermediate.int_stages as s
        inner join ({PEOPLE}) as p using (person_id) order by all
    """,
    "points": f"""
        select p.address, t.talking_points from intermediate.int_talking_points as t
        inner join ({PEOPLE}) as p using (person_id) order by all
    """,
    "intent": """
        select distinct a.name, i.stage from marts.account_intent as i
        inner join marts.accounts as a using (account_id) order by all
    """,
}
ADDRESSES = (
    *("ada@acme.example", "ben@gmail.com", "cem@acme.example"),
    *("dan@bolt.example", "eva@cargo.example"),
)
Answers = dict[str, list[tuple[Any, ...]]]


def told(**fields: Any) -> Record:
    """A record as the CRM exports it; its first field is its key."""
    return str(next(iter(fields.values()))), "upsert", json.dumps(fields)


def identifier(address: str) -> Record:
    domain = address.partition("@")[2]
    named = {"type": "email", "raw": address, "value": address, "is_valid": True}
    node = address.partition("@")[0]
    return address, "upsert", json.dumps({**named, "node_id": node, "domain": domain})


def deal(key: str, contact: str | None, stage: str, at: str, **fields: Any) -> Record:
    return told(
        DealId=key, AccountId="70", ContactKey=contact, Name="For ada@acme.example", Stage=stage,
        IsWon=str(stage == "won").lower(), IsClosed=str(stage == "won").lower(), Amount="1250.50",
        Currency="GBP", Owner="zoe", CreatedAt="2011-11-01T09:00:00Z", UpdatedAt=at, **fields,
    )  # fmt: skip


def first_day(lake: Path) -> list[dict[str, str]]:
    """Ada and Ben are contacts of Acme, Ben from a free mailbox; Cem writes from its domain."""
    since = {"CreatedAt": "2011-11-01T09:00:00Z", "UpdatedAt": "2011-12-08T09:00:00Z"}
    cem = {"type": "identify", "messageId": "m1", "userId": "c9"}
    seen = {"originalTimestamp": "2011-12-08T10:00:00Z", "receivedAt": "2011-12-08T10:00:00Z"}
    cem_seen = {**cem, **seen, "traits": {"email": "cem@acme.example"}}
    contacts = [
        told(ContactKey="eloqua:501", EmailAddress="ada@acme.example", AccountId="70",
             LifecycleStage="Opportunity", Owner="ann@shop.example", **since),
        told(ContactKey="eloqua:502", EmailAddress="ben@gmail.com", AccountId="70",
             LifecycleStage="lead", **since),
    ]  # fmt: skip
    company = told(
        AccountId="70", Name="Acme Ltd", Website="https://www.acme.example/", Owner="eve", **since
    )
    deals = [
        deal("D1", "eloqua:501", "proposal", "2011-12-08T09:00:00Z", ClosedOn="2012-01-31"),
        deal("D2", None, "proposal", "2011-12-07T09:00:00Z"),
    ]
    return [
        land(lake, 1, "contacts", contacts, "eloqua"),
        land(lake, 1, "companies", [company], "eloqua"),
        land(lake, 1, "deals", deals, "eloqua"),
        land(lake, 1, "events", [("m1", "upsert", json.dumps(cem_seen))]),
        land(lake, 1, "identifiers", [identifier(each) for each in ADDRESSES]),
        *hubspot(lake),
        *marketo(lake),
    ]


def hubspot(lake: Path) -> list[dict[str, str]]:
    """Dan of Bolt signed, after he had become a qualified lead."""
    since, closed = "2011-12-08T09:00:00Z", "2011-12-08T14:00:00Z"
    held, by = {"createdate": since}, "max@shop.example"
    person = {"email": "dan@bolt.example", "lifecyclestage": "salesqualifiedlead", **held}
    firm = {"name": "Bolt", "domain": "bolt.example", **held}
    won = {"hs_is_closed": "true", "hs_is_closed_won": "true", "closedate": closed, **held}
    deal = {"pipeline": "default", "dealstage": "closedwon", "amount": "20", **won}
    rows = {
        "contacts": told(contactKey="hubspot:601", updatedAt=since, owner=by,
                         properties={**person, "associatedcompanyid": "80"}),
        "companies": told(id="80", updatedAt=since, owner=by, properties=firm),
        "deals": told(id="81", updatedAt=closed, contactKey="hubspot:601", companies=["80"],
                      companyCurrency="GBP", owner=by, properties=deal),
    }  # fmt: skip
    return [land(lake, 1, stream, [row], "hubspot") for stream, row in rows.items()]


def marketo(lake: Path) -> list[dict[str, str]]:
    """Eva of Cargo is a qualified lead; a deal of Cargo is open, nobody knows whose."""
    since = {"createdAt": "2011-12-01T09:00:00Z", "updatedAt": "2011-12-08T09:00:00Z"}
    of_cargo = {"externalCompanyId": "C90", "externalSalesPersonId": "sue", **since}
    rows = {
        "leads": told(leadKey="marketo:701", email="eva@cargo.example",
                      leadStatus="Sales Qualified Lead", **of_cargo),
        "companies": told(**of_cargo, company="Cargo", website="http://cargo.example"),
        "opportunities": told(externalOpportunityId="O1", name="Crates", stage="Negotiation",
                              isWon=False, isClosed=False, **of_cargo),
    }  # fmt: skip
    return [land(lake, 1, stream, [row], "marketo") for stream, row in rows.items()]


def second_day(lake: Path) -> list[dict[str, str]]:
    """Ada signs."""
    won = deal("D1", "eloqua:501", "won", "2011-12-09T15:00:00Z", ClosedOn="2011-12-09")
    return [land(lake, 2, "deals", [won], "eloqua")]


def asked(warehouse: Path, batches: list[dict[str, str]], as_of: str) -> Answers:
    build(warehouse, batches, as_of, *MODELS)
    with duckdb.connect(str(warehouse)) as connection:
        return {name: connection.execute(sql).fetchall() for name, sql in QUESTIONS.items()}


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> list[Answers]:
    """The answers of both days, by runs that follow each other, and of the second at once."""
    folder = tmp_path_factory.mktemp("crm")
    first = first_day(folder)
    both = [*first, *second_day(folder)]
    (folder / "once").mkdir()
    return [
        asked(folder / "crm.duckdb", first, "2011-12-09T11:05:00Z"),
        asked(folder / "crm.duckdb", both, "2011-12-10T11:05:00Z"),
        asked(folder / "once" / "crm.duckdb", both, "2011-12-10T11:05:00Z"),
    ]


def test_a_company_is_the_account_of_its_contacts_and_of_who_writes_from_its_domain(
    days: list[Answers],
) -> None:
    assert days[0]["accounts"] == [
        ("Acme Ltd", "acme.example", 3, "eve"),
        ("Bolt", "bolt.example", 1, "max"),
        ("Cargo", "cargo.example", 1, "sue"),
    ]


def test_contacts_are_the_people_of_their_address_and_owners_lose_theirs(
    days: list[Answers],
) -> None:
    assert days[0]["contacts"] == [
        ("eloqua:501", "ada", "Acme Ltd", "opportunity", "ann"),
        ("eloqua:502", "ben", "Acme Ltd", "lead", None),
        ("hubspot:601", "dan", "Bolt", "salesqualifiedlead", "max"),
        ("marketo:701", "eva", "Cargo", "sales qualified lead", "sue"),
    ]


def test_an_open_deal_is_a_decision_of_its_contact_and_its_company(days: list[Answers]) -> None:
    assert days[0]["deals"] == [
        ("81", "dan", "Bolt", True, True, 2000, "2011-12-08 14:00"),
        ("D1", "ada", "Acme Ltd", False, False, 125050, None),
        ("D2", None, "Acme Ltd", False, False, 125050, None),
        ("O1", None, "Cargo", False, False, None, None),
    ]
    stages = dict(days[0]["stages"])
    assert (stages["ada"], stages["eva"]) == ("deciding", "considering")
    assert {stages[name] for name in ("ben", "cem", "dan")} <= {"aware", "unaware"}
    intent = dict(days[0]["intent"])
    assert (intent["Acme Ltd"], intent["Cargo"]) == ("deciding", "deciding")
    assert intent["Bolt"] == stages["dan"]


def test_a_caller_is_told_who_looks_after_them(days: list[Answers]) -> None:
    assert dict(days[0]["points"]) == {
        "ada": "Open deal: proposal; Owner: ann",
        "ben": "Owner: eve",
        "cem": "Owner: eve",
        "dan": "Owner: max",
        "eva": "Owner: sue",
    }


def test_a_won_deal_reaches_the_goal_and_ends_the_decision_of_its_contact(
    days: list[Answers],
) -> None:
    assert days[1]["deals"][1] == (
        *("D1", "ada", "Acme Ltd", True, True, 125050, "2011-12-09 15:00"),
    )
    assert [row[:3] for row in days[0]["conversions"]] == [("dan", "Bolt", "enrol")]
    assert [row[:3] for row in days[1]["conversions"]] == [
        ("ada", "Acme Ltd", "enrol"),
        ("dan", "Bolt", "enrol"),
    ]
    # Her lifecycle still says opportunity; it began before the deal was closed.
    assert dict(days[1]["stages"])["ada"] != "deciding"
    # The other deal of the company is open.
    assert dict(days[1]["intent"])["Acme Ltd"] == "deciding"


def test_what_a_run_continues_is_what_is_built_at_once(days: list[Answers]) -> None:
    assert days[1] == days[2]
