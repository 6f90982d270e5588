"""Words that other tools use, and what they mean here. All are compared as `plain` makes them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from connectors.core.history.layouts import plain


def _meanings(**words: str) -> Mapping[str, str]:
    return {
        plain(word): meaning
        for meaning, listed in words.items()
        for word in (meaning, *listed.split())
    }


CHANNELS = _meanings(
    email="e-mail mail newsletter", call="phone telephone voice", post="letter direct_mail"
)
PURPOSES = _meanings(
    marketing="newsletter promotion promotions promotional advertising all any",
    service="transactional",
)
STATES = _meanings(
    granted="grant subscribed subscribe yes y true t 1 opted_in opt_in active confirmed allowed",
    withdrawn="withdraw unsubscribed unsubscribe no n false f 0 opted_out opt_out revoked denied",
    none="not_subscribed never_subscribed non-subscribed pending unconfirmed unknown",
)
REASONS = _meanings(
    complaint="complained complaints spam spam_complaint spam_report abuse marked_as_spam",
    unsubscribed="unsubscribe unsub opted_out opt_out user_unsubscribed unsubscription",
    manual="user_suppressed admin blocklist blocklisted blacklist blacklisted blocked",
    legal="objection do_not_contact dnc",
    erased="erasure forgotten gdpr_delete redacted",
    hard_bounce="bounce bounced hard invalid invalid_email cleaned",
)
BOUNCES = _meanings(
    hard="hard_bounce permanent bounced cleaned invalid",
    soft="soft_bounce transient temporary block block_bounce technical deferred unknown "
    "unknown_bounce",
)
TALKS = _meanings(call="phone telephone voice", meeting="visit appointment demo")
OUTCOMES = _meanings(
    interested="positive qualified wants_more",
    not_interested="negative declined refused unqualified no_interest",
    no_answer="not_reached unreached missed busy voicemail left_voicemail no_show",
    call_back="callback call_later again later",
    complaint="complained unhappy",
    resolved="solved settled",
    enrolled="signed_up won closed_won",
    not_by_phone="do_not_call dnc no_more_calls",
)
FLAGS = _meanings(yes="y true t 1 double confirmed", no="n false f 0 single")
_CODE = re.compile(r"([45])\d\d\b.*|([45])\.\d{1,3}\.\d{1,3}\b.*")


def meaning(words: Mapping[str, str], text: str) -> str | None:
    """What a text means; None where it is none of the words."""
    return words.get(plain(text))


def bounce_kind(text: str) -> str | None:
    """Whether mail came back for good: hard or soft, by a word or by the code that SMTP gives."""
    code = _CODE.fullmatch(text.strip())
    if code:
        return "hard" if "5" in code.groups() else "soft"
    return meaning(BOUNCES, text)
