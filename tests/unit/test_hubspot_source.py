"""Source `hubspot`: changes by id, deals with their people, subscriptions, forms, email events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from connectors.core import landing
from connectors.core.accounts import SourceSettings
from connectors.core.errors import FixConfig, RetryLater
from connectors.core.http import Budget
from connectors.core.lake import Lake
from connectors.core.settings import Settings
from connectors.ledger.db import open_ledger
from connectors.ledger.manifest import LedgerManifest
from connectors.sources.hubspot import SPEC, asking
from tests.conformance.apis.hubspot import TOKEN, Portal
from tests.conformance.apis.hubspot.answers import millis
from tests.conformance.apis.hubspot.people import put
from tests.conformance.http_kit import Server, Told
from tests.conformance.worlds.base import AS_OF

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class Connected:
    """An account, connected to a lake and a ledger; each landing is an hour after the last one."""

    def __init__(self, home: Path) -> None:
        self.portal = Portal()
        self.server = Server(self.portal)
        self.home, self.clock, self.options = home, AS_OF, {}
        self.manifest = LedgerManifest(open_ledger(f"sqlite:///{home}/ledger.db"))

    def settings(self) -> Settings:
        source = SourceSettings(
            vendor="hubspot", url=SecretStr(self.server.url), token=SecretStr(TOKEN), page_size=5,
            options=self.options,
        )  # fmt: skip
        return Settings(home=self.home, sources={"crm": source})

    def land(self, stream: str) -> list[dict[str, Any]]:
        """What landed: payloads with the record's key, in order."""
        self.clock += HOUR
        settings = self.settings()
        lake = Lake(settings.lake_root)
        landed = landing.land(
            SPEC, SPEC.stream(stream), "crm", settings, self.manifest, lake, self.clock
        )
        return [
            {**orjson.loads(row["payload"]), "@key": row["record_key"]}
            for batch in landed.batches
            if batch.vendor == "hubspot"
            for row in pq.ParquetFile(lake.url(batch.path)).read().to_pylist()
        ]

    def asked(self) -> list[Any]:
        """The requests since this was asked last."""
        found = list(self.server.asked)
        self.server.asked.clear()
        return found


@pytest.fixture
def crm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connected]:
    monkeypatch.setattr(asking, "SEARCHES", Budget(1_000, 1.0))
    made = Connected(tmp_path)
    yield made
    made.server.close()


def event(id_: str, at: datetime, kind: str = "SENT", **more: Any) -> dict[str, Any]:
    return {
        "id": id_, "created": millis(at), "type": kind, "recipient": "ada@example.com", **more,
    }  # fmt: skip


