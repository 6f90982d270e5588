"""Emails and phones: one spelling, one node, and nobody taken for somebody else."""

import orjson
import pytest

from connectors.core.identifiers import (
    IdentifierCollector,
    node_id,
    normalise_email,
    normalise_phone,
)
from connectors.core.spec import Stream

STREAM = Stream("s", "id", identifiers={"email": ("email", "traits.email"), "phone": ("phone",)})


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("  ada@example.org\n", "ada@example.org"),
        ("ada@shop.example", "ada@shop.example"),
        ("a.d.a+news@example.net", "a.d.a+news@example.net"),
        ("\uff41da@example.com", "ada@example.com"),  # full-width a
        ("ada@xn--bcher-kva.example", "ada@bücher.example"),
        ("ADA@BÜCHER.example", "ada@bücher.example"),
    ],
)
def test_an_email_has_one_spelling(raw: str, value: str) -> None:
    found = normalise_email(raw, "key")
    assert (found.value, found.is_valid, found.reason) == (value, True, None)
    assert found.raw == raw
    assert found.node_id == node_id("email", value, "key")


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("A.D.A+Shop@GMail.com", "ada@gmail.com"),
        ("ada@googlemail.com", "ada@gmail.com"),
        ("a.da+x@outlook.com", "a.da@outlook.com"),
        ("ada+x@hotmail.com", "ada@hotmail.com"),
        ("ada+x@me.com", "ada@me.com"),
        ("ada+x@fastmail.com", "ada@fastmail.com"),
        ("a_d-a.+x@proton.me", "ada@proton.me"),
        ("a.d.a+x@gmail.example", "a.d.a+x@gmail.example"),
        ("ada-x@yahoo.com", "ada-x@yahoo.com"),
        ("+x@gmail.com", "+x@gmail.com"),
    ],
)
def test_dots_and_tags_are_ignored_where_the_provider_does_and_kept_for_writing(
    raw: str, value: str
) -> None:
    found = normalise_email(raw, "key")
    assert (found.value, found.address) == (value, raw.lower())
    assert found.node_id == node_id("email", value, "key")


def test_mailboxes_of_one_name_at_two_domains_of_a_provider_are_two() -> None:
    assert normalise_email("ada@hotmail.com").value != normalise_email("ada@outlook.com").value
    assert normalise_email("ada@proton.me").value != normalise_email("ada@protonmail.com").value


@pytest.mark.parametrize(
    ("raw", "domain"),
    [
        ("ada@mail.shop.example.co.uk", "example.co.uk"),
        ("ada@example.com", "example.com"),
        ("ada@googlemail.com", "gmail.com"),
        ("ADA@mail.BÜCHER.de", "bücher.de"),
        ("ada@ada.github.io", "ada.github.io"),
        ("ada@github.io", None),
    ],
)
def test_the_domain_of_an_email_is_the_one_that_was_registered(
    raw: str, domain: str | None
) -> None:
    assert normalise_email(raw).domain == domain


def test_case_folding_does_not_merge_two_domains() -> None:
    assert normalise_email("a@straße.de").value != normalise_email("a@strasse.de").value


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("not an email", "not_an_email"),
        ("a@b@example.com", "not_an_email"),
        ("ada@example.com\r\nBcc: x@example.com", "not_an_email"),
        ("=cmd|'x'!A1", "not_an_email"),
        ("a" * 10_000 + "@example.com", "too_long"),
        ("\ud800@example.com", "not_an_email"),
    ],
)
def test_what_is_no_email_keeps_its_raw_text_and_says_why(raw: str, reason: str) -> None:
    found = normalise_email(raw)
    assert (found.value, found.node_id, found.is_valid) == (None, None, False)
    assert (found.address, found.domain) == (None, None)
    assert (found.raw, found.reason) == (raw, reason)


@pytest.mark.parametrize(
    ("raw", "country", "value", "reason"),
    [
        ("020 7946 0018", "GB", "+442079460018", None),
        ("+44 20 7946 0018", "US", "+442079460018", None),
        ("06 12 34 56 78", "FR", "+33612345678", None),
        ("0044 20 7946 0018", "GB", "+442079460018", None),
        ("", "GB", None, "empty"),
        ("call me", "GB", None, "not_a_phone"),
        ("12", "GB", None, "impossible_number"),
        ("+44 7700 900123", "GB", None, "unassigned_range"),
        ("1" * 1000, "GB", None, "too_long"),
    ],
)
def test_a_phone_becomes_e164_or_says_why_not(
    raw: str, country: str, value: str | None, reason: str | None
) -> None:
    found = normalise_phone(raw, country)
    assert (found.value, found.reason, found.is_valid) == (value, reason, value is not None)
    assert (found.address, found.domain) == (value, None)


def test_a_node_depends_on_type_value_and_key_and_is_32_hex_digits() -> None:
    nodes = {node_id(t, v, k) for t in ("email", "phone") for v in "ab" for k in ("k", "l")}
    assert len(nodes) == 8
    assert all(len(node) == 32 and int(node, 16) >= 0 for node in nodes)


def test_each_raw_value_is_collected_once_from_every_path() -> None:
    collector = IdentifierCollector(STREAM, "key", "GB")
    payloads = [
        '{"email":"a@example.com"}',
        '{"email":"a@example.com","traits":{"email":"A@example.com"},"phone":2079460018}',
    ]
    found = [orjson.loads(record.payload) for record in collector.collect(payloads)]
    assert [(f["type"], f["raw"]) for f in found] == [
        ("email", "a@example.com"),
        ("email", "A@example.com"),
        ("phone", "2079460018"),
    ]
    assert found[0]["node_id"] == found[1]["node_id"]
    assert set(found[0]) == {
        *("type", "raw", "value", "node_id", "is_valid", "reason", "address", "domain")
    }
    assert collector.collect(payloads) == []


def test_payloads_that_are_odd_hold_no_identifiers_and_raise_nothing() -> None:
    collector = IdentifierCollector(STREAM, "key", "GB")
    odd = [
        '{"email": ',
        '"email"',
        '["email"]',
        '{"email":null,"phone":true}',
        '{"email":{"email":"x"},"traits":"email"}',
        '{"email":["a@example.com"]}',
        '{"x":' + "[" * 2000 + "]" * 2000 + ',"email":"a"}',
        "",
    ]
    assert collector.collect(odd) == []
