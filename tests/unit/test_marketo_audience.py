"""Audiences as static lists of Marketo: found or made, rows or files, and what each row came to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from marketo_kit import AS_OF, Connected, marketo, member, patience

from connectors.core.audience import Leaver, MemberOutcome
from connectors.core.errors import FixConfig, RetryLater
from connectors.destinations.marketo import bulk, create_audience
from connectors.destinations.marketo.audience import MarketoAudience
from tests.conformance.http_kit import Asked, Told

__all__ = ["marketo", "patience"]

LISTED = r"/lists/\d+/leads\.json"


def target(marketo: Connected, **options: str) -> MarketoAudience:
    fields = {"fields": "stage:parleyStage,score:parleyScore"}
    made = create_audience(marketo.settings(**{**fields, **options}))
    assert isinstance(made, MarketoAudience)
    return made


def new_list(marketo: Connected) -> str:
    return str(marketo.account.put_list("loyal")["id"])


def on_list(marketo: Connected, list_id: str) -> list[str]:
    leads = marketo.account.leads
    members = marketo.account.members_of(list_id)
    return sorted(leads[each]["email"] for each in members if each in leads)


def by_key(outcomes: list[MemberOutcome]) -> dict[str, MemberOutcome]:
    return {each.member_key: each for each in outcomes}


def test_a_list_is_found_by_its_very_name(marketo: Connected) -> None:
    for name in ("loyal customers", "loyal"):
        marketo.account.put_list(name)
    assert target(marketo).list_id("loyal") == "1160"


def test_a_list_that_is_not_there_is_made_in_the_folder_that_is_named(marketo: Connected) -> None:
    found = target(marketo, folder="12").list_id("(test) High Value & more")
    assert marketo.account.lists[int(found)]["name"] == "(test) High Value & more"
    assert target(marketo).list_id("(test) High Value & more") == found


def test_without_a_folder_or_with_a_wrong_one_the_remedy_is_told(marketo: Connected) -> None:
    with pytest.raises(FixConfig) as told:
        target(marketo).list_id("loyal")
    assert "option folder" in told.value.remedy
    with pytest.raises(FixConfig) as told:
        target(marketo, folder="13").list_id("loyal")
    assert "option folder" in told.value.remedy


def test_people_become_leads_with_their_properties_and_members(marketo: Connected) -> None:
    list_id = new_list(marketo)
    members = [member(f"k{n}") for n in range(650)]
    members[7] = member("k7", properties={"stage": None, "country": "GB"})
    said = target(marketo).put(list_id, members)
    assert [each.member_key for each in said] == [each.member_key for each in members]
    assert {each.state for each in said} == {"done"}
    assert len(on_list(marketo, list_id)) == 650
    lead = marketo.account.leads[int(by_key(said)["k8"].vendor_id)]
    assert (lead["email"], lead["parleyStage"], lead["parleyScore"]) == (
        "k8@shop.example", "customer", 7,
    )  # fmt: skip
    seven = marketo.account.leads[int(by_key(said)["k7"].vendor_id)]
    assert "country" not in seven, "only fields that are mapped leave"
    # Three pages of 300: each an upsert and an addition.
    assert len(marketo.asked(r"/rest/v1/leads\.json")) == 3
    assert len(marketo.asked(LISTED)) == 3


def test_who_is_on_the_list_already_is_only_updated(marketo: Connected) -> None:
    list_id = new_list(marketo)
    audience = target(marketo)
    audience.put(list_id, [member("k1")])
    marketo.server.asked.clear()
    changed = member("k1", properties={"stage": "lost"}, is_listed=True, vendor_id="7149")
    assert by_key(audience.put(list_id, [changed]))["k1"].vendor_id == "7149"
    assert marketo.account.leads[7149]["parleyStage"] == "lost"
    assert [each.path for each in marketo.server.asked] == ["/rest/v1/leads.json"]


def test_who_was_deleted_there_comes_back_and_joins_again(marketo: Connected) -> None:
    list_id, audience = new_list(marketo), target(marketo)
    (before,) = audience.put(list_id, [member("k1")])
    marketo.account.delete_lead(int(before.vendor_id), AS_OF)
    marketo.account.put_lead({"email": "other@shop.example"}, AS_OF)
    known = member("k1", is_listed=True, vendor_id=before.vendor_id)
    (after,) = audience.put(list_id, [known])
    assert (after.state, after.vendor_id != before.vendor_id) == ("done", True)
    assert "k1@shop.example" in on_list(marketo, list_id)


def test_rows_that_are_refused_say_why_beside_those_that_are_done(marketo: Connected) -> None:
    for _ in range(2):
        marketo.account.put_lead({"email": "twice@shop.example"}, AS_OF)
    members = [
        member("ok"), member("twice"), member("bad", address="no address"),
        member("odd", properties={"score": "many"}),
    ]  # fmt: skip
    said = by_key(target(marketo).put(new_list(marketo), members))
    assert {key: each.state for key, each in said.items()} == {
        "ok": "done", "twice": "rejected", "bad": "rejected", "odd": "rejected",
    }  # fmt: skip
    assert said["twice"].detail.startswith("1007: ")
    assert "many" not in said["odd"].detail


def test_an_unknown_field_is_told_with_its_remedy(marketo: Connected) -> None:
    with pytest.raises(FixConfig, match="1006") as told:
        target(marketo, fields="stage:nosuchfield").put(new_list(marketo), [member("k1")])
    assert "REST API names" in told.value.remedy


@pytest.mark.parametrize("fields", ["stage", "stage:", "a:b:c"])
def test_a_wrong_option_is_told_at_the_start(marketo: Connected, fields: str) -> None:
    with pytest.raises(FixConfig, match="option fields"):
        target(marketo, fields=fields)


def test_leavers_are_taken_off_and_stay_leads(marketo: Connected) -> None:
    list_id, audience = new_list(marketo), target(marketo)
    said = audience.put(list_id, [member(f"k{n}") for n in range(400)])
    leavers = [Leaver(each.member_key, each.vendor_id) for each in said[:350]]
    gone = audience.drop(list_id, [*leavers, Leaver("never", "999999"), Leaver("odd", "")])
    assert {each.state for each in gone[:351]} == {"done"}
    assert by_key(gone)["odd"].state == "rejected"
    assert len(on_list(marketo, list_id)) == 50
    assert len(marketo.account.leads) == 400
    assert {each.state for each in audience.drop(list_id, leavers)} == {"done"}, "and once more"
    assert sorted(audience.members(list_id)) == sorted(each.vendor_id for each in said[350:])


def test_of_whom_nothing_is_told_nothing_is_known(marketo: Connected) -> None:
    list_id, audience, account = new_list(marketo), target(marketo), marketo.account

    def silent(asked: Asked) -> Told:
        told = account(asked)
        if "/lists/" in asked.path and asked.method != "GET":
            told.body["result"].pop()
        return told

    marketo.server.app = silent
    said = audience.put(list_id, [member("k1"), member("k2")])
    assert [each.state for each in said] == ["done", "unknown"]
    gone = audience.drop(list_id, [Leaver(each.member_key, each.vendor_id) for each in said])
    assert [each.state for each in gone] == ["done", "unknown"]


def test_all_members_are_told_page_by_page(marketo: Connected) -> None:
    list_id, audience = new_list(marketo), target(marketo)
    said = audience.put(list_id, [member(f"k{n}") for n in range(700)])
    marketo.server.asked.clear()
    assert set(audience.members(list_id)) == {each.vendor_id for each in said}
    assert len(marketo.asked(LISTED)) == 3


def test_many_go_by_a_file_and_each_row_has_its_outcome(
    marketo: Connected, patience: list[float]
) -> None:
    for _ in range(2):
        marketo.account.put_lead({"email": "twice@shop.example"}, AS_OF)
    list_id = new_list(marketo)
    members = [member(f"k{n}", properties={"stage": f'said "{n}",\nand left'}) for n in range(500)]
    members += [member("twice"), member("bad", address="no address")]
    members += [member("two", address="a@shop.example,b@shop.example")]
    members += [member("odd", properties={"score": "many"})]
    members += [member("known", address="k3@shop.example", is_listed=True, properties={})]
    said = target(marketo, bulk_from="100").put(list_id, members)
    states = {each.member_key: each.state for each in said}
    assert [key for key, state in states.items() if state != "done"] == ["twice", "bad", "two"]
    told = by_key(said)
    assert told["twice"].detail.startswith("several leads")
    assert told["bad"].detail == told["two"].detail == "it is no single address"
    assert told["odd"].detail.startswith("warning: ")
    assert "@" not in repr(told)
    assert len(on_list(marketo, list_id)) == 501
    for each in said[:500]:
        lead = marketo.account.leads[int(each.vendor_id)]
        assert lead["parleyStage"] == f'said "{each.member_key[1:]}",\nand left'
    assert len(marketo.asked("/bulk/v1/leads.json")) == 1
    assert patience[:2] == [2.0, 5.0]


def test_files_stay_below_what_one_import_takes(
    marketo: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST_BYTES", 4_000)
    list_id = new_list(marketo)
    said = target(marketo, bulk_from="100").put(list_id, [member(f"k{n}") for n in range(400)])
    assert {each.state for each in said} == {"done"}
    files = [len(each.body) for each in marketo.asked("/bulk/v1/leads.json")]
    assert len(files) > 2
    assert max(files) < 4_500
    assert len(on_list(marketo, list_id)) == 400


def test_a_full_queue_of_imports_is_waited_for_by_the_next_run(marketo: Connected) -> None:
    list_id, audience = new_list(marketo), target(marketo, bulk_from="1")
    marketo.account.imports.stuck = True
    heading = {"content-type": "multipart/form-data; boundary=x"}
    file = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nemail\n\r\n--x--'
    )
    query = {"format": "csv", "listId": list_id}
    for _ in range(10):
        marketo.account.imports.begin(Asked("POST", "/", query, heading, file))
    running = [job.status for job in marketo.account.imports.jobs.values()]
    assert (running.count("Importing"), running.count("Queued")) == (2, 8)
    with pytest.raises(RetryLater, match="queue of jobs is full") as told:
        audience.put(list_id, [member("k1")])
    assert told.value.after_seconds == 60.0


def test_an_import_that_does_not_end_or_fails_is_told(
    marketo: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    list_id, audience = new_list(marketo), target(marketo, bulk_from="1")
    monkeypatch.setattr(bulk, "PATIENCE_SECONDS", 20.0)
    marketo.account.imports.stuck = True
    with pytest.raises(RetryLater, match="not ended"):
        audience.put(list_id, [member("k1")])
    marketo.account.imports.stuck, marketo.account.imports.fails = False, True
    with pytest.raises(FixConfig, match="import failed"):
        audience.put(list_id, [member("k1")])


def test_a_file_of_failures_that_is_none_is_asked_for_again_later(marketo: Connected) -> None:
    account, list_id = marketo.account, new_list(marketo)

    def ended(asked: Asked) -> Told:
        if asked.path.endswith("failures.json"):
            return Told({"success": False, "errors": [{"code": "602", "message": "expired"}]})
        return account(asked)

    marketo.server.app = ended
    for _ in range(2):
        account.put_lead({"email": "twice@shop.example"}, AS_OF)
    with pytest.raises(RetryLater, match="failures"):
        target(marketo, bulk_from="1").put(list_id, [member("twice")])


def test_what_is_repeated_after_a_crash_harms_nobody(marketo: Connected) -> None:
    list_id, audience = new_list(marketo), target(marketo, bulk_from="50")
    members = [member(f"k{n}") for n in range(60)]
    first = audience.put(list_id, members)
    assert audience.put(list_id, members) == first
    ids = {each.member_key: each.vendor_id for each in first}
    listed = [replace(each, is_listed=True, vendor_id=ids[each.member_key]) for each in members]
    assert audience.put(list_id, listed) == first
    assert len(marketo.account.leads) == len(on_list(marketo, list_id)) == 60
