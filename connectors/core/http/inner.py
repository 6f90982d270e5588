"""Which addresses are inside: of this machine, its network, a cloud's own service, or of nobody.

A name may lead elsewhere when it is asked again (DNS rebinding), so what counts is the address that
a connection was made to, looked at before a byte leaves by it.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from socket import socket
from typing import Any, Final, NoReturn

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from connectors.core.errors import FixConfig

# Addresses that a gateway turns into the IPv4 one in their last 32 bits (RFC 6052): how a network
# without IPv4 reaches it.
TRANSLATED: Final = IPv6Network("64:ff9b::/96")
LAST: Final = 0xFFFFFFFF


def is_public(address: str) -> bool:
    """Whether an address is one of the Internet's, and so are all that it may be turned into."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found in TRANSLATED:
            return _is_outside(IPv4Address(int(found) & LAST))
        carried = (found.ipv4_mapped, found.sixtofour, *(found.teredo or ()))
        return _is_outside(found) and all(_is_outside(each) for each in carried if each)
    return _is_outside(found)


def _is_outside(address: IPv4Address | IPv6Address) -> bool:
    # Reserved holds `::/8`, and with it the old ways to write an IPv4 address as an IPv6 one.
    is_special = address.is_multicast or address.is_reserved or address.is_unspecified
    is_site = isinstance(address, IPv6Address) and address.is_site_local
    return address.is_global and not is_special and not is_site


class PublicOnly(HTTPAdapter):
    """Connects to public addresses alone, whatever a name leads to by then.

    `refuse` is called with nothing sent yet, and raises.
    """

    def __init__(self, refuse: Callable[[], NoReturn]) -> None:
        """Open no connection yet."""
        self._refuse = refuse
        super().__init__()

    def init_poolmanager(self, *given: Any, **named: Any) -> None:  # noqa: ANN401 - the library's
        """Make pools whose connections are looked at."""
        super().init_poolmanager(*given, **named)
        refuse = self._refuse

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket:
                return _looked_at(super()._new_conn(), refuse)

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket:
                return _looked_at(super()._new_conn(), refuse)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}


def inner_address(where: str, remedy: str) -> NoReturn:
    """Raise the `FixConfig` for an address that is inside."""
    what = "the address leads into a private network"
    raise FixConfig(what, where, remedy)


def _looked_at(connected: socket, refuse: Callable[[], NoReturn]) -> socket:
    if not is_public(str(connected.getpeername()[0])):
        connected.close()
        refuse()
    return connected
