"""Where a vendor may send us: files on public hosts, never into our own network."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from urllib.parse import urlsplit

from connectors.core.errors import StopRun
from connectors.core.http.reply import place_of


def refuse_inner_address(url: str, base_url: str) -> None:
    """Let through https addresses of public hosts; any host where the vendor itself is on loopback.

    Raises:
        StopRun: the address is not https, unknown, or leads into a private network.
    """
    if _addresses(base_url) and all(ip_address(a).is_loopback for a in _addresses(base_url)):
        return
    found = _addresses(url)
    if urlsplit(url).scheme == "https" and found and all(ip_address(a).is_global for a in found):
        return
    what = f"the vendor names a file that is not on a public https host ({place_of(url)})"
    raise StopRun(what, place_of(base_url), "Report it to the vendor.")


def _addresses(url: str) -> set[str]:
    parts = urlsplit(url)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, ValueError):
        return set()
    return {str(address[4][0]).partition("%")[0] for address in found}
