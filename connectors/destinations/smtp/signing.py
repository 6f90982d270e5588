"""DKIM signatures (RFC 6376) by dkimpy; what this needs comes with the extra `dkim`."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import dkim
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from connectors.core.errors import FixConfig
from connectors.core.mail_server import SmtpSettings

# Once more than they are there: nobody can add another one.
ONCE_ONLY: Final = (b"from", b"to", b"subject", b"date", b"message-id")
SIGNED: Final = (
    *ONCE_ONLY, b"list-unsubscribe", b"list-unsubscribe-post", b"mime-version", b"content-type",
    b"content-language", b"feedback-id", b"auto-submitted",
)  # fmt: skip
# Headers are folded anew on their way; nothing on the way touches what is quoted-printable.
CANONICAL: Final = (b"relaxed", b"simple")
LEAST_BITS: Final = 1024


@dataclass(frozen=True)
class Signer:
    """Signs emails of a domain."""

    domain: bytes
    selector: bytes
    key: RSAPrivateKey
    pem: bytes

    def signature(self, email: bytes, at: datetime) -> bytes:
        """The header that goes before an email with CRLF at its lines' ends, its own included."""
        made: bytes = _Signature(email, self.key, at).sign(
            self.selector,
            self.domain,
            self.pem,
            canonicalize=CANONICAL,
            include_headers=[*SIGNED, *ONCE_ONLY],
        )
        return made


def signer(settings: SmtpSettings) -> Signer | None:
    """The signer of the key that is set, None where none is.

    Raises:
        FixConfig: the key cannot be used, or its selector is not set.
    """
    if settings.dkim_key is None:
        return None
    if not settings.dkim_selector:
        what = "a DKIM key needs the selector that it is published under"
        raise FixConfig(what, "PARLEY_SMTP__DKIM_SELECTOR", "Set it.")
    key = _key(settings.dkim_key.get_secret_value())
    if key is None or key.key_size < LEAST_BITS:
        what = f"it is no private RSA key in PEM of {LEAST_BITS} bits or more, nor a file with one"
        raise FixConfig(what, "PARLEY_SMTP__DKIM_KEY", "Set the key or the path of its file.")
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return Signer(settings.domain.encode(), settings.dkim_selector.encode(), key, pem)


def _key(given: str) -> RSAPrivateKey | None:
    """Read a key; in a variable, line ends may be written as backslash and n."""
    try:
        is_key = given.lstrip().startswith("-----")
        pem = given.replace("\\n", "\n").encode() if is_key else Path(given).read_bytes()
        key = load_pem_private_key(pem, None)
    except (OSError, TypeError, ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RSAPrivateKey) else None


class _Signature(dkim.DKIM):  # type: ignore[misc]
    """The library's, but for the power: in Python it takes ten times as long, and all wait."""

    def __init__(self, email: bytes, key: RSAPrivateKey, at: datetime) -> None:
        super().__init__(email)
        self._key, self._at = key, at

    def gen_header(
        self,
        fields: list[tuple[bytes, bytes]],
        include_headers: tuple[bytes, ...],
        canon_policy: Any,  # noqa: ANN401 - the library's own
        header_name: bytes,
        *_: object,
    ) -> bytes:
        """Hash and sign as the library does."""
        tags = {**dict(fields), b"t": str(int(self._at.timestamp())).encode()}
        unsigned = _folded({**tags, b"b": b""}, header_name)
        hashed = dkim.HashThrough(self.hasher())
        headers = canon_policy.canonicalize_headers(self.headers)
        header = header_name, b" " + unsigned
        dkim.hash_headers(hashed, canon_policy, headers, include_headers, header, tags)
        signed = self._key.sign(hashed.digest(), PKCS1v15(), Prehashed(SHA256()))
        return _folded({**tags, b"b": b64encode(signed)}, header_name) + b"\r\n"


def _folded(tags: dict[bytes, bytes], name: bytes) -> bytes:
    joined = b"; ".join(b"=".join(tag) for tag in tags.items())
    folded: bytes = dkim.fold(joined, namelen=len(name), linesep=b"\r\n")
    return folded