def test_pages_are_questions_by_id_and_only_what_changed_is_asked_for_again(crm: Connected) -> None:
    for number in range(12):
        put(crm.portal, "companies", str(700 + number), AS_OF - DAY, name=f"Acme {number}")
    assert [each["id"] for each in crm.land("companies")] == [str(700 + n) for n in range(12)]
    first = crm.asked()[0].body
    assert first["filterGroups"] == []
    assert first["sorts"] == [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
    put(crm.portal, "companies", "703", crm.clock, name="Ajax")
    assert [each["properties"]["name"] for each in crm.land("companies")] == ["Ajax"]
    filters = crm.asked()[0].body["filterGroups"][0]["filters"]
    assert [each["operator"] for each in filters] == ["GTE"]


def test_a_contact_carries_an_id_that_no_shops_customer_has(crm: Connected) -> None:
    crm.portal.owners = [{"id": "31", "email": "Grace@shop.example"}]
    told = {"email": "ada@example.com", "lifecyclestage": "lead", "hubspot_owner_id": "31"}
    put(crm.portal, "contacts", "101", AS_OF, **told)
    [contact] = crm.land("contacts")
    assert contact["owner"] == "grace"
    assert (contact["contactKey"], contact["@key"]) == ("crm:101", "101")
    assert contact["properties"]["lifecyclestage"] == "lead"


def test_without_the_right_to_read_owners_their_ids_do(crm: Connected) -> None:
    app = crm.server.app
    crm.server.app = lambda asked: Told(status=403) if "owners" in asked.path else app(asked)
    put(crm.portal, "companies", "7", AS_OF, name="Acme", hubspot_owner_id="31")
    assert [each["owner"] for each in crm.land("companies")] == ["31"]


def test_a_deal_carries_its_people_its_companies_and_the_accounts_currency(crm: Connected) -> None:
    crm.portal.links = {"contacts": {"501": ["102", "101", "101"]}, "companies": {"501": ["7"]}}
    for id_ in ("501", "502"):
        put(crm.portal, "deals", id_, AS_OF, dealname="Oven", amount="1200")
    first, second = crm.land("deals")
    assert (first["contacts"], first["companies"]) == (["101", "102"], ["7"])
    assert (first["contactKey"], first["companyCurrency"]) == ("crm:101", "GBP")
    assert (second["contacts"], second["contactKey"]) == ([], None)


def test_subscriptions_are_what_contacts_that_changed_have_said(crm: Connected) -> None:
    crm.portal.left = {"ada@example.com": {4711}}
    crm.portal.left_all = {"bob@example.com"}
    for number, name in enumerate(("ada", "bob", "cleo"), 101):
        put(crm.portal, "contacts", str(number), AS_OF, email=f"{name}@example.com")
    put(crm.portal, "contacts", "104", AS_OF, phone="020 7946 0123")
    told = crm.land("subscriptions")
    assert {(each["@key"], each["status"], each["contactKey"]) for each in told} == {
        ("101/4711", "UNSUBSCRIBED", "crm:101"), ("102/all", "UNSUBSCRIBED", "crm:102"),
    }  # fmt: skip
    assert crm.land("subscriptions") == []
    crm.portal.left["cleo@example.com"] = {4711}
    put(crm.portal, "contacts", "103", crm.clock, email="cleo@example.com")
    assert [each["@key"] for each in crm.land("subscriptions")] == ["103/4711"]


def test_email_events_are_read_by_weeks_from_ninety_days_back(crm: Connected) -> None:
    days = [1, 3, 8, 20, 60, 89, 95]
    crm.portal.email_events = [event(f"e{n}", AS_OF - n * DAY) for n in days]
    found = [each["id"] for each in crm.land("email_events")]
    assert sorted(found) == sorted(f"e{n}" for n in days if n < 95)
    assert found.index("e89") < found.index("e60") < found.index("e8"), "oldest week first"
    crm.asked()
    crm.portal.email_events.append(event("late", crm.clock - timedelta(minutes=5), "OPEN"))
    assert [each["id"] for each in crm.land("email_events")] == ["late"]
    assert len(crm.asked()) == 1
    assert crm.land("email_events") == []


def test_many_events_of_a_week_come_by_pages_and_once(crm: Connected) -> None:
    moments = [AS_OF - timedelta(minutes=n) for n in range(33)]
    crm.portal.email_events = [event(f"e{n:02d}", at) for n, at in enumerate(moments)]
    assert sorted(each["id"] for each in crm.land("email_events")) == [
        f"e{n:02d}" for n in range(33)
    ]


def test_what_happens_after_as_of_waits_for_its_time(crm: Connected) -> None:
    crm.portal.email_events = [event("e1", AS_OF), event("e2", AS_OF + timedelta(minutes=90))]
    assert [each["id"] for each in crm.land("email_events")] == ["e1"]
    assert [each["id"] for each in crm.land("email_events")] == ["e2"]


def test_an_email_of_the_options_carries_its_programme(crm: Connected) -> None:
    crm.options = {"emails": "12=abandoned_cart, 77 = new_collection/winter"}
    crm.portal.email_events = [
        event("e1", AS_OF, emailCampaignId=12),
        event("e2", AS_OF, emailCampaignId=5, emailCampaignGroupId=77),
        event("e3", AS_OF, emailCampaignId=5),
    ]
    told = {each["id"]: each for each in crm.land("email_events")}
    assert told["e1"]["programme"] == "abandoned_cart"
    assert (told["e2"]["programme"], told["e2"]["campaign"]) == ("new_collection", "winter")
    assert "programme" not in told["e3"]
    crm.options = {"emails": "twelve"}
    with pytest.raises(FixConfig, match="emails"):
        crm.land("email_events")


def test_a_form_is_read_back_to_what_is_known_of_it(crm: Connected) -> None:
    def filled(number: int, at: datetime) -> dict[str, Any]:
        answers = [{"name": "email", "value": "ada@example.com"}, {"name": "size", "value": "39"}]
        return {"conversionId": f"c{number}", "submittedAt": millis(at), "values": answers}

    crm.portal.forms = {
        "f-1": [filled(n, AS_OF - n * HOUR) for n in range(12)],
        "f-2": [filled(100, AS_OF)],
    }
    told = crm.land("submissions")
    assert len(told) == 13
    assert {each["formName"] for each in told} == {"Form f-1", "Form f-2"}
    assert {each["email"] for each in told} == {"ada@example.com"}
    crm.asked()
    crm.portal.forms["f-1"].append(filled(50, crm.clock))
    assert [each["conversionId"] for each in crm.land("submissions")] == ["c50"]
    assert len(crm.asked()) == 3, "the forms, and one page of each"


def test_a_page_that_comes_again_and_again_ends_the_run(crm: Connected) -> None:
    put(crm.portal, "companies", "7", AS_OF, name="Acme")
    app = crm.server.app
    told = app(type("A", (), {  # the one page, whatever is asked
        "method": "POST", "path": "/crm/v3/objects/companies/search", "query": {},
        "headers": {"authorization": f"Bearer {TOKEN}"}, "body": {},
    })())  # fmt: skip
    crm.server.app = lambda _: told
    with pytest.raises(RetryLater, match="again and again"):
        crm.land("companies")
    crm.server.app = app
    assert crm.land("companies") == [], "what came before has landed"


def test_the_check_says_which_scope_a_stream_lacks(crm: Connected) -> None:
    put(crm.portal, "contacts", "101", AS_OF, email="ada@example.com")
    app = crm.server.app
    crm.server.app = lambda asked: Told(status=403) if "owners" in asked.path else app(asked)
    found = SPEC.check("crm", crm.settings().source("crm"))
    said = {each.what: each for each in found}
    assert said["contacts can be read, 1 records"].level == "ok"
    lacking = next(each for each in found if each.level == "error")
    assert "owners" in lacking.what
    assert "crm.objects.owners.read" in lacking.remedy


def test_the_check_without_a_token_says_what_to_set(crm: Connected) -> None:
    bare = SourceSettings(vendor="hubspot", url=SecretStr(crm.server.url))
    assert [each.level for each in SPEC.check("crm", bare)] == ["error"]
