"""Where a vendor may send us: files on public hosts, never into our own network."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import NoReturn
from urllib.parse import urlsplit

import requests

from connectors.core.errors import StopRun
from connectors.core.http.inner import PublicOnly, is_public
from connectors.core.http.reply import place_of


def keep_outside(session: requests.Session, url: str, base_url: str) -> None:
    """Let through https addresses of public hosts; any host where the vendor itself is on loopback.

    The session refuses to connect to that host later, where its name leads inside by then.

    Raises:
        StopRun: the address is not https, unknown, or leads into a private network.
    """
    if _addresses(base_url) and all(ip_address(a).is_loopback for a in _addresses(base_url)):
        return
    refuse_inner_address(url, base_url)
    origin = "{0.scheme}://{0.netloc}/".format(urlsplit(url))
    session.mount(origin, PublicOnly(lambda: _refuse(url, base_url)))


def refuse_inner_address(url: str, base_url: str) -> None:
    """Raise `StopRun` where an address is not https, unknown, or leads into a private network."""
    found = _addresses(url)
    if urlsplit(url).scheme == "https" and found and all(map(is_public, found)):
        return
    _refuse(url, base_url)


def _refuse(url: str, base_url: str) -> NoReturn:
    what = f"the vendor names a file that is not on a public https host ({place_of(url)})"
    raise StopRun(what, place_of(base_url), "Report it to the vendor.")


def _addresses(url: str) -> set[str]:
    parts = urlsplit(url)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, ValueError):
        return set()
    return {str(address[4][0]).partition("%")[0] for address in found}
