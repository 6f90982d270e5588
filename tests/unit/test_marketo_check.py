"""What `check` says of an account; and that the one on loopback answers as recorded ones did."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, unquote

import pytest
from marketo_kit import CAMPAIGN, OTHER, RECORDED, Connected, marketo, patience
from pydantic import SecretStr

from connectors.core import registry
from connectors.core.accounts import DestinationSettings
from connectors.core.audience import AudienceTarget
from connectors.core.delivery import Destination
from connectors.core.settings import Settings
from connectors.destinations import marketo as module
from connectors.destinations.marketo import check
from tests.conformance.apis.marketo.store import PASSWORD, USER, Marketo
from tests.conformance.http_kit import Asked

__all__ = ["marketo", "patience"]


def test_check_tells_that_all_can_be_used_and_writes_nothing(marketo: Connected) -> None:
    assert [(each.level, each.what) for each in check(marketo.settings())] == [
        ("ok", "logged in; 1 of 50,000 calls are used today"),
        ("ok", "leads can be read"),
        ("ok", "static lists can be read"),
        ("ok", "activities can be read"),
        ("ok", f"campaign of abandoned_cart ({CAMPAIGN}) is active"),
        ("ok", f"campaign of * ({OTHER}) is active"),
    ]
    assert {each.method for each in marketo.server.asked if "oauth" not in each.path} == {"GET"}


def test_check_tells_what_is_missing_with_its_remedy(marketo: Connected) -> None:
    marketo.account.denied = ("/rest/v1/lists",)
    marketo.account.campaigns[CAMPAIGN]["active"] = False
    found = check(marketo.settings(campaigns=f"a:{CAMPAIGN},b:77", daily_calls="3"))
    said = {each.what: (each.level, each.remedy) for each in found}
    assert said["logged in; 1 of 3 calls are used today"][0] == "ok"
    (denied,) = [each for each in found if each.what.startswith("static lists: ")]
    assert (denied.level, "permission" in denied.remedy) == ("error", True)
    assert said[f"campaign of a ({CAMPAIGN}) is no active trigger campaign"][0] == "error"
    (gone,) = [each for each in found if each.what.startswith("campaign of b: ")]
    assert gone.level == "error"
    assert all(each.remedy for each in found if each.level != "ok")


def test_check_warns_when_few_calls_are_left(marketo: Connected) -> None:
    marketo.account.calls = 46_000
    first, *_ = check(marketo.settings())
    assert (first.level, first.what) == (
        "warning", "logged in; 46,001 of 50,000 calls are used today",
    )  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [{"password": SecretStr("wr0ng")}, {"url": None}, {"user": None}, {"options": {"calls": "-"}}],
)
def test_check_tells_of_settings_that_cannot_be_used(
    marketo: Connected, changes: dict[str, object]
) -> None:
    named = marketo.settings().destination("marketo").model_copy(update=changes)
    settings = Settings.model_construct(destinations={"marketo": named})
    (found,) = check(settings)
    assert (found.level, bool(found.remedy)) == ("error", True)
    assert USER not in repr(found)
    assert "wr0ng" not in repr(found)


def test_it_is_a_destination_that_reaches_people(marketo: Connected) -> None:
    made = registry.destination("marketo")(marketo.settings())
    assert isinstance(made, Destination)
    assert isinstance(module.create_audience(marketo.settings()), AudienceTarget)
    assert getattr(made, "is_live", False)
    assert not getattr(made, "accepted_is_sent", True)
    unset = DestinationSettings()
    assert not unset.options


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded exchanges are not here")
def test_the_account_answers_as_recorded_ones_did() -> None:
    """Every recorded exchange that Parley makes, too, has the same fields in the same places."""
    account, compared = Marketo(), 0
    account.put_lead({"id": 7149, "email": "brian@example.org"}, account.now)
    account.put_lead({"id": 7150, "email": "brian2@example.org"}, account.now)
    for number in (1159, 1160):
        account.lists[number] = {"id": number, "name": f"l{number}"}
        account.members[number] = {7149: None}
    token = account(Asked("POST", "/identity/oauth/token", {
        "grant_type": "client_credentials", "client_id": USER, "client_secret": PASSWORD,
    }, {}))  # fmt: skip
    headers = {"authorization": f"Bearer {token.body['access_token']}"}
    for line in RECORDED.read_text().splitlines():
        told = json.loads(line)
        asked = _asked_again(told, headers)
        if asked is None:
            continue
        answer = account(asked).body
        assert set(answer) - {"nextPageToken"} <= set(told["response"]), told["path"]
        for row, recorded in zip(answer["result"], told["response"]["result"], strict=False):
            if row.get("status") == recorded.get("status"):
                assert set(row) <= set(recorded), told["path"]
                assert _codes(row) == _codes(recorded)
                compared += 1
    assert compared > 20


def _asked_again(told: dict[str, object], headers: dict[str, str]) -> Asked | None:
    """A recorded request that Parley makes, too; not those with fields of that account's own."""
    path, body, query = str(told["path"]), told.get("request"), told.get("query", {})
    assert isinstance(query, dict)
    found: Asked | None = None
    if path == "/rest/v1/leads.json" and told["method"] == "GET" and "fields" not in query:
        plain = {name: unquote(str(value)) for name, value in query.items()}
        found = Asked("GET", path, plain, headers)
    elif path == "/rest/v1/leads.json" and isinstance(body, dict) and "_method" not in query:
        is_upsert = body.get("action") == "createOrUpdate" and "email_field" not in str(body)
        found = Asked("POST", path, {}, headers, body) if is_upsert else None
    elif path == "/rest/asset/v1/staticLists.json":
        found = Asked("POST", path, {}, headers, dict(parse_qsl(str(body))))
    elif path.startswith("/rest/v1/lists/"):
        ids = query.get("id", [])
        listed = [{"id": int(each)} for each in (ids if isinstance(ids, list) else [ids])]
        found = Asked(str(told["method"]), path, query, headers, body or {"input": listed})
    return found


def _codes(row: dict[str, object]) -> list[object]:
    reasons = row.get("reasons", [])
    assert isinstance(reasons, list)
    return [each["code"] for each in reasons]
