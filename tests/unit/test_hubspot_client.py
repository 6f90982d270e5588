"""HubSpot's own client asks the same stub the same things, with the same bodies as we do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.core.audience import Member
from connectors.destinations.hubspot.events import EVENTS
from tests.conformance.apis.hubspot import TOKEN
from tests.unit.hubspot_kit import Desk, desk, message

contacts = pytest.importorskip("hubspot.crm.contacts")
groups = pytest.importorskip("hubspot.crm.lists")
events = pytest.importorskip("hubspot.events")
send = pytest.importorskip("hubspot.events.send")


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as made:
        yield made


def theirs(account: Desk, group: Any) -> Any:
    """A part of their client that asks the stub."""
    configuration = group.Configuration(host=account.server.url)
    configuration.access_token = TOKEN
    return group.ApiClient(configuration)


def told(account: Desk) -> tuple[str, str, dict[str, str], Any]:
    """The last request."""
    last = account.server.asked[-1]
    return last.method, last.path.rstrip("/"), last.query, last.body


def test_contacts_are_upserted_alike(account: Desk) -> None:
    lists = account.lists()
    ada = Member("ada", "ada@example.com", {"stage": "new"})
    ours_id = lists.put(lists.list_id("vip"), [ada])[0].vendor_id
    ours = next(each for each in account.server.asked if each.path.endswith("/batch/upsert"))
    row = contacts.SimplePublicObjectBatchInputUpsert(
        id="ada@example.com",
        id_property="email",
        object_write_trace_id="ada",
        properties={"email": "ada@example.com", "parley_stage": "new"},
    )
    batch = contacts.BatchInputSimplePublicObjectBatchInputUpsert(inputs=[row])
    reply = contacts.BatchApi(theirs(account, contacts)).upsert(batch)
    assert told(account) == (ours.method, ours.path, {}, ours.body)
    assert [(each.id, each.object_write_trace_id) for each in reply.results] == [(ours_id, "ada")]


def test_a_contact_refused_alone_is_read_alike(account: Desk) -> None:
    account.portal.refuses = "row"
    rows = [
        contacts.SimplePublicObjectBatchInputUpsert(
            id=email, id_property="email", object_write_trace_id=email, properties={"email": email}
        )
        for email in ("ada@example.com", "nobody")
    ]
    batch = contacts.BatchInputSimplePublicObjectBatchInputUpsert(inputs=rows)
    reply = contacts.BatchApi(theirs(account, contacts)).upsert(batch)
    assert reply.num_errors == 1
    assert reply.errors[0].context == {"objectWriteTraceId": ["nobody"]}


def test_lists_are_found_made_and_changed_alike(account: Desk) -> None:
    client, lists = theirs(account, groups), account.lists()
    vip = lists.list_id("vip")
    found, made = account.server.asked[-2:]
    api = groups.ListsApi(client)
    with pytest.raises(groups.ApiException):
        api.get_by_name("Parley: other", "0-1")
    assert told(account)[1] == found.path.replace("vip", "other")
    request = groups.ListCreateRequest(
        name="Parley: other", object_type_id="0-1", processing_type="MANUAL"
    )
    api.create(request)
    assert told(account) == (
        "POST",
        made.path.rstrip("/"),
        {},
        {**made.body, "name": "Parley: other"},
    )
    assert api.get_by_name("Parley: vip", "0-1").list.list_id == vip

    contact = lists.put(vip, [Member("ada", "ada@example.com", {})])[0].vendor_id
    ours = told(account)
    change = groups.MembershipChangeRequest(record_ids_to_add=[contact], record_ids_to_remove=[])
    reply = groups.MembershipsApi(client).add_and_remove(vip, change)
    assert told(account) == ours
    assert (reply.records_ids_added, reply.record_ids_missing) == ([], [])

    assert list(lists.members(vip)) == [contact]
    ours = told(account)
    page = groups.MembershipsApi(client).get_page(vip, limit=250)
    assert told(account) == ours
    assert [each.record_id for each in page.results] == [contact]


def test_events_are_sent_and_read_back_alike(account: Desk) -> None:
    destination = account.destination()
    destination.deliver("b1", [message("k1")])
    ours = told(account)
    event = ours[3]["inputs"][0]
    request = send.BehavioralEventHttpCompletionRequest(
        event_name=event["eventName"],
        object_id=event["objectId"],
        properties=event["properties"],
        uuid=event["uuid"],
    )
    batch = send.BatchedBehavioralEventHttpCompletionRequest(inputs=[request])
    send.BatchApi(theirs(account, send)).send(batch)
    assert told(account) == ours
    assert len(account.portal.events) == 1, "it is the same event"
    destination.lookup("b1")
    assert told(account)[1] == EVENTS


def test_what_they_read_of_events_and_objects_is_what_the_stub_tells(account: Desk) -> None:
    account.destination().deliver("b1", [message("k1")])
    page = events.EventsApi(theirs(account, events)).get_page(
        event_type=account.portal.events[0]["eventName"], limit=10
    )
    assert [each.properties["parley_message_key"] for each in page.results] == ["k1"]
    search = contacts.PublicObjectSearchRequest(
        filter_groups=[], properties=["email"], limit=10, sorts=[], after="0"
    )
    found = contacts.SearchApi(theirs(account, contacts)).do_search(search)
    assert [each.properties["email"] for each in found.results] == ["k1@example.com"]
