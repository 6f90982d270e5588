"""What a message looks like: its words, its links, HTML and plain text; pure, without a network.

Words are TOML files in `templates/`: `programmes/<programme>.<language>.toml` over
`programmes/default.toml`, and `words/<language>.toml` around them. Each value is rendered once, to
plain text, and only then put into the layout, which escapes it: what a source wrote is never
markup and never a template.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from jinja2 import FileSystemLoader, StrictUndefined, Template, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from connectors.core.delivery import OutMessage
from connectors.core.errors import FixConfig
from connectors.core.sender import SenderSettings
from connectors.core.settings import Settings

TEMPLATES: Final = Path(__file__).parent / "templates"
ENGLISH: Final = "en"
DEFAULT: Final = "default"
PARTS: Final = ("subject", "fact", "text", "items", "button", "path")
RENDERED: Final = ("email", "meeting")
"""The channels whose messages come as an email."""

TEST_MARK: Final = "[test] "
UNSUBSCRIBE, PREFERENCES = "unsubscribe", "preferences"
_SIGNATURE = 32
# Control characters, line and paragraph separators, and signs that turn the direction of reading.
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message as it is sent; `unsubscribe_url` is '' for a service message."""

    subject: str
    html: str
    text: str
    language: str
    unsubscribe_url: str = ""


def render(message: OutMessage, settings: Settings) -> Rendered:
    """Write a message in the language its reader wants, if all of it can be said in that.

    Raises:
        FixConfig: it is marketing, and there is no postal address or no place to unsubscribe; or
            a template cannot be read.
    """
    is_marketing = message.purpose != "service"
    if is_marketing:
        require_sender(settings)
    sender, language = settings.written_by, language_of(message)
    said = _said(message, language, sender)
    around = _around(language, sender.company)
    links = _links(message, settings, said.pop("path"))
    shown = {
        **{name: one_line(each) for name, each in said.items() if name != "text"},
        **links,
        "paragraphs": [line for part in said["text"].split("\n") if (line := one_line(part))],
        "language": language,
        "company": sender.company,
        "postal_address": sender.postal_address,
        "why": around["why_marketing" if is_marketing else "why_service"],
        "unsubscribe": around["unsubscribe"],
        "preferences": around["preferences"],
        "button": one_line(said["button"]) or around["visit"],
    }
    return Rendered(
        subject=f"{TEST_MARK if message.is_test else ''}{shown['subject']}",
        html=_layout("message.html.j2", shown),
        text=_layout("message.txt.j2", shown),
        language=language,
        unsubscribe_url=links["unsubscribe_url"],
    )


def require_sender(settings: Settings) -> None:
    """Raise `FixConfig` where marketing email would lack an address or a place to unsubscribe."""
    sender = settings.written_by
    for name, value in (
        ("COMPANY", sender.company),
        ("POSTAL_ADDRESS", sender.postal_address),
        ("LINKS_URL", sender.links_url),
    ):
        if not value.strip():
            what = "marketing email needs a sender, a postal address and a place to unsubscribe"
            raise FixConfig(what, f"PARLEY_SENDER__{name}", "Set it; .env.example shows how.")


def language_of(message: OutMessage) -> str:
    """The language of the whole message: never its words in one and those around in another.

    It is the reader's where the programme has words in it. Otherwise it is that of the words which
    the plan wrote: English, or what `language` in the content says.
    """
    words, programmes = _files("words"), _files("programmes")
    written = str(message.content.get("language") or ENGLISH)
    written = written if written in words else ENGLISH
    has_own = f"{message.programme}.{message.language}" in programmes
    return message.language if has_own and message.language in words else written


def token(kind: str, message_key: str, hash_key: str) -> str:
    """What a link says of its message: the key and a signature, of which no address can be read."""
    signed = hmac.new(hash_key.encode(), f"{kind}:{message_key}".encode(), hashlib.sha256)
    return f"{message_key}.{signed.hexdigest()[:_SIGNATURE]}"


def message_of(kind: str, given: str, hash_key: str) -> str | None:
    """The message whose link this is; None for a token that was not made here."""
    key = given.rpartition(".")[0]
    is_ours = bool(key) and given.isascii()
    return key if is_ours and hmac.compare_digest(given, token(kind, key, hash_key)) else None


