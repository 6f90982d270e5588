"""Destination `webhook`: messages as signed JSON, posted to an address of your own.

By the Standard Webhooks specification 1.0.0: `Webhook-Id` is the batch's and stays the same however
often it is posted, `Webhook-Timestamp` is the attempt's, `Webhook-Signature` is HMAC-SHA256 over
`id.timestamp.body`. Whoever receives it checks the signature, refuses what is older than five
minutes, takes an id once, and answers 2xx once the messages are theirs. 400, 413 or 422 refuse a
batch for what is in it: it comes again in halves until the bad message is alone.

Set url and token: a secret, `whsec_` and 24 to 64 random bytes in base64; of several with blanks
between, each signs, for a change of secrets. Option `allow_private`: true to post into a private
network, also without encryption.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from connectors.core.clock import iso_z, utc_now
from connectors.core.delivery import Outcome, OutMessage
from connectors.core.errors import FixConfig, ParleyError, RetryLater, SkipRecord
from connectors.core.handout.recipients import refusal
from connectors.core.http import HttpClient
from connectors.core.http.auth import Ask
from connectors.core.http.hooks import HookClient
from connectors.core.http.reply import Unanswered
from connectors.core.settings import Settings
from connectors.core.spec import Finding

ABOUT: Final = (
    "Signed JSON, posted to an address of your own (Standard Webhooks). url; token: the secret that"
    " signs, whsec_ and base64."
)
OPTIONS: Final = {"allow_private": "true to post into a private network, also without encryption"}
WHERE: Final = "destination webhook"
SETTING: Final = "PARLEY_DESTINATIONS__WEBHOOK"
ID: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
LEAST_BYTES, MOST_BYTES = 24, 64
ATTEMPTS: Final = 4
LONGEST_WAIT_SECONDS: Final = 30.0
_BAD: Final = (SkipRecord, "See what the receiver says of it.")
STATUSES: Final = {
    207: None, 208: None, 226: None, 400: _BAD, 413: _BAD, 422: _BAD,
    401: (FixConfig, "Give the receiver the secret that is set here."),
    403: (FixConfig, "Give the receiver the secret that is set here."),
    404: (FixConfig, "Correct the url."),
    410: (FixConfig, "The receiver wants no more: set another url."),
}  # fmt: skip


@dataclass
class Signing:
    """Signs what `about` was called with last, each attempt anew."""

    secrets: Sequence[bytes] = field(repr=False)
    _about: tuple[str, bytes] = field(default=("", b""), init=False, repr=False)

    def about(self, webhook_id: str, body: bytes) -> None:
        """Sign this from now on."""
        self._about = webhook_id, body

    def headers(self, ask: Ask, now: datetime) -> Mapping[str, str]:
        """The specification's three headers."""
        del ask
        webhook_id, body = self._about
        at = int(now.timestamp())
        signed = f"{webhook_id}.{at}.".encode() + body
        signatures = (hmac.digest(each, signed, hashlib.sha256) for each in self.secrets)
        return {
            "Webhook-Id": webhook_id,
            "Webhook-Timestamp": str(at),
            "Webhook-Signature": " ".join(f"v1,{b64encode(each).decode()}" for each in signatures),
        }

    def renew(self) -> bool:
        """Nothing newer is to be had."""
        return False


