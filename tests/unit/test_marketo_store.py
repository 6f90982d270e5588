"""A Marketo account, from its API to the marts: what came back, who is who, who left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.conformance.apis.marketo.store import PASSWORD, USER, Marketo
from tests.conformance.http_kit import Server
from tests.unit.store_kit import Stores, stores

MONDAY = datetime(2011, 12, 5, 11, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def fill(account: Marketo) -> None:
    """What was so by Monday."""
    ada = {"email": "ada@example.com", "firstName": "Ada", "externalCompanyId": "c1"}
    one = account.put_lead({**ada, "leadStatus": "Qualified"}, MONDAY)
    two = account.put_lead({"email": "bob@example.com", "unsubscribed": True}, MONDAY)
    bot = [{"name": "Is Bot Activity", "value": True}]
    link = [{"name": "Link", "value": "https://shop.example/a?b=c"}]
    account.put_activity(6, one, MONDAY, campaignId=1021)
    account.put_activity(10, one, MONDAY, attributes=bot)
    account.put_activity(11, one, MONDAY, attributes=link)
    account.put_activity(8, two, MONDAY, attributes=[{"name": "Category", "value": 2}])
    form = {"primaryAttributeValue": "Guide", "primaryAttributeValueId": 7}
    account.put_activity(2, one, MONDAY, **form)
    company = {"externalCompanyId": "c1", "company": "Kettles", "website": "kettles.example"}
    account.objects["companies"] = [company]
    deal = {"externalOpportunityId": "o1", "externalCompanyId": "c1", "name": "100 kettles"}
    account.objects["opportunities"] = [{**deal, "amount": 12.5, "isWon": True, "isClosed": True}]
    role = {"externalOpportunityId": "o1", "leadId": one, "role": "Buyer", "isPrimary": True}
    account.objects["opportunities/roles"] = [role]
    account.put_activity(34, one, MONDAY)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """The account, after one run."""
    account = Marketo()
    server = Server(account)
    options = '{"calls": "1000000", "currency": "GBP", "campaigns": "welcome:1021"}'
    source = {"vendor": "marketo", "url": server.url, "user": USER, "password": PASSWORD}
    fill(account)
    with stores(tmp_path_factory.mktemp("marketo"), {"mk": {**source, "options": options}}) as made:
        made.run(MONDAY + HOUR)
        yield made
    server.close()


def test_nothing_of_it_is_rejected(house: Stores) -> None:
    assert house.rows("select * from staging.rejects") == []


def test_activities_are_what_came_back_of_messages(house: Stores) -> None:
    found = house.rows(
        "select kind, programme, email_raw, is_hard, is_machine, url"
        " from staging.stg_marketo__feedback order by record_key"
    )
    assert [tuple(row.values()) for row in found] == [
        ("sent", "welcome", "ada@example.com", None, None, None),
        ("opened", None, "ada@example.com", None, True, None),
        ("clicked", None, "ada@example.com", None, None, "https://shop.example/a"),
        ("bounced", None, "bob@example.com", True, None, None),
    ]


def test_a_filled_form_is_an_event_of_its_person(house: Stores) -> None:
    found = house.rows(
        "select e.event, p.raw_value from marts.web_events as e"
        " inner join marts.people_nodes as n on e.node_id = n.node_id"
        " inner join marts.people_nodes as m on n.person_id = m.person_id"
        " inner join intermediate.int_identifiers as p on m.node_id = p.node_id"
    )
    assert [tuple(row.values()) for row in found] == [("Form Submitted", "ada@example.com")]


def test_a_lead_an_opportunity_and_a_company_hang_together(house: Stores) -> None:
    found = house.rows(
        "select c.contact_id, c.lifecycle_stage, d.deal_id, d.is_won, d.amount_minor, o.domain"
        " from staging.stg_marketo__contacts as c"
        " inner join staging.stg_marketo__deals as d on c.contact_id = d.contact_id"
        " inner join staging.stg_marketo__companies as o on d.company_id = o.company_id"
    )
    assert [tuple(row.values()) for row in found] == [
        ("mk:7149", "qualified", "o1", True, 1250, "kettles.example")
    ]


def test_who_left_in_marketo_is_not_written_to(house: Stores) -> None:
    found = house.rows(
        "select i.raw_value, n.channel, n.state from marts.permission_now as n"
        " inner join intermediate.int_identifiers as i on n.address_node = i.node_id"
    )
    assert [tuple(row.values()) for row in found] == [("bob@example.com", "email", "withdrawn")]
