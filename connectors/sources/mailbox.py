"""Source `mailbox`: what comes back by email, from a maildir or over IMAP, which is only read.

Three streams of short facts, no letter as a whole: `reports` of servers and providers (a bounce, a
complaint), `replies` of people, and `unsubscribes`, letters or replies that ask for no more. What
machines answer (an absence, a list's mail) is in none of them; nor is a letter that answers nothing
of ours. Which message something is about is told by its key, which the smtp destination writes as
Message-ID and as the envelope's id.

A record is named by what it says: the same report in two places, or read again because the server
numbered its letters anew, is one. Not seen: a file that is put into a maildir with a time more than
a day older than the newest one; any mailbox but the one that the url names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email.message import Message
from typing import Any

from connectors.core.accounts import SourceSettings
from connectors.core.clock import iso_z
from connectors.core.errors import ParleyError
from connectors.core.mail_folders import Letter, opened
from connectors.core.mail_replies import answer, asks_out, is_automatic, key_of
from connectors.core.mail_reports import header, is_report, parsed, reported, sent_at
from connectors.core.payload import digest, json_text
from connectors.core.spec import Finding, Page, ReadContext, Record, SourceSpec, Stream

VENDOR = "mailbox"
REPORTS, REPLIES, UNSUBSCRIBES = (
    Stream(name, "letter", "received_at", {"email": ("final_recipient",)})
    for name in ("reports", "replies", "unsubscribes")
)
OPTIONS = {
    "domain": "domain of our Message-IDs, of the address that we write from; any if left out",
    "ca_file": "certificates to trust beside those of the system, as a file",
}
# A page ends here too, so that a mailbox full of other mail moves the cursor on.
MOST_LETTERS = 1_000

Facts = list[dict[str, Any]]


def _of_report(email: Message, whole: Callable[[], bytes], domain: str) -> Facts:
    return reported(parsed(whole()), domain) if is_report(email) else []


def _of_reply(email: Message, whole: Callable[[], bytes], domain: str) -> Facts:
    if is_automatic(email) or not key_of(email, domain):
        return []
    said = answer(parsed(whole()), domain)
    return [] if said.pop("is_opt_out") else [{"what": "reply", **said}]


def _of_unsubscribe(email: Message, whole: Callable[[], bytes], domain: str) -> Facts:
    if is_automatic(email) or not (key_of(email, domain) or asks_out(email)):
        return []
    said = answer(parsed(whole()), domain)
    return [{"what": "unsubscribe", **said}] if said.pop("is_opt_out") else []


READERS = {"reports": _of_report, "replies": _of_reply, "unsubscribes": _of_unsubscribe}


def read(context: ReadContext) -> Iterator[Page]:
    """Read the letters that arrived since, up to `as_of`, and of each what this stream is about.

    Raises:
        FixConfig: there is no such mailbox, or the login is wrong.
        RetryLater: the server is away; what was read before is landed.
    """
    facts_of = READERS[context.stream.name]
    domain = context.settings.options.get("domain", "")
    records: list[Record] = []
    cursor, letters = None, 0
    with opened(context.source_id, context.settings) as folder:
        for letter in folder.letters(context.cursors.get("")):
            if letter.received_at > context.as_of:
                break
            email = parsed(letter.head)
            facts = facts_of(email, letter.whole, domain)
            records += [_record(letter, email, each) for each in facts]
            cursor, letters = letter.cursor, letters + 1
            if len(records) >= context.page_size or letters >= MOST_LETTERS:
                yield Page(records, cursor)
                records, cursor, letters = [], None, 0
        if cursor is not None:
            yield Page(records, cursor)


def check(source_id: str, settings: SourceSettings) -> list[Finding]:
    """Say whether the mailbox can be read."""
    try:
        with opened(source_id, settings):
            pass
    except ParleyError as error:
        return [Finding("error", f"{error.what} ({error.where})", error.remedy)]
    return [Finding("ok", "the mailbox can be read")]


def _record(letter: Letter, email: Message, facts: dict[str, Any]) -> Record:
    """A fact by what it says; when it arrived here is no part of its name."""
    told = {"letter": digest(header(email, "Message-ID")), "said_at": sent_at(email), **facts}
    payload = {**told, "received_at": iso_z(letter.received_at)}
    return Record(digest(json_text(told)), letter.received_at, "upsert", json_text(payload))


SPEC = SourceSpec(
    VENDOR,
    (REPORTS, REPLIES, UNSUBSCRIBES),
    read,
    check,
    about=(
        "Bounces, complaints, replies and unsubscribing letters, as they come back by email. url:"
        " a maildir's path, or imaps://host/INBOX with user and password (or token, for OAuth)."
    ),
    options=OPTIONS,
)
