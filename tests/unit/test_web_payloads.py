"""What trackers' libraries really send becomes canonical events, by a real landing and dbt."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.web_kit import Home

FIXTURES = Path(__file__).parents[1] / "fixtures" / "web"
VENDORS = {
    "segment_python": "segment", "segment_node": "segment", "segment_browser": "segment",
    "rudderstack_node": "segment", "posthog_python": "posthog", "posthog_js": "posthog",
    "snowplow_python": "snowplow", "ga4_export_event_velir": "ga4",
}  # fmt: skip
AS_OF = datetime(2026, 12, 1, tzinfo=UTC)
SHOP, LOCAL = "https://shop.example.org/p/SKU0001", "http://127.0.0.1:8310/index.html"
EMAIL = "a@example.org"
# A visitor of the browser libraries came by a link of the spring campaign.
SEEN = {"anonymous_id": "fa3d1143-9bb6-4a89-94c6-fb1885ed56ce", "campaign": "spring", "url": LOCAL}
KNOWN = {"anonymous_id": "01a2014e-d138-7d6d-a6f2-cc2254d90e27", "campaign": "spring", "url": LOCAL}
VIEWED = {"product_id": "SKU0001", "price_minor": 4990}
ONE = {"product_id": "SKU0001", "quantity": 1}
BOUGHT = {"order_id": "o1", "value_minor": 9980}
EURO = {"currency": "EUR"}
ADDED = {**VIEWED, "cart_id": "c1", "quantity": 2}
U1 = {"user_id": "u1"}
ANON = {"anonymous_id": "anon-1"}
D1 = {"anonymous_id": "d1", "user_id": "u1"}

# source -> (event, time after the day's 03:00, what else it says), in order of time, then of name.
EXPECTED: dict[str, list[tuple[str, str, dict[str, Any]]]] = {
    "segment_python": [
        ("Identified", "24:32.857", {**U1, "email_raw": EMAIL}),
        ("Page Viewed", "24:32.857", {**U1, "url": SHOP, "campaign": "spring"}),
        ("Aliased", "24:32.858", {**U1, **ANON}),
        ("Order Completed", "24:32.858", {**U1, **BOUGHT, **EURO}),
        ("Product Added", "24:32.858", {**ANON, **ADDED}),
        ("Product Viewed", "24:32.858", {**U1, **VIEWED, **EURO}),
    ],
    "segment_node": [
        ("Identified", "24:34.947", {**U1, "email_raw": EMAIL}),
        ("Page Viewed", "24:34.948", {**U1, "url": SHOP}),
        ("Order Completed", "24:34.949", {**U1, **BOUGHT, **EURO}),
        ("Product Added", "24:34.949", {**ANON, **ADDED}),
    ],
    "segment_browser": [
        ("Page Viewed", "31:12.368", SEEN),
        ("Product Viewed", "31:12.396", {**SEEN, **VIEWED, **EURO}),
        ("Product Added", "31:12.407", {**SEEN, **ONE, "cart_id": "c1"}),
        ("Identified", "31:12.417", {**SEEN, **U1, "email_raw": EMAIL}),
        ("Order Completed", "31:12.427", {**SEEN, **U1, "order_id": "o1", "value_minor": 4990}),
    ],
    "rudderstack_node": [
        ("Identified", "24:35.259", {**U1, "email_raw": EMAIL}),
        ("Page Viewed", "24:35.265", {**U1, "url": SHOP}),
        ("Product Viewed", "24:35.265", {**U1, **VIEWED}),
        ("Checkout Started", "24:35.266", {**ANON, "cart_id": "c1", "value_minor": 9980}),
    ],
    "posthog_python": [
        ("Page Viewed", "24:33.976626", {**U1, "url": SHOP}),
        ("Product Viewed", "24:33.976854", {**U1, **VIEWED}),
        ("Order Completed", "24:33.977041", {**U1, **BOUGHT}),
        ("Identified", "24:33.977129", {**U1, "email_raw": EMAIL}),
        ("Aliased", "24:33.977197", {**U1, **ANON}),
    ],
    "posthog_js": [
        ("Identified", "31:12.324", {**KNOWN, **U1, "email_raw": EMAIL}),
        ("Product Viewed", "31:12.355", {**KNOWN, **U1, **VIEWED}),
        ("Page Viewed", "31:12.371", {**KNOWN, **U1}),
        ("$autocapture", "31:12.862", {**KNOWN, **U1}),
        ("Product Added", "31:12.862", {**KNOWN, **U1, **ONE}),
        ("Order Completed", "31:13.262", {**KNOWN, **U1, "order_id": "o1", "value_minor": 4990}),
        ("$pageleave", "31:32.397", {**KNOWN, **U1}),
    ],
    "snowplow_python": [
        ("Order Completed", "24:33.51", {**D1, **BOUGHT, **EURO}),
        ("Page Viewed", "24:33.51", {**D1, "url": SHOP}),
        ("add-to-basket", "24:33.51", D1),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Every library's requests landed as a source of its own, and built once."""
    folder = tmp_path_factory.mktemp("payloads")
    for source in VENDORS:
        (folder / source).mkdir()
        name = source if source.startswith("ga4") else source.replace("_", "-")
        shutil.copy(FIXTURES / f"{name}.jsonl", folder / source)
    home = Home(folder, {name: (vendor, folder / name) for name, vendor in VENDORS.items()})
    for source in VENDORS:
        home.land(AS_OF, source)
    home.build(AS_OF, "+web_events", "+rejects")
    return home


def events(home: Home, source: str) -> list[tuple[str, str, dict[str, Any]]]:
    found = home.facts(
        "select event, cast(occurred_at as varchar) as at, anonymous_id, user_id, email_raw,"
        " product_id, price_minor, quantity, order_id, value_minor, currency, cart_id, campaign,"
        f" url from intermediate.int_event_versions where source_id = '{source}'"
        " order by occurred_at, event"
    )
    return [(row.pop("event"), row.pop("at"), row) for row in found]


@pytest.mark.parametrize("source", EXPECTED)
def test_what_a_library_sends_becomes_these_events(home: Home, source: str) -> None:
    assert events(home, source) == [
        (event, f"2026-11-22 03:{at}", facts) for event, at, facts in EXPECTED[source]
    ]


def test_a_real_row_of_ga4_becomes_an_event_of_its_own_name(home: Home) -> None:
    facts = {
        "anonymous_id": "1166526666.1617691776",
        "url": "https://www.velir.com/blog/2016/08/25/behavior-driven-testing-drupal-8",
    }
    assert events(home, "ga4_export_event_velir") == [
        ("first_visit", "2021-04-06 06:49:50.431476", facts)
    ]


def test_every_event_counts_once_and_none_is_rejected(home: Home) -> None:
    sent = 1 + sum(map(len, EXPECTED.values()))
    assert home.rows("select count(*), count(distinct event_key) from marts.web_events") == [
        (sent, sent)
    ]
    assert home.rows("select * from staging.rejects") == []


def test_who_identified_is_known_by_their_address(home: Home) -> None:
    found = home.rows(
        "select source_id, count(distinct user_node), count(distinct email_node)"
        " from intermediate.int_web_events where event = 'Identified' group by 1"
    )
    assert sorted(found) == [
        (source, 1, 1)
        for source in sorted(EXPECTED)
        if any(event == "Identified" for event, _, _ in EXPECTED[source])
    ]
