"""Homes for the end-to-end tests: nothing mocked, nothing shared with whoever runs them."""

from __future__ import annotations

import shutil
import sqlite3

import pytest
from demo_day import KEY, Demo
from home_kit import Home

from connectors.core.identifiers import normalise_email

# The demo's own moment, seven hours later, and the day after.
EVENING, NEXT_DAY = "2011-12-06T18:05:00Z", "2011-12-07T11:05:00Z"


@pytest.fixture(scope="session")
def make_home(tmp_path_factory):
    """Return a function that makes a home of its own, with the sources given."""

    def make(name, sources=None):
        return Home(tmp_path_factory.mktemp(name), sources or {})

    return make


@pytest.fixture(scope="session")
def demo(make_home):
    """One sequence that many small tests look at: two demos, an evening, a day, a replay.

    The first demo runs the day before as well, the eve.
    """
    told = Demo(make_home("demo"))
    told.step("first", "demo")
    told.runs["eve"] = eve = told.home.runs()[0]["run_id"]
    sent = told.home.ledger("select message_key from messages where run_id = ?", eve)
    told.keys["eve"] = {row["message_key"] for row in sent}
    shutil.copy(told.bi, told.home.folder / "first.duckdb")
    told.step("again", "demo")
    told.step("evening", "run", "triggered", "--as-of", EVENING)
    told.step("next_day", "run", "daily", "--as-of", NEXT_DAY)
    told.said["replay"] = told.home.parley("replay", told.runs["first"])
    told.runs["replay"] = told.home.last_run()
    return told


@pytest.fixture(scope="session")
def first_bi(demo):
    """The BI copy as it was after the first `parley demo`."""
    return demo.home.folder / "first.duckdb"


@pytest.fixture(scope="session")
def shop(demo):
    """Email addresses of the demo's customers by their node."""
    with sqlite3.connect(demo.home.path / "demo" / "shop.db") as connection:
        emails = {email for (email,) in connection.execute("select email from customers")}
    return {normalise_email(email, KEY).node_id: email for email in emails}


@pytest.fixture(scope="session")
def messages(demo):
    """The ledger's messages after everything."""
    return demo.home.ledger("select * from messages")
