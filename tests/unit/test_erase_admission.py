"""Who was erased stays out of the lake, whatever the source still says; others' records land."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.core import registry
from connectors.core.admission import Admission
from connectors.core.identifiers import node_id
from connectors.core.spec import Page, Record, Stream
from connectors.core.subjects import ERASED, Subjects

KEY = "k"
STREAM = Stream(
    "customers", "id", None, {"email": ("email", "traits.email"), "phone": ("phone",)},
    {"user_id": ("id",), "device": ("device",), "loyalty_card": ("card",)},
)  # fmt: skip
ADA = "ada.lovelace@gmail.com"
ADA_NODE = node_id("email", "adalovelace@gmail.com", KEY)


def subjects(stream: Stream = STREAM) -> Subjects:
    return Subjects(stream, "shop", "main", KEY, "GB")


def user_node(user: str) -> str:
    node = subjects().node("user_id", user)
    assert node
    return node


def landed(erased: dict[str, bool], **payload: Any) -> Any:
    """What becomes of a record: its payload as it lands, None if it stays out."""
    return landed_text(erased, json.dumps(payload))


def landed_text(erased: dict[str, bool], payload: str) -> Any:
    record = Admission(erased, subjects()).judge(Record("1", None, "upsert", payload))
    return record and json.loads(record.payload)


@pytest.mark.parametrize(
    "written", [ADA, "Ada.Lovelace@Gmail.com", "adalovelace+x@googlemail.com", f" {ADA} "]
)
def test_an_erased_address_stays_out_however_it_is_written(written: str) -> None:
    assert landed({ADA_NODE: False}, email=written, name="Ada") is None
    assert landed({ADA_NODE: False}, traits={"email": written}) is None
    assert landed({ADA_NODE: False}, email="bob@example.com") == {"email": "bob@example.com"}


@pytest.mark.parametrize("written", ["020 7946 0123", "+44 20 7946 0123", "+442079460123"])
def test_an_erased_phone_stays_out_however_it_is_written(written: str) -> None:
    assert landed({node_id("phone", "+442079460123", KEY): False}, phone=written) is None


def test_an_erased_id_stays_out_as_text_and_as_a_number_and_only_where_ids_stand() -> None:
    erased = {user_node("17"): False}
    assert landed(erased, id="17") is None
    assert landed(erased, id=17) is None
    assert landed(erased, id=18, quantity=17) == {"id": 18, "quantity": 17}


def test_a_device_is_erased_in_its_own_source_alone() -> None:
    node = subjects().node("device", "d1")
    other = Subjects(STREAM, "other_shop", "main", KEY, "GB")
    assert node in {each.node_id for each in subjects().named({"device": "d1"})}
    assert node not in {each.node_id for each in other.named({"device": "d1"})}


@pytest.mark.parametrize(
    "text",
    [f"ask {ADA}, please", f"<{ADA.upper()}>", "https://x.example/?e=ada.lovelace%40gmail.com&a=1"],
)
def test_what_others_say_of_an_erased_person_is_taken_out_of_their_records(text: str) -> None:
    told = landed({ADA_NODE: False}, id=2, email="bob@example.com", note=text)
    assert told["email"] == "bob@example.com"
    assert ERASED in told["note"]
    assert "lovelace" not in told["note"].lower()


def test_an_address_in_escapes_is_found() -> None:
    escaped = '{"note": "to ada.lovelace\\u0040gmail.com"}'
    assert landed_text({ADA_NODE: False}, escaped) == {"note": f"to {ERASED}"}


def test_an_erased_address_in_what_is_no_json_is_taken_out() -> None:
    record = Record("1", None, "upsert", f"not json, {ADA}")
    judged = Admission({ADA_NODE: False}, subjects()).judge(record)
    assert judged
    assert judged.payload == f"not json, {ERASED}"


def test_an_agents_own_address_is_taken_out_of_the_orders_of_customers() -> None:
    """Shared: the customers' orders go on landing, without the agent."""
    erased = {ADA_NODE: True, user_node("7"): True}
    assert landed(erased, email=ADA, phone="020 7946 0124", total=7) == {
        "email": None, "phone": "020 7946 0124", "total": 7,
    }  # fmt: skip
    assert landed(erased, id=7, card="c", quantity=7) == {"id": None, "card": "c", "quantity": 7}


