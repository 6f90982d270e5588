"""What people write back: replies and letters that unsubscribe, told from what machines answer."""

from __future__ import annotations

import re
from email.message import Message
from email.utils import parseaddr
from html import unescape
from typing import Any, Final

from connectors.core.mail_reports import KEY, header, key_in, key_in_recipients

MOST_CHARACTERS: Final = 2_000
# Bounces, lists and robots write from there.
ROBOTS: Final = re.compile(
    r"^(mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?)([+@._-]|$)", re.IGNORECASE
)
AWAY: Final = re.compile(
    r"^\W*(auto(matic(ally)?|mat\w+|\.)?[ -:]?\s*(re(ply|:|sponse)|antwort)|auto:|autoreply"
    r"|out of (the )?office|away from (my )?(the )?(office|desk)|on (vacation|holiday|leave)\b"
    r"|vacation|ooo\b|abwesen\w+|abwesenheits\w*|automatische antwort|nicht im b(ü|ue)ro"
    r"|r[ée]ponse automatique|absence du bureau|absent\b|fuera de (la )?oficina"
    r"|respuesta autom[áa]tica|risposta automatica|fuori ufficio|automatisch antwoord"
    r"|afwezig\w*|automatiskt svar|autosvar|resposta autom[áa]tica)",
    re.IGNORECASE,
)
OPT_OUT: Final = re.compile(
    r"\W*(please\s+|bitte\s+)?(unsubscribe( me)?|stop|remove me|opt[ -]?out|abmelden|abbestellen"
    r"|austragen|d[ée]sabonner|d[ée]sinscrire|darse de baja|baja|disiscrivimi|cancella|uitschrijven"
    r"|afmelden)(\s+(please|bitte|me|from this list))?\W*",
    re.IGNORECASE,
)
QUOTED: Final = re.compile(
    r"^\s*(>|\|)"
    r"|^\s*-{2,}\s*(original message|urspr\w+ nachricht|message d'origine|forwarded)"
    r"|^\s*_{8,}\s*$|^-- $"
    r"|^\s*(on|am|le|el|il|op)\b.{5,200}\b(wrote|schrieb|a écrit|escribió|ha scritto|schreef)"
    r"|^\s*(from|von|de|da|van):\s.*@",
    re.IGNORECASE,
)
_REPLIES_TO: Final = re.compile(r"^\s*((re|aw|sv|antw|ref|fwd?|wg)\s*:\s*)+", re.IGNORECASE)
_INTRODUCES: Final = re.compile(r"^\s*(on|am|le|el|il|op)\b.{5,200}$", re.IGNORECASE)
_HTML_QUOTE: Final = re.compile(r"(?is)<(blockquote|style|script|head)\b.*?(</\1>|$)")
_HTML_BREAK: Final = re.compile(r"(?i)<(br|/p|/div|/tr|/li)\b[^>]*>")
_HTML_TAG: Final = re.compile(r"(?s)<[^>]*>")


def is_automatic(email: Message) -> bool:
    """Tell whether a machine wrote it (RFC 3834, and what is used beside it): never a reply."""
    if header(email, "Auto-Submitted").partition(";")[0].strip().lower() not in ("", "no"):
        return True
    names = ("X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Reply", "List-Id")
    if any(email.get(name) is not None for name in names):
        return True
    if header(email, "Precedence").lower() in ("bulk", "junk", "list", "auto_reply"):
        return True
    if "Return-Path" in email and header(email, "Return-Path") == "<>":
        return True
    if email.get_content_type() == "multipart/report":
        return True
    subject = _REPLIES_TO.sub("", header(email, "Subject"))
    return bool(ROBOTS.match(sender(email)) or AWAY.match(subject))


def sender(email: Message) -> str:
    """The address in From; '' where there is none."""
    return parseaddr(header(email, "From"))[1]


def key_of(email: Message, domain: str = "") -> str | None:
    """Which message a letter answers: by what it replies to, where it was sent, or its subject."""
    found = key_in(header(email, "In-Reply-To"), domain)
    found = found or key_in(header(email, "References"), domain) or key_in_recipients(email)
    if not found and asks_out(email):
        in_subject = KEY.search(header(email, "Subject").lower())
        found = in_subject[1] if in_subject else None
    return found


def asks_out(email: Message) -> bool:
    """Tell by its header whether a letter was written to unsubscribe."""
    subject = KEY.sub("", header(email, "Subject").lower()).strip()
    to = header(email, "To").lower()
    is_sent_there = re.search(r"\bunsubscribe[^@\s]*@", to) is not None
    return is_sent_there or bool(OPT_OUT.fullmatch(subject))


def answer(email: Message, domain: str = "") -> dict[str, Any]:
    """A letter in short: the message that it answers, who says so, what they wrote themselves."""
    text = own_words(email)
    return {
        "message_key": key_of(email, domain),
        "final_recipient": sender(email) or None,
        "is_opt_out": asks_out(email) or bool(OPT_OUT.fullmatch(text)),
        "text": text[:MOST_CHARACTERS],
    }


def own_words(email: Message) -> str:
    """The text of a reply without what it quotes, signs off with or forwards."""
    lines = _text(email).replace("\r\n", "\n").split("\n")
    own: list[str] = []
    for number, line in enumerate(lines):
        following = " ".join(lines[number : number + 2])
        if QUOTED.search(line) or (_INTRODUCES.match(line) and QUOTED.search(following)):
            break
        own.append(line.rstrip())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(own)).strip()


def _text(email: Message) -> str:
    """Its first plain text, else that of its HTML."""
    html = ""
    for part in email.walk():
        kind = part.get_content_type()
        if part.get_filename() or kind not in ("text/plain", "text/html"):
            continue
        payload = part.get_payload(decode=True)
        if not isinstance(payload, bytes):
            continue
        try:
            text = payload.decode(part.get_content_charset() or "utf-8", "replace")
        except LookupError:
            text = payload.decode("utf-8", "replace")
        if kind == "text/plain" and text.strip():
            return text
        html = html or text
    plain = _HTML_TAG.sub("", _HTML_BREAK.sub("\n", _HTML_QUOTE.sub("", html)))
    return unescape(plain)