def one_line(text: str) -> str:
    """A text without line breaks and invisible signs: a header cannot be added to a subject."""
    return re.sub(r"\s+", " ", _INVISIBLE.sub(" ", text)).strip()


def _links(message: OutMessage, settings: Settings, path: str) -> dict[str, str]:
    """Every link of a message, tagged. A path leads into the shop, wherever it points."""
    sender = settings.written_by
    tags = urlencode(
        {
            "utm_source": "parley",
            "utm_medium": "email",
            "utm_campaign": message.campaign_id or message.programme,
            "utm_content": f"{message.variant or ''}{message.step}",
        }
    )
    into_shop = quote(path.lstrip("/"), safe="/-._~")
    shop, links = sender.shop_url.rstrip("/"), sender.links_url.rstrip("/")
    secret = settings.hash_key.get_secret_value()

    def own(kind: str) -> str:
        if message.purpose == "service":
            return ""
        return f"{links}/{kind}/{quote(token(kind, message.message_key, secret))}?{tags}"

    return {
        "home_url": f"{shop}/?{tags}" if shop and message.purpose != "service" else "",
        "button_url": f"{shop}/{into_shop}?{tags}" if shop and path else "",
        "unsubscribe_url": own(UNSUBSCRIBE),
        "preferences_url": own(PREFERENCES),
    }


def _said(message: OutMessage, language: str, sender: SenderSettings) -> dict[str, str]:
    """The parts of a message in plain text."""
    files = _files("programmes")
    own = files.get(f"{message.programme}.{language}", {})
    # The plan's words are in one language: they fill what is left out in that one alone.
    is_translated = bool(own) and language != (message.content.get("language") or ENGLISH)
    words = own if is_translated else {**files[DEFAULT], **own}
    if message.purpose == "service" and "path" not in own:
        words = {**words, "path": ""}  # a way into the shop would be promotion
    known: dict[str, Any] = {
        **dict.fromkeys(("subject", "fact", "text", "items"), ""),
        **{name: "" if value is None else value for name, value in message.content.items()},
        "evidence": dict(message.evidence),
        "variant": message.variant or "",
        "step": message.step,
        "campaign_id": message.campaign_id or "",
        "company": sender.company,
    }
    where = f"{message.programme}.{language}.toml" if own else f"{DEFAULT}.toml"
    return {part: _filled(words.get(part, ""), known, where) for part in PARTS}


@lru_cache(maxsize=100)
def _around(language: str, company: str) -> dict[str, str]:
    known = {"company": company}
    return {
        name: one_line(_filled(text, known, f"words/{language}.toml"))
        for name, text in _files("words")[language].items()
    }


def _filled(text: str, known: Mapping[str, Any], where: str) -> str:
    try:
        return _text(text).render(known)
    except (TemplateError, TypeError, ValueError, ArithmeticError):
        # Outside the handler: the chained error could show what a message says.
        pass
    what = "a text cannot be filled in: a name or a bracket in it is wrong"
    raise FixConfig(what, f"templates: {where}", "Mend it; default.toml says what is known there.")


def _layout(name: str, shown: Mapping[str, Any]) -> str:
    return _layouts().get_template(name).render(shown)


@lru_cache(maxsize=1)
def _texts() -> SandboxedEnvironment:
    """For words, which become plain text; what a message lacks may be asked for with `or`."""
    return SandboxedEnvironment(autoescape=False)


# Compiling takes longer than all the rest of a message.
@lru_cache(maxsize=1000)
def _text(text: str) -> Template:
    return _texts().from_string(text)


@lru_cache(maxsize=1)
def _layouts() -> SandboxedEnvironment:
    """For the layouts; HTML is escaped, text is not."""
    return SandboxedEnvironment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=lambda name: bool(name and name.endswith(".html.j2")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@lru_cache(maxsize=2)
def _files(folder: str) -> dict[str, dict[str, str]]:
    """The words of a folder by name, read once: no name that a message holds becomes a path."""
    found = {}
    for path in sorted((TEMPLATES / folder).glob("*.toml")):
        try:
            found[path.stem] = {
                name: str(text)
                for name, text in tomllib.loads(path.read_text(encoding="utf-8")).items()
            }
        except tomllib.TOMLDecodeError as error:
            what, remedy = f"it is no TOML: {error}", "Mend it; texts stand in quotes."
            raise FixConfig(what, f"templates: {folder}/{path.name}", remedy) from None
    return found