@dataclass(frozen=True)
class WebhookDestination:
    """Posts batches. Whether one arrived cannot be asked, so what was not answered is unknown."""

    url: str = field(repr=False)
    client: HttpClient = field(repr=False)
    signing: Signing = field(repr=False)
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], datetime] = utc_now
    name: str = "webhook"
    batch_size: int = 100
    idempotent: bool = True
    is_live: bool = True
    accepted_is_sent: bool = True

    def deliver(self, batch_id: str, messages: Sequence[OutMessage]) -> list[Outcome]:
        """Post a batch, again under the same id while that may help.

        A message without exactly one recipient is rejected, and not posted.

        Raises:
            RetryLater: surely nothing was taken.
            SkipRecord: the receiver refused the batch for what is in it.
            FixConfig: the receiver does not take what is posted, or is not to be reached.
            Unanswered: an attempt was not answered, and none after it was.
        """
        refused = {each.message_key: why for each in messages if (why := refusal(each))}
        wanted = [each for each in messages if each.message_key not in refused]
        if wanted:
            self._post("parley.messages", batch_id, {"messages": [_shown(each) for each in wanted]})
        accepted = [Outcome(each.message_key, "accepted") for each in wanted]
        return accepted + [Outcome(key, "rejected", why) for key, why in refused.items()]

    def lookup(self, batch_id: str) -> list[Outcome] | None:
        """Nobody can be asked."""
        del batch_id
        return None

    def ping(self) -> None:
        """Post an event without messages. Raises as `deliver` does."""
        self._post("parley.ping", f"ping_{int(self.clock().timestamp())}", {"messages": []})

    def _post(self, kind: str, webhook_id: str, data: Mapping[str, Any]) -> None:
        if not ID.fullmatch(webhook_id):
            what = "a batch's name cannot be a webhook's id"
            raise FixConfig(what, WHERE, "Use letters, digits, _ and - only.")
        event = {"type": kind, "timestamp": iso_z(self.clock()), "data": data}
        body = orjson.dumps(event, option=orjson.OPT_SORT_KEYS)
        self.signing.about(webhook_id, body)
        lost: Unanswered | None = None
        for attempt in range(ATTEMPTS):
            trouble = self._attempt(body)
            if trouble is None:
                return
            wait = trouble.after_seconds if isinstance(trouble, RetryLater) else 0.0
            if isinstance(trouble, Unanswered):
                lost = trouble
            is_passing = isinstance(trouble, RetryLater | Unanswered)
            if not is_passing or attempt + 1 == ATTEMPTS or wait > LONGEST_WAIT_SECONDS:
                # A refusal proves nothing of an attempt before it that was not answered.
                raise lost or trouble
            self.sleep(max(wait, float(2**attempt)))

    def _attempt(self, body: bytes) -> Exception | None:
        """Post once; what went wrong, without the path: it may be what lets somebody in."""
        try:
            self.client.upload(self.url, body, "application/json", is_repeatable=False)
        except Unanswered as error:
            return Unanswered(str(error).partition(" (")[0])
        except RetryLater as error:
            return RetryLater(error.what, WHERE, error.remedy, after_seconds=error.after_seconds)
        except ParleyError as error:
            return type(error)(error.what, WHERE, error.remedy)
        return None


def create(settings: Settings, client: HttpClient | None = None) -> WebhookDestination:
    """Make the destination for these settings.

    Raises:
        FixConfig: url, secret or option are missing or cannot be used.
    """
    account = settings.destination("webhook")
    allowed = account.options.get("allow_private", "false")
    if allowed not in ("true", "false"):
        what = "the option allow_private is true or false"
        raise FixConfig(what, f"{SETTING}__OPTIONS__ALLOW_PRIVATE", "Correct it.")
    url = account.url.get_secret_value() if account.url else ""
    _check_url(url, is_private_allowed=allowed == "true")
    signing = Signing(_secrets(account.token.get_secret_value() if account.token else ""))
    wait: Callable[[float], None] = time.sleep
    if client is None:
        own = HookClient(url, auth=signing, statuses=STATUSES)
        if allowed != "true":
            own.keep_outside(
                f"{SETTING}__URL", f"Correct it, or set {SETTING}__OPTIONS to allow it."
            )
        client, wait = own, own.wait
    return WebhookDestination(url, client, signing, wait)


def check(settings: Settings) -> list[Finding]:
    """Post an event without messages, and say what became of it."""
    try:
        create(settings).ping()
    except ParleyError as error:
        return [Finding("error", error.what, f"{error.where}: {error.remedy}")]
    except Unanswered:
        return [Finding("error", "the receiver does not answer", "See that it runs.")]
    return [Finding("ok", "the receiver took a signed event without messages")]


def _check_url(url: str, *, is_private_allowed: bool) -> None:
    try:
        parts = urlsplit(url)
        is_right = bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        is_right = False
    schemes = ("https", "http") if is_private_allowed else ("https",)
    if not is_right or parts.scheme not in schemes or re.search(r"[\x00-\x20\x7f\\]", url):
        what = "there is no https address to post to"
        raise FixConfig(what, f"{SETTING}__URL", "Set it, without user and password.")


def _secrets(given: str) -> list[bytes]:
    """The signing secrets, of which there is at least one."""
    try:
        found = [b64decode(each.removeprefix("whsec_"), validate=True) for each in given.split()]
    except (NoBase64, ValueError):
        found = []
    if found and all(LEAST_BYTES <= len(each) <= MOST_BYTES for each in found):
        return found
    what = f"there is no secret to sign with, of {LEAST_BYTES} to {MOST_BYTES} bytes in base64"
    # Outside the handler: the chained error could show what was typed.
    raise FixConfig(what, f"{SETTING}__TOKEN", "Set whsec_ and such a secret.")


def _shown(message: OutMessage) -> dict[str, Any]:
    """What the receiver gets of a message: what to send to whom, and not why."""
    names = (
        "message_key", "address", "person_id", "programme", "campaign_id", "step", "variant",
        "channel", "purpose", "language", "contact_hours", "is_test",
    )  # fmt: skip
    return {
        **{name: getattr(message, name) for name in names},
        "send_after": iso_z(message.send_after) if message.send_after else None,
        "expires_at": iso_z(message.expires_at) if message.expires_at else None,
        "content": dict(message.content),
    }
