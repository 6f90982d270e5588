"""The layouts of history files: their columns, and by which names other tools call them.

Names are matched without case, spaces and punctuation. README and the command's help are made of
what stands here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Column:
    """A column: what it holds, and what else it is called; of several, the first with a value."""

    name: str
    holds: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """A kind of file. Of each group in `needed` one column must be there, or be set by hand."""

    kind: str
    about: str
    columns: tuple[Column, ...]
    needed: tuple[tuple[str, ...], ...]

    @cached_property
    def names(self) -> dict[str, tuple[str, int]]:
        """From a name, as `plain` makes it, to its column and its place among that one's names."""
        return {
            plain(name): (column.name, place)
            for column in self.columns
            for place, name in enumerate((column.name, *column.also))
        }

    def knows(self, name: str) -> bool:
        """Whether a header's name is one of a column."""
        return plain(name) in self.names

    def places(self, header: Sequence[str]) -> dict[str, list[int]]:
        """Where in a header each column stands, by its best name first."""
        found: dict[str, list[tuple[int, int]]] = {}
        for position, name in enumerate(header):
            if plain(name) in self.names:
                column, place = self.names[plain(name)]
                found.setdefault(column, []).append((place, position))
        return {column: [at for _, at in sorted(places)] for column, places in found.items()}


def plain(name: str) -> str:
    """A name without case, spaces and punctuation."""
    return re.sub(r"[\W_]+", "", name.casefold())


_EMAIL = Column("email", "address", ("Email Address", "email_addr", "mail", "address", "recipient"))
_PHONE = Column(
    "phone", "number; with a + and its country, or of PARLEY_DEFAULT_COUNTRY",
    ("Phone Number", "mobile", "Mobile Phone Number", "telephone"),
)  # fmt: skip
_CHANNEL = Column("channel", "email (default), call, post")
_PURPOSE = Column("purpose", "marketing (default), service")
_ADDRESS = ("email", "phone")

CONSENTS = Layout(
    "consents",
    "who allowed what, and who took it back",
    (
        _EMAIL,
        _PHONE,
        _CHANNEL,
        _PURPOSE,
        Column(
            "state", "granted, withdrawn; also subscribed, unsubscribed, yes, no and the like",
            ("status", "consent", "Email Marketing Consent", "marketingState", "opt_in"),
        ),
        Column(
            "given_at", "when it was declared; a grant needs a time",
            ("Email Marketing Consent Timestamp", "consentUpdatedAt", "consent_timestamp"),
        ),
        Column(
            "granted_at", "the same for grants, where the file keeps them apart",
            ("OPTIN_TIME", "CONFIRM_TIME", "subscribed_at", "optin_date"),
        ),
        Column(
            "withdrawn_at", "the same for withdrawals",
            ("UNSUB_TIME", "unsubscribed_at", "DateUnsubscribed", "OptOut_Date"),
        ),
        Column(
            "legal_basis", "consent (default), or another",
            ("Legal basis for processing contact's data",),
        ),
        Column("proof", "where and how, in words", ("source", "signup_source", "consent_method")),
        Column("double_opt_in", "yes, no", ("confirmed",)),
    ),
    (_ADDRESS, ("state",)),
)  # fmt: skip
SUPPRESSIONS = Layout(
    "suppressions",
    "who must not be contacted",
    (
        _EMAIL,
        _PHONE,
        Column(
            "reason", "complaint, unsubscribed, manual, legal, erased, hard_bounce",
            ("suppression_reason",),
        ),
        Column(
            "since", "from when",
            ("suppressed_at", "UNSUB_TIME", "CLEAN_TIME", "DateUnsubscribed", "OptOut_Date",
             "created_at", "created", "timestamp", "date", "LAST_CHANGED"),
        ),
    ),
    (_ADDRESS, ("reason",)),
)  # fmt: skip
BOUNCES = Layout(
    "bounces",
    "which mail came back",
    (
        _EMAIL,
        Column(
            "kind", "hard, soft; or an SMTP code, 5.1.1 or 550",
            ("type", "bounce_type", "BounceCategory", "category", "status", "code", "SMTPCode"),
        ),
        Column(
            "at", "when",
            ("bounced_at", "CLEAN_TIME", "EventDate", "created_at", "created", "timestamp",
             "date", "LAST_CHANGED"),
        ),
        Column(
            "diagnostic", "what the server said",
            ("BounceReason", "SMTPBounceReason", "reason", "error"),
        ),
    ),
    (("email",), ("kind",)),
)  # fmt: skip
SENDS = Layout(
    "sends",
    "what was sent before the move",
    (
        _EMAIL,
        _PHONE,
        Column("sent_at", "when", ("send_date", "send_time", "EventDate", "timestamp", "date")),
        _CHANNEL,
        _PURPOSE,
        Column("programme", "name of the programme here that says the same", ("program",)),
        Column("campaign_id", "name of the campaign here, or any", ("campaign", "SendID", "JobID")),
        Column("occasion", "what it answered, as `parley preview` shows it"),
        Column("step", "which message of a sequence; left out, it counts as all of them"),
        Column("subject", "subject line", ("subject_line", "email_name")),
    ),
    (_ADDRESS, ("sent_at",)),
)
OUTCOMES = Layout(
    "outcomes",
    "how calls and meetings ended, as the lists say that came back",
    (
        _EMAIL,
        _PHONE,
        Column("channel", "call (default), meeting"),
        Column(
            "outcome",
            "interested, not_interested, no_answer, call_back, complaint, resolved, enrolled,"
            " not_by_phone; or another word",
            ("result", "disposition", "call_outcome", "meeting_outcome"),
        ),
        Column("topic", "what it was about: a category, an offer", ("subject", "about")),
        Column("comment", "in words", ("note", "notes", "body")),
        Column(
            "happened_at", "when",
            ("called_at", "met_at", "completed_at", "timestamp", "date"),
        ),
    ),
    (_ADDRESS, ("outcome",), ("happened_at",)),
)  # fmt: skip
LAYOUTS = {each.kind: each for each in (CONSENTS, SUPPRESSIONS, BOUNCES, SENDS, OUTCOMES)}


def groups(needed: Iterable[Sequence[str]]) -> str:
    """Groups of columns in words: 'email or phone, and state'."""
    return ", and ".join(" or ".join(group) for group in needed)


def markdown() -> str:
    """The layouts as a table for the README."""
    lines = ["| file | column | holds | also called |", "|---|---|---|---|"]
    for layout in LAYOUTS.values():
        needed = {name for group in layout.needed for name in group}
        for column in layout.columns:
            file = f"`{layout.kind}`" if column is layout.columns[0] else ""
            name = f"**{column.name}**" if column.name in needed else column.name
            also = ", ".join(f"`{each}`" for each in column.also)
            lines.append(f"| {file} | {name} | {column.holds} | {also} |")
    return "\n".join(lines)


def in_words() -> str:
    """The layouts for the command's help, a paragraph each."""
    return "\n\n".join(
        f"{layout.kind}: {layout.about}. Columns: "
        f"{', '.join(column.name for column in layout.columns)}. "
        f"Needed: {groups(layout.needed)}."
        for layout in LAYOUTS.values()
    )
