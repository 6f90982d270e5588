"""`parley destinations`: what there is, whether it works, and what would leave."""

from __future__ import annotations

from datetime import timedelta

import pytest
from outbox_kit import MONDAY, Outbox, row
from typer.testing import CliRunner

from connectors.core import registry
from connectors.core.errors import FixConfig
from connectors.core.settings import Settings, get_settings
from connectors.ledger import runs
from flows import cli
from flows.run import ledger_of

TOKEN = "c4nary-t0ken"
ACCOUNTS = {
    "HUBSPOT__TOKEN": TOKEN,
    "HUBSPOT__OPTIONS": '{"event":"pe1_parley"}',
    "MARKETO__URL": "https://000-AAA-000.mktorest.com",
    "MARKETO__USER": "c4nary-user",
    "MARKETO__PASSWORD": TOKEN,
    "MARKETO__OPTIONS": '{"campaigns":"*:1030"}',
    "ELOQUA__USER": "Acme\\\\c4nary-user",
    "ELOQUA__PASSWORD": TOKEN,
    "ELOQUA__OPTIONS": '{"lists":"new_collection=7"}',
}


@pytest.fixture
def settings(own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Three vendors' accounts, and a plan of seven messages."""
    for name, value in ACCOUNTS.items():
        monkeypatch.setenv(f"PARLEY_DESTINATIONS__{name}", value)
    get_settings.cache_clear()
    ledger = ledger_of(own_settings)
    run_id = runs.start(ledger, "daily", MONDAY, runs.Versions(), clock=lambda: MONDAY)
    outbox = Outbox(ledger, own_settings.home)
    held = row("k9", verdict="hold")
    outbox.plan([*(row(f"k{n}") for n in range(7)), held], run_id)
    outbox.plan([], run_id, "triggered")
    runs.finish(ledger, run_id, "completed", clock=lambda: MONDAY + timedelta(hours=1))
    return get_settings()


def said(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli.app, ["destinations", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def test_every_destination_is_listed_with_what_it_does(own_settings: Settings) -> None:
    assert own_settings.destinations == {}
    code, text = said()
    assert code == 0
    assert all(name in text for name in registry.known_destinations())


def test_who_is_not_set_up_is_no_error_unless_asked_for(own_settings: Settings) -> None:
    assert own_settings.destinations == {}
    assert said("check")[0] == 0
    code, text = said("check", "hubspot")
    assert code == 1
    assert "hubspot" in text
    assert said("check", "file")[0] == 0


@pytest.mark.parametrize("name", registry.known_destinations())
def test_an_option_that_a_destination_does_not_have_is_told_and_nothing_leaves_with_it(
    own_settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert own_settings.destinations == {}
    monkeypatch.setenv(f"PARLEY_DESTINATIONS__{name.upper()}__OPTIONS", '{"evnet":"x"}')
    get_settings.cache_clear()
    code, text = said("check", name)
    assert code == 1
    assert "there is no option 'evnet'" in text
    makers = [registry.destination(name)]
    makers += [registry.target(name)] if name in registry.known_targets() else []
    for make in makers:
        with pytest.raises(FixConfig, match="there is no option 'evnet'"):
            make(get_settings())


@pytest.mark.parametrize("name", ["hubspot", "marketo", "eloqua"])
def test_the_requests_that_would_leave_are_shown_and_nothing_leaves(
    settings: Settings, name: str
) -> None:
    assert name in settings.destinations
    code, text = said("requests", name, "--limit", "3")
    assert code == 0
    assert "nothing was sent" in text
    assert "POST /" in text
    assert "k2@example.com" in text
    assert "k3@example.com" not in text  # no more than were asked for
    assert "k9@example.com" not in text
    assert "c4nary" not in text


def test_what_makes_no_requests_says_so(settings: Settings) -> None:
    assert settings.destinations
    done = CliRunner().invoke(cli.app, ["destinations", "requests", "file"])
    assert done.exit_code == 1
    assert "makes no HTTP requests" in str(done.exception)
