"""Source `marketo`: activities with their addresses, leads by their changes, and what hangs on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from marketo_kit import AS_OF, assert_described, patience
from pydantic import SecretStr

from connectors.core import landing
from connectors.core.accounts import SourceSettings
from connectors.core.errors import FixConfig
from connectors.core.lake import Lake
from connectors.core.settings import Settings
from connectors.core.spec import Finding
from connectors.ledger.db import open_ledger
from connectors.ledger.manifest import LedgerManifest
from connectors.sources.marketo import SPEC
from tests.conformance.apis.marketo.rules import TYPES
from tests.conformance.apis.marketo.store import PASSWORD, USER, Marketo
from tests.conformance.http_kit import Server

__all__ = ["patience"]

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


class Connected:
    """An account, connected to a lake and a ledger; each landing is an hour after the last."""

    def __init__(self, home: Path) -> None:
        self.account = Marketo()
        self.server = Server(self.account)
        self.home, self.clock, self.options = home, AS_OF, {"calls": "1000000"}
        self.manifest = LedgerManifest(open_ledger(f"sqlite:///{home}/ledger.db"))

    @property
    def source(self) -> SourceSettings:
        return SourceSettings(
            vendor="marketo", url=SecretStr(f"{self.server.url}/rest"), user=SecretStr(USER),
            password=SecretStr(PASSWORD), options=self.options,
        )  # fmt: skip

    def land(self, stream: str) -> list[tuple[str, str, dict[str, Any]]]:
        """What landed: (op, key, payload) in order."""
        self.clock += HOUR
        settings = Settings(home=self.home, sources={"mk": self.source})
        lake, of = Lake(settings.lake_root), SPEC.stream(stream)
        landed = landing.land(SPEC, of, "mk", settings, self.manifest, lake, self.clock)
        return [
            (row["op"], row["record_key"], orjson.loads(row["payload"]))
            for batch in landed.batches
            if batch.vendor == "marketo"
            for row in pq.ParquetFile(lake.url(batch.path)).read().to_pylist()
        ]

    def put_leads(self, count: int) -> list[int]:
        return [
            self.account.put_lead({"email": f"p{n}@shop.example", "firstName": f"P{n}"}, AS_OF)
            for n in range(count)
        ]

    def asked(self, path: str) -> list[dict[str, str]]:
        """The parameters of the requests to such a path since this was asked last."""
        found = [each.query for each in self.server.asked if path in each.path]
        assert_described(self.server.asked)
        self.server.asked.clear()
        return found

    def check(self) -> list[Finding]:
        return SPEC.check("mk", self.source)


@pytest.fixture
def marketo(tmp_path: Path) -> Iterator[Connected]:
    made = Connected(tmp_path)
    yield made
    made.server.close()
    assert_described(made.server.asked)


def test_activities_land_once_each_with_the_address_of_their_lead(marketo: Connected) -> None:
    leads = marketo.put_leads(3)
    marketo.options["campaigns"] = "welcome:1021"
    kinds = [6, 7, 8, 27, 9, 10, 11, 2, 1, 25]
    for number, kind in enumerate(kinds):
        at = AS_OF + number * MINUTE
        marketo.account.put_activity(kind, leads[number % 3], at, campaignId=1021 + number % 2)
    landed = marketo.land("activities")
    assert [told["activityTypeId"] for _, _, told in landed] == [6, 7, 8, 27, 9, 10, 11, 2]
    assert landed[1][2]["lead"] == {"email": "p1@shop.example"}
    assert [told.get("programme") for _, _, told in landed[:2]] == ["welcome", None]
    (asked,) = marketo.asked("/activities.json")
    assert len(asked["activityTypeIds"].split(",")) <= 10
    assert marketo.land("activities") == []
    marketo.account.put_activity(11, leads[0], marketo.clock)
    assert [told["activityTypeId"] for _, _, told in marketo.land("activities")] == [11]


def test_an_address_is_asked_for_once_a_run(marketo: Connected) -> None:
    leads = marketo.put_leads(4)
    for number in range(1_000):
        marketo.account.put_activity(10, leads[number % 4], AS_OF + number * timedelta(seconds=1))
    assert len(marketo.land("activities")) == 1_000
    assert len(marketo.asked("/leads.json")) == 1


def test_the_activity_of_a_lead_that_is_gone_has_no_address(marketo: Connected) -> None:
    lead, _ = marketo.put_leads(2)
    marketo.account.put_activity(10, lead, AS_OF)
    marketo.account.delete_lead(lead, AS_OF)
    ((_, _, told),) = marketo.land("activities")
    assert told["lead"] == {"email": None}


def test_leads_land_when_they_come_change_and_go(marketo: Connected) -> None:
    leads = marketo.put_leads(650)
    landed = marketo.land("leads")
    assert sorted(int(key) for _, key, _ in landed) == leads
    assert landed[0][2]["email"] == "p0@shop.example"
    assert landed[0][2]["unsubscribed"] is False
    assert marketo.land("leads") == []
    at = marketo.clock + MINUTE
    marketo.account.put_lead({"id": leads[7], "email": "new@shop.example"}, at)
    marketo.account.put_lead({"id": leads[7], "email": "newer@shop.example"}, at + MINUTE)
    marketo.account.delete_lead(leads[9], at)
    (_, key, told), (op, gone, payload) = marketo.land("leads")
    assert (key, told["email"]) == (str(leads[7]), "newer@shop.example")
    assert (op, gone) == ("delete", str(leads[9]))
    assert "Ada" not in str(payload), "a deletion tells the name, which does not land"
    assert marketo.land("leads") == []


def test_only_fields_that_the_account_has_are_asked_for(
    marketo: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(TYPES, "externalSalesPersonId")
    marketo.put_leads(2)
    assert len(marketo.land("leads")) == 2


def test_who_is_older_than_the_feed_comes_from_the_lists_that_are_named(marketo: Connected) -> None:
    leads = marketo.put_leads(20)
    marketo.account.changes.rows.clear()
    marketo.account.put_list("all")
    marketo.account.members[1159] = dict.fromkeys(leads[:15])
    marketo.account.put_list("more")
    marketo.account.members[1160] = dict.fromkeys(leads[10:])
    marketo.options["lists"] = "1159, 1160"
    assert sorted({int(key) for _, key, _ in marketo.land("leads")}) == leads
    marketo.asked("")
    assert marketo.land("leads") == []
    assert not marketo.asked("/lists/"), "the lists are read at the first load"


def test_opportunities_come_with_all_their_roles(marketo: Connected) -> None:
    one, two, _ = marketo.put_leads(3)
    marketo.options["currency"] = "eur"
    for number in (1, 2):
        made = {"externalOpportunityId": f"o{number}", "name": "Kettles", "stage": "Proposal"}
        made |= {"amount": 1200.5, "isWon": False, "updatedAt": "2011-12-06T11:05:00Z"}
        marketo.account.objects.setdefault("opportunities", []).append(made)
    roles = [("o1", one, True), ("o1", two, False), ("o2", two, True)]
    marketo.account.objects["opportunities/roles"] = [
        {"externalOpportunityId": each, "leadId": lead, "role": "Buyer", "isPrimary": first}
        for each, lead, first in roles
    ]
    marketo.account.put_activity(34, one, AS_OF)
    ((_, key, told),) = marketo.land("opportunities")
    assert (key, told["currency"], told["amount"]) == ("o1", "EUR", 1200.5)
    assert [role["leadId"] for role in told["roles"]] == [one, two]
    assert told["leadKey"] == f"mk:{one}"
    assert "seq" not in str(told)
    assert marketo.land("opportunities") == []
    marketo.account.put_activity(36, two, marketo.clock)
    assert {key for _, key, _ in marketo.land("opportunities")} >= {"o2"}


def test_companies_come_with_the_leads_that_belong_to_them(marketo: Connected) -> None:
    marketo.account.objects["companies"] = [
        {"externalCompanyId": each, "company": each, "updatedAt": "2011-01-01T00:00:00Z"}
        for each in ("c1", "c2")
    ]
    for number in range(5):
        lead = {"email": f"p{number}@shop.example", "externalCompanyId": "c1"}
        marketo.account.put_lead(lead, AS_OF)
    marketo.put_leads(2)
    assert [(key, told["company"]) for _, key, told in marketo.land("companies")] == [("c1", "c1")]
    at = marketo.clock + MINUTE
    marketo.account.put_lead({"email": "q@shop.example", "externalCompanyId": "c2"}, at)
    assert [key for _, key, _ in marketo.land("companies")] == ["c2"]


def test_named_accounts_of_lists_are_compared_as_a_whole(marketo: Connected) -> None:
    assert marketo.land("named_accounts") == []
    assert not marketo.server.asked, "without a list nothing is asked"
    marketo.options["account_lists"] = "dff23271-f996, dff23271-f997"
    named = [
        {"marketoGUID": f"g{number}", "name": f"Kettles {number}", "lists": lists}
        for number, lists in enumerate([["dff23271-f996"], ["dff23271-f996", "dff23271-f997"]])
    ]
    marketo.account.objects["named"] = named
    landed = marketo.land("named_accounts")
    assert [(op, key, told["name"]) for op, key, told in landed] == [
        ("upsert", "g0", "Kettles 0"), ("upsert", "g1", "Kettles 1"),
    ]  # fmt: skip
    assert marketo.land("named_accounts") == []
    del named[0]
    marketo.land("named_accounts")
    assert [(op, key) for op, key, _ in marketo.land("named_accounts")] == [("delete", "g0")]


def test_a_token_that_ends_in_mid_run_costs_nothing(marketo: Connected) -> None:
    marketo.account.token_calls = 3
    leads = marketo.put_leads(2_000)
    assert len(marketo.land("leads")) == len(leads)
    assert len(marketo.asked("oauth")) > 3


def test_check_tells_what_can_be_read(marketo: Connected) -> None:
    assert {(each.level, each.what) for each in marketo.check()} == {
        ("ok", f"{name} can be read")
        for name in ("leads", "activities", "companies", "named_accounts", "opportunities")
    }
    marketo.account.denied = ("/rest/v1/companies",)
    (wrong,) = [each for each in marketo.check() if each.level == "error"]
    assert wrong.what.startswith("companies: ")
    assert "permission" in wrong.remedy


def test_a_leads_key_is_no_user_of_another_source(marketo: Connected) -> None:
    (lead,) = marketo.put_leads(1)
    marketo.account.put_activity(10, lead, AS_OF)
    for stream in ("leads", "activities"):
        ((_, _, told),) = marketo.land(stream)
        assert told["leadKey"] == f"mk:{lead}"


def test_what_a_crm_keeps_is_not_asked_for_where_the_option_says_so(marketo: Connected) -> None:
    marketo.options["crm"] = "yes"
    marketo.account.denied = ("/rest/v1/companies", "/rest/v1/opportunities")
    assert marketo.land("companies") == marketo.land("opportunities") == []
    assert not marketo.server.asked
    assert {each.level for each in marketo.check()} == {"ok"}


def test_wrong_credentials_are_told(marketo: Connected) -> None:
    wrong = marketo.source.model_copy(update={"password": SecretStr("wr0ng")})
    found = SPEC.check("mk", wrong)
    assert {each.level for each in found} == {"error"}
    assert "wr0ng" not in repr(found)


def test_the_first_load_begins_where_the_option_says(marketo: Connected) -> None:
    (lead,) = marketo.put_leads(1)
    for days in (40, 1):
        marketo.account.put_activity(10, lead, AS_OF - days * 24 * HOUR)
    marketo.options["since"] = f"{AS_OF - 30 * 24 * HOUR:%Y-%m-%d}"
    assert len(marketo.land("activities")) == 1


@pytest.mark.parametrize("option", ["campaigns", "calls", "since"])
def test_a_wrong_option_is_told(marketo: Connected, option: str) -> None:
    marketo.options[option] = "some"
    with pytest.raises(FixConfig, match=option):
        marketo.land("leads")
