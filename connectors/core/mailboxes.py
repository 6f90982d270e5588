"""Whose mailbox an email means: the spellings that a provider takes for one, and the domain.

Only providers that say so themselves are listed; at any other, a dot or a +tag may be somebody
else. Whoever wrote an address keeps it: this spelling tells who they are, and is never written to.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from publicsuffixlist import PublicSuffixList


@dataclass(frozen=True, slots=True)
class Provider:
    """What a provider ignores before the @; `domain`: the one that its others stand for, if any."""

    domains: tuple[str, ...]
    source: str
    ignored: str = ""
    domain: str | None = None


# All of these deliver name+tag to name.
PROVIDERS = (
    Provider(
        ("gmail.com", "googlemail.com"),
        "support.google.com/mail/answer/7436150 (dots), /22370 (tags), /10313 (googlemail)",
        ignored=".",
        domain="gmail.com",
    ),
    Provider(
        ("outlook.com", "hotmail.com", "live.com", "msn.com"),
        "support.microsoft.com: plus addressing, at Hotmail since 2013",
    ),
    Provider(
        ("icloud.com", "me.com", "mac.com"),
        "support.apple.com/guide/icloud: name+text@icloud.com",
    ),
    Provider(
        ("fastmail.com", "fastmail.fm"),
        "fastmail.help/hc/en-us/articles/360060591053",
    ),
    Provider(
        ("proton.me", "protonmail.com", "protonmail.ch", "pm.me"),
        "proton.me/support/addresses-and-aliases; WebClients: removeEmailAlias",
        ignored="._-",
    ),
)
_BY_DOMAIN = {domain: provider for provider in PROVIDERS for domain in provider.domains}


def canonical(address: str) -> str:
    """The one spelling of an address in lower case, at a provider that knows several.

    A name of nothing but what is ignored stays as it is.
    """
    name, _, domain = address.rpartition("@")
    provider = _BY_DOMAIN.get(domain)
    if provider is None:
        return address
    kept = name.partition("+")[0].translate(dict.fromkeys(map(ord, provider.ignored)))
    return f"{kept or name}@{provider.domain or domain}"


def registrable_domain(address: str) -> str | None:
    """The domain of an address that somebody registered: example.co.uk of ada@mail.example.co.uk.

    By the public suffix list that comes with the library; None where all of it is a public suffix.
    """
    return _registrable(address.rpartition("@")[2])


# Few domains have most of the addresses.
@lru_cache(maxsize=5_000)
def _registrable(domain: str) -> str | None:
    found: str | None = _suffixes().privatesuffix(domain)
    return found


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
