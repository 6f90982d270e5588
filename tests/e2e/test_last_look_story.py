"""A plan that waits: what lands before it is emitted is looked at once more.

Lea, Ben, Dan and Cem left a basket at nine, and the plan of five past eleven means to remind them.
Before it is emitted, a run of twenty-five past eleven learns that Lea takes her permission back,
that Ben has bought, and that Dan's teapot sold out. That run writes to Cem by itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from home_kit import Home
from shop_kit import TinyShop, identify, track, z

MONDAY = datetime(2024, 3, 4, tzinfo=UTC)
LONG_AGO = datetime(2024, 1, 15, 18, 0, tzinfo=UTC)
NINE, PLAN = MONDAY + timedelta(hours=9), MONDAY + timedelta(hours=11, minutes=5)
NEWS, LATER = PLAN + timedelta(minutes=15), PLAN + timedelta(minutes=20)
# With these names nobody is in a holdout: a stable hash of the person's first identifier.
BASKETS = {"lea": "kettle", "ben": "kettle", "dan": "teapot", "cem": "kettle"}
EMIT = """
import json
from flows import work
from flows.run import load
done = work.emit_slice(load("{run}"), "triggered")
print("RESULT", json.dumps([done.reserved, done.absorbed, done.refused]))
"""


@dataclass(frozen=True)
class Story:
    """The home after the plan was emitted: what came of it, and what commands say."""

    home: Home
    plan: str
    planned: int
    result: tuple[int, int, dict[str, int]]
    lea: str
    status: str


def shop_at_nine(shop: TinyShop) -> None:
    """Everybody allowed email long ago, and left a basket."""
    shop.product("kettle", "Kettle", 3000, LONG_AGO)
    shop.product("teapot", "Teapot", 2000, LONG_AGO)
    for name, product in BASKETS.items():
        email, user = f"{name}@example.com", f"u-{name}"
        shop.customer(user, LONG_AGO, email=email, country="GB")
        shop.consent(user, email, LONG_AGO)
        shop.events(
            identify(NINE, device=f"d-{name}", user=user, email=email),
            track(
                "Product Added", NINE, device=f"d-{name}", cart_id=f"c-{name}", product_id=product,
                price=30.0, quantity=1, currency="GBP",
            ),
        )  # fmt: skip


def news(shop: TinyShop) -> None:
    """What the shop learns before the plan is emitted."""
    shop.put(
        "consents", consent_id="no-lea", customer_id="u-lea", email="lea@example.com",
        channel="email", purpose="marketing", state="withdrawn", proof="by phone",
        given_at=z(NEWS), updated_at=z(NEWS),
    )  # fmt: skip
    shop.order("o-ben", "kettle", 3000, NEWS, customer_id="u-ben")
    shop.put(
        "products", product_id="teapot", name="Teapot", category="kitchen", in_stock=0,
        price_minor=2000, currency="GBP", created_at=z(LONG_AGO), updated_at=z(NEWS),
    )  # fmt: skip


@pytest.fixture(scope="module")
def story(tmp_path_factory, make_home):
    shop = TinyShop(tmp_path_factory.mktemp("shop"))
    home = make_home("last_look", shop.sources)
    shop_at_nine(shop)
    home.ok("run", "triggered", "--as-of", z(PLAN), "--shadow")
    plan = home.last_run()
    planned = len(home.snapshot(plan, "audience_triggered"))
    news(shop)
    home.ok("run", "triggered", "--as-of", z(LATER))
    status = home.ok("status")
    said = home.python(EMIT.format(run=plan))
    assert said.code == 0, said.text
    [line] = [each for each in said.out.splitlines() if each.startswith("RESULT ")]
    lea = home.ok("explain", "lea@example.com")
    return Story(home, plan, planned, tuple(json.loads(line.split(" ", 1)[1])), lea, status)


def test_everybody_was_to_be_written_to(story):
    assert story.planned == len(BASKETS)


def test_the_plan_is_refused_to_whom_it_no_longer_fits(story):
    reserved, absorbed, refused = story.result
    assert refused == {"withdrawn": 1, "goal_reached": 1, "out_of_stock": 1}
    assert (reserved, absorbed) == (0, 1)
    sent = story.home.ledger("select occasion from messages where state = 'accepted'")
    assert [each["occasion"] for each in sent] == ["main/c-cem"]


def test_the_run_in_between_told_what_it_learned_and_no_more(story):
    told = story.home.ledger("select kind, what from facts order by kind, what")
    assert [(each["kind"], each["what"]) for each in told] == [
        ("goal_reached", "buy"),
        ("out_of_stock", ""),
        ("withdrawn", "email/marketing"),
        ("withdrawn", "meeting/marketing"),
    ]
    readings = story.home.ledger("select facts from readings order by as_of")
    assert [each["facts"] for each in readings] == [0, 4]


def test_why_she_heard_nothing_is_told(story):
    assert "cancelled (withdrawn) by file" in story.lea
    assert "refused: the permission was withdrawn after the plan" in story.lea


def test_how_old_the_facts_were_is_shown(story):
    assert "The facts that a last look was taken on were at most" in story.status
