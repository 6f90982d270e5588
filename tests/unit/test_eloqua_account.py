"""The account at Eloqua: log-in and its ways, options, the check; nothing shows a secret."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from eloqua_kit import (
    LIST,
    Instance,
    assert_described,
    lost_before,
    message,
    recorded,
    says,
)
from pydantic import SecretStr

from connectors.core.accounts import DestinationSettings
from connectors.core.delivery import Outcome
from connectors.core.errors import FixConfig, ParleyError, StopRun
from connectors.core.http import HttpClient
from connectors.core.rehearsal import Rehearsal
from connectors.core.vendors import eloqua
from connectors.destinations.eloqua import check, create
from connectors.destinations.eloqua.options import read_options
from tests.conformance.apis.eloqua.site import APP, PASSWORD, USER, EloquaSite
from tests.conformance.http_kit import Server, Told

BATCH = "b7f3"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eloqua, "POLLS", (0.001,))
    monkeypatch.setitem(HttpClient.__init__.__kwdefaults__, "sleep", lambda _: None)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    made = Instance(tmp_path)
    yield made
    made.server.close()


def states(outcomes: list[Outcome] | None) -> dict[str, str]:
    assert outcomes is not None
    return {each.message_key: each.state for each in outcomes}


def sent_to(instance: Instance, list_id: str = LIST) -> list[str]:
    return [email for where, email in instance.site.sent if where == list_id]


def test_a_rehearsal_asks_what_a_delivery_asks(instance: Instance) -> None:
    of = [message("k1", content={"subject": ["a", 1]}), message("k2", programme="welcome")]
    instance.destination().deliver(BATCH, of)
    rehearsal = Rehearsal()
    create(instance.settings, client=rehearsal).deliver(BATCH, of)
    noted = [(each.method, each.path.strip("/0123456789")) for each in rehearsal.noted]
    real = [a.method for a in instance.server.asked if a.path != "/id"]
    assert [method for method, _ in noted] == real
    assert ("POST", "api/bulk/2.0/contacts/imports") in noted


@pytest.mark.parametrize(
    "options",
    [
        {"lists": "cart=one"},
        {"lists": "cart"},
        {"fields": "subject=C-Subject"},
        {"fields": "email=C_Email"},
        {"fields": ",".join(f"n{n}=C_{n}" for n in range(100))},
    ],
)
def test_options_that_cannot_be_used_are_told(options: dict[str, str]) -> None:
    with pytest.raises(FixConfig):
        read_options(options)


def test_a_programme_without_a_list_is_told_before_anything_leaves(instance: Instance) -> None:
    with pytest.raises(FixConfig, match="winback"):
        instance.destination().deliver(BATCH, [message("k1"), message("k2", programme="winback")])
    assert instance.server.asked == []


def test_an_instance_elsewhere_gets_no_credentials(instance: Instance) -> None:
    evil = Server(EloquaSite())
    instance.spoil("GET /id ", lambda _asked, _app: Told({"urls": {"base": evil.url}}))
    with pytest.raises(StopRun):
        instance.destination().deliver(BATCH, [message("k1")])
    assert evil.asked == []
    evil.close()


def test_an_apps_token_is_asked_for_and_renewed_once_it_is_refused(instance: Instance) -> None:
    account = instance.settings.destinations["eloqua"]
    account = account.model_copy(update={"token": SecretStr(APP)})
    settings = instance.settings.model_copy(update={"destinations": {"eloqua": account}})
    found = create(settings)
    assert states(found.deliver(BATCH, [message("k1")])) == {"k1": "accepted"}
    instance.site.tokens += 1  # the one that was given has ended
    assert states(found.deliver("b2", [message("k2")])) == {"k2": "accepted"}
    assert sent_to(instance) == ["k1@example.com", "k2@example.com"]
    wrong = account.model_copy(update={"token": SecretStr("app:no")})
    [finding] = check(settings.model_copy(update={"destinations": {"eloqua": wrong}}))
    assert "credentials" in finding.remedy
    alone = account.model_copy(update={"token": SecretStr("t3"), "user": None, "password": None})
    settings = settings.model_copy(update={"destinations": {"eloqua": alone}})
    assert [each.level for each in check(settings)] == ["ok", "ok", "ok"]
    assert not [part for part in APP.split(":") if part in f"{found!r}{settings!r}"]


def test_no_error_outcome_or_repr_shows_an_address_or_a_secret(instance: Instance) -> None:
    found, said = instance.destination(), ""
    for status in (400, 401, 403, 404, 409, 413, 500):
        instance.spoil("POST .*/contacts/imports ", says(status), times=5)
        with pytest.raises(ParleyError) as raised:
            found.deliver(BATCH, [message("ada")])
        said += "".join(traceback.format_exception(raised.value))
        instance.server.app = instance.site
    instance.spoil("POST .*/syncs .*imports", lost_before)
    said += f"{found.deliver(BATCH, [message('ada'), message('bob', address='bob')])}{found!r}"
    notes = "".join(file.read_text() for file in found.notes.folder.iterdir())
    for secret in (PASSWORD, USER, "ada@example", "Your kettle"):
        assert secret not in f"{said}{notes}"


def test_what_is_amiss_with_the_account_is_told(instance: Instance) -> None:
    assert [each.level for each in check(instance.settings)] == ["ok", "ok", "ok"]
    assert_described(instance.server.asked)
    instance.options = {"lists": "abandoned_cart=1", "fields": "subject=C_None"}
    assert [each.level for each in check(instance.settings)] == ["ok", "error", "error"]
    instance.options = {"lists": "", "fields": ""}
    assert [each.level for each in check(instance.settings)] == ["ok", "warning"]
    nobody = DestinationSettings(url=SecretStr(instance.server.url), user=SecretStr("x"))
    for account in (nobody, nobody.model_copy(update={"password": SecretStr("y")})):
        settings = instance.settings.model_copy(update={"destinations": {"eloqua": account}})
        [finding] = check(settings)
        assert (finding.level, bool(finding.remedy)) == ("error", True)
    with pytest.raises(FixConfig, match="no credentials"):
        create(instance.settings.model_copy(update={"destinations": {}}))


def test_the_stub_answers_as_the_recorded_instance_did(instance: Instance) -> None:
    client = instance.destination().connected().client
    made = client.post("/api/bulk/2.0/contacts/imports", {
        "name": "x", "identifierFieldName": "email",
        "fields": {"email": "{{Contact.Field(C_EmailAddress)}}"},
    }).body  # fmt: skip
    client.post(f"/api/bulk/2.0{made['uri']}/data", [{"email": "notanemail"}])
    sync = client.post("/api/bulk/2.0/syncs", {"syncedInstanceUri": made["uri"]}).body
    state = client.get(f"/api/bulk/2.0{sync['uri']}").body
    rejects = client.get(f"/api/bulk/2.0{sync['uri']}/rejects").body
    told = {(r["method"], r["path"].rstrip("0123456789")): r["response"] for r in recorded()}
    found = [r["response"] for r in recorded() if r["path"].endswith("/rejects")]
    real = next(each for each in found if each["items"])
    assert set(made) <= set(told["POST", "/api/bulk/2.0/contacts/imports"])
    assert set(sync) <= set(told["POST", "/api/bulk/2.0/syncs"])
    assert set(state) <= set(told["GET", "/api/bulk/2.0/syncs/"])
    assert state["status"] == "warning"
    assert set(rejects) == set(real)
    assert set(rejects["items"][0]) == set(real["items"][0])
    assert rejects["items"][0]["statusCode"] == real["items"][0]["statusCode"]
