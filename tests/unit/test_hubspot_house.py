"""A HubSpot account in one house: landed by a run, staged, and in the marts that read it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from connectors.core.http import Budget
from connectors.sources.hubspot import asking
from tests.conformance.apis.hubspot import TOKEN, Portal
from tests.conformance.apis.hubspot.answers import millis
from tests.conformance.apis.hubspot.people import put
from tests.conformance.http_kit import Server
from tests.conformance.worlds.base import AS_OF
from tests.unit.store_kit import Stores, stores

MONDAY = AS_OF - timedelta(days=1)


def filled() -> Portal:
    """What happened in the account by Monday."""
    portal = Portal()
    portal.owners = [
        {"id": "31", "email": "grace@shop.example", "updatedAt": "2011-11-01T09:00:00Z"}
    ]
    put(
        portal, "contacts", "101", MONDAY, email="ada@example.com", firstname="Ada",
        lifecyclestage="opportunity", hubspot_owner_id="31", associatedcompanyid="7",
        hs_language="en-gb",
    )  # fmt: skip
    put(portal, "contacts", "102", MONDAY, email="bob@example.com", lifecyclestage="lead")
    put(portal, "companies", "7", MONDAY, name="Acme", domain="acme.example")
    put(
        portal, "deals", "501", MONDAY, dealname="Oven", pipeline="default", amount="1200.50",
        dealstage="contractsent", hs_is_closed="false", hubspot_owner_id="31",
    )  # fmt: skip
    portal.links = {"contacts": {"501": ["101"]}, "companies": {"501": ["7"]}}
    portal.left_all = {"bob@example.com"}
    answers = [{"name": "email", "value": "ada@example.com"}]
    sent = {"conversionId": "c1", "submittedAt": millis(MONDAY), "values": answers}
    portal.forms = {"f-1": [sent]}
    mail = {"created": millis(MONDAY), "recipient": "ada@example.com"}
    portal.email_events = [
        {"id": "e1", "type": "SENT", **mail},
        {"id": "e2", "type": "CLICK", "url": "https://shop.example/oven?a=1", **mail},
        {"id": "e3", "type": "PROCESSED", **mail},
    ]
    return portal


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """The account, after a run."""
    server = Server(filled())
    source = {"vendor": "hubspot", "url": server.url, "token": TOKEN}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asking, "SEARCHES", Budget(1_000, 1.0))
        with stores(tmp_path_factory.mktemp("crm"), {"crm": source}) as made:
            made.run(AS_OF)
            yield made
    server.close()


def test_nothing_is_rejected(house: Stores) -> None:
    assert house.rows("select * from staging.rejects") == []


def test_a_contact_is_a_person_with_a_stage_and_an_owner(house: Stores) -> None:
    [row] = house.rows(
        "select c.*, u.first_name, u.language from staging.stg_hubspot__contacts as c"
        " inner join staging.stg_hubspot__customers as u on c.contact_id = u.customer_id"
        " where c.email_raw = 'ada@example.com'"
    )
    assert (row["contact_id"], row["lifecycle_stage"], row["owner"], row["company_id"]) == (
        "crm:101", "opportunity", "grace", "7",
    )  # fmt: skip
    assert (row["first_name"], row["language"]) == ("Ada", "en")
    stages = house.rows("select lifecycle_stage from marts.crm_contacts order by 1")
    assert [each["lifecycle_stage"] for each in stages] == ["lead", "opportunity"]


def test_a_deal_is_of_its_person_and_in_pence(house: Stores) -> None:
    [deal] = house.rows("select * from marts.deals")
    assert (deal["stage"], deal["amount_minor"], deal["currency"]) == (
        "contractsent",
        120050,
        "GBP",
    )
    assert deal["node_id"] is not None


def test_who_left_all_emails_has_withdrawn(house: Stores) -> None:
    [row] = house.rows("select * from staging.stg_hubspot__consents")
    assert (row["email_raw"], row["state"], row["purpose"]) == (
        "bob@example.com", "withdrawn", "marketing",
    )  # fmt: skip


def test_what_came_back_and_a_form_are_there(house: Stores) -> None:
    kinds = house.rows("select kind, url from staging.stg_hubspot__feedback order by kind")
    assert [(each["kind"], each["url"]) for each in kinds] == [
        ("clicked", "https://shop.example/oven"), ("sent", None),
    ]  # fmt: skip
    [form] = house.rows("select event, email_raw from staging.stg_hubspot__events")
    assert (form["event"], form["email_raw"]) == ("Form Submitted", "ada@example.com")
