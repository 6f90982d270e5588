"""Destination `eloqua`: messages and audiences by Oracle Eloqua's shared contact lists.

Eloqua writes and sends: a message makes its reader a member of the list that feeds the canvas of
its programme, with what is to be shown in contact fields. At its end the canvas takes readers off
the list again, so that they can enter another time. An audience is a list of its own.
"""

from __future__ import annotations

from connectors.core.http import HttpClient
from connectors.core.settings import Settings
from connectors.core.spec import Finding
from connectors.core.vendors.eloqua import Bulk, connect
from connectors.core.vendors.eloqua_login import LOGIN, credentials
from connectors.destinations.eloqua.audience import EloquaAudience
from connectors.destinations.eloqua.checking import findings
from connectors.destinations.eloqua.destination import EloquaDestination
from connectors.destinations.eloqua.notes import Notes
from connectors.destinations.eloqua.options import NAME, WHERE, Options, read_options

ABOUT = (
    "Oracle Eloqua: contacts with fields, on the list that feeds a programme's canvas; audiences as"
    r" shared lists. user: Company\user, and password; or token (OAuth); or both,"
    " the token an app's client id:client secret."
)

OPTIONS = {
    "lists": "which list feeds a programme's canvas: cart=1201, welcome=1202",
    "fields": "which contact field shows what: subject=C_ParleySubject1, language=C_Language1",
}

__all__ = ["ABOUT", "OPTIONS", "check", "create", "create_audience"]


def create(settings: Settings, client: HttpClient | None = None) -> EloquaDestination:
    """Make the destination; `client` speaks to the instance, where it is not to be looked for.

    Raises:
        FixConfig: there are no credentials, or the options cannot be used.
    """
    options = _options(settings, client)
    notes = Notes(settings.out_dir / NAME)
    return EloquaDestination(lambda: _bulk(settings, client), options, notes)


def create_audience(settings: Settings, client: HttpClient | None = None) -> EloquaAudience:
    """Make the keeper of lists. Raises as `create`."""
    options = _options(settings, client)
    return EloquaAudience(lambda: _bulk(settings, client), options)


def check(settings: Settings, client: HttpClient | None = None) -> list[Finding]:
    """Say whether the account can be used: log-in, rights, lists and fields."""
    return findings(lambda: _bulk(settings, client), lambda: _options(settings, client))


def _options(settings: Settings, client: HttpClient | None) -> Options:
    account = settings.destination(NAME)
    if client is None:
        credentials(LOGIN, account, f"PARLEY_DESTINATIONS__{NAME.upper()}")
    return read_options(account.options)


def _bulk(settings: Settings, client: HttpClient | None) -> Bulk:
    if client is not None:
        return Bulk(client)
    account = settings.destination(NAME)
    url = account.url.get_secret_value() if account.url else LOGIN
    return connect(url, account, WHERE)