def test_what_names_nobody_but_a_shared_address_stays_out() -> None:
    assert landed({ADA_NODE: True}, email=ADA, diagnostic="the mailbox of Ada is full") is None


def test_it_costs_nothing_while_nobody_is_erased() -> None:
    class Unasked:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

    page = Page([Record("1", None, "upsert", "{}")], None)
    assert Admission({}, Unasked()).admit(page) is page  # type: ignore[arg-type]


def test_those_kept_out_are_counted() -> None:
    records = [
        Record(str(number), None, "upsert", json.dumps({"email": email}))
        for number, email in enumerate([ADA, "bob@example.com", ADA])
    ]
    admission = Admission({ADA_NODE: False}, subjects())
    assert [each.key for each in admission.admit(Page(records, "c")).records] == ["1"]
    assert admission.kept_out == 2


# By vendor and stream: a record, and the identifiers that staging reads from it.
RECORDS = [
    ("database", "orders", {"customer_id": "u1", "email": "a@b.com", "loyalty_card": "c1"},
     {"user_id", "email", "loyalty_card"}),
    ("database", "carts", {"customer_id": 17, "email": "a@b.com"}, {"user_id", "email"}),
    ("shopify", "customers", {"legacyResourceId": "1",
     "defaultEmailAddress": {"emailAddress": "a@b.com"}}, {"user_id", "email"}),
    ("shopify", "orders", {"customer": {"legacyResourceId": "1"}, "email": "a@b.com"},
     {"user_id", "email"}),
    ("woocommerce", "customers", {"id": 5, "billing": {"email": "a@b.com"}}, {"user_id", "email"}),
    ("woocommerce", "orders", {"customer_id": 5, "billing": {"phone": "020 7946 0123"}},
     {"user_id", "phone"}),
    ("segment", "events", {"userId": "u", "anonymousId": "d", "traits": {"email": "a@b.com"}},
     {"user_id", "device", "email"}),
    ("ga4", "events", {"user_id": "u", "user_pseudo_id": "d"}, {"user_id", "device"}),
    ("snowplow", "events", {"user_id": "u", "network_userid": "d"}, {"user_id", "device"}),
    ("posthog", "events", {"distinct_id": "u", "properties": {"$device_id": "d"}},
     {"user_id", "device"}),
    ("eloqua", "contacts", {"ContactId": "5", "ContactKey": "crm:5", "EmailAddress": "a@b.com"},
     {"user_id", "email"}),
    ("eloqua", "activities", {"ContactKey": "crm:5"}, {"user_id"}),
    ("eloqua", "deals", {"ContactId": "5", "ContactKey": "crm:5"}, {"user_id"}),
    ("history", "bounces", {"email": "a@b.com"}, {"email"}),
    ("parley", "messages", {"address_hash": "n1", "person_id": "p1"}, {"node"}),
    ("parley", "cuts", {"node_id": "n1", "other_id": "n2"}, {"node"}),
]  # fmt: skip


@pytest.mark.parametrize(("vendor", "stream", "payload", "types"), RECORDS)
def test_every_vendors_identifiers_are_found_where_they_stand(
    vendor: str, stream: str, payload: dict[str, Any], types: set[str]
) -> None:
    known = registry.stream(vendor, stream)
    assert known
    assert {each.type for each in subjects(known).named(payload)} == types


# What names people by their addresses alone.
ADDRESSES_ONLY = {
    *("hubspot.submissions", "hubspot.email_events"),
    *("mailbox.reports", "mailbox.replies", "mailbox.unsubscribes"),
}


def test_every_vendor_with_people_says_where_its_ids_stand() -> None:
    silent = {
        f"{vendor}.{stream.name}"
        for vendor in registry.known_sources()
        for stream in registry.source(vendor).streams
        if stream.identifiers and not stream.people
    }
    assert silent == ADDRESSES_ONLY
