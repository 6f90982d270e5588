"""What a row of a history file says: words, times and headers of other tools, and rejections."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from history_kit import NOW, judged

from connectors.core.clock import iso_z
from connectors.core.history.judge import AS_MANUAL, FROM_NOW
from connectors.core.history.layouts import LAYOUTS, plain
from connectors.core.history.times import AMBIGUOUS, NO_TIME, Dates, read_time

ADA = "ada@example.com"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-03-01 12:13:14", "2020-03-01T12:13:14Z"),
        ("2020-03-01T12:13:14+02:00", "2020-03-01T10:13:14Z"),
        ("2020-03-01T12:13:14Z", "2020-03-01T12:13:14Z"),
        ("2020-03-01 12:13:14 UTC", "2020-03-01T12:13:14Z"),
        ("2020-03-01", "2020-03-01T00:00:00Z"),
        ("2020/3/1 08:00", "2020-03-01T08:00:00Z"),
        ("20110122T111244", "2011-01-22T11:12:44Z"),
        ("1487173664", "2017-02-15T15:47:44Z"),
        ("1487173664000", "2017-02-15T15:47:44Z"),
        ("Fri, 21 Oct 2011 11:02:55 +0200", "2011-10-21T09:02:55Z"),
        ("Fri, 21 Oct 2011 11:02:55 GMT", "2011-10-21T11:02:55Z"),
        ("31.12.2019 13:05", "2019-12-31T13:05:00Z"),
        ("01.02.2019", "2019-02-01T00:00:00Z"),
        ("12/31/2019 1:30 PM", "2019-12-31T13:30:00Z"),
        ("1/2/2024 12:01:00 AM", "2024-01-02T00:01:00Z"),
        ("31/12/2019", "2019-12-31T00:00:00Z"),
        ("5/5/2019", "2019-05-05T00:00:00Z"),
    ],
)
def test_times_are_read_as_other_tools_write_them(text: str, expected: str) -> None:
    found = read_time(text)
    assert isinstance(found, datetime)
    assert iso_z(found) == expected


@pytest.mark.parametrize(
    "text",
    ["", "soon", "0", "1970-01-01", "2020-02-30", "31.31.2020", "44927.5", "2020-03-01 25:00",
     "9999-12-31T23:59:59-05:00", "12345678901", "2020"],
)  # fmt: skip
def test_what_is_no_time_is_not_guessed(text: str) -> None:
    assert read_time(text) == NO_TIME


def test_a_date_that_may_be_two_days_is_asked_about() -> None:
    assert read_time("1/2/2019") == AMBIGUOUS
    assert read_time("1/2/2019", Dates.DAY_FIRST) == datetime(2019, 2, 1, tzinfo=UTC)
    assert read_time("1/2/2019", Dates.MONTH_FIRST) == datetime(2019, 1, 2, tzinfo=UTC)
    assert read_time("31/12/2019", Dates.MONTH_FIRST) == NO_TIME


def test_a_grant_begins_with_its_day_and_a_refusal_lasts_to_its_end() -> None:
    granted = judged("consents", email=ADA, state="yes", given_at="2020-03-01")
    withdrawn = judged("consents", email=ADA, state="no", given_at="2020-03-01")
    assert granted.fields["given_at"] == "2020-03-01T00:00:00Z"
    assert withdrawn.fields["given_at"] == "2020-03-01T23:59:59Z"


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("granted", "granted"), ("Subscribed", "granted"), ("YES", "granted"), ("1", "granted"),
        ("opted-in", "granted"), ("unsubscribed", "withdrawn"), ("No", "withdrawn"),
        ("opt_out", "withdrawn"), ("NEVER_SUBSCRIBED", "none"), ("not subscribed", "none"),
    ],
)  # fmt: skip
def test_states_are_understood_in_the_words_of_other_tools(word: str, state: str) -> None:
    said = judged("consents", email=ADA, state=word, given_at="2020-01-01")
    assert (said.problem, said.fields["state"]) == ("", state)


REJECTED = [
    ({"state": "granted", "given_at": "2020-01-01"}, "it names no email"),
    ({"email": "ada@", "state": "granted", "given_at": "2020-01-01"}, "the email is not valid"),
    ({"email": ADA, "given_at": "2020-01-01"}, "state is missing"),
    ({"email": ADA, "state": "so", "given_at": "2020-01-01"}, "state is no word that is known"),
    ({"email": ADA, "state": "granted"}, "given_at is missing"),
    ({"email": ADA, "state": "granted", "given_at": "soon"}, "given_at is no time"),
    ({"email": ADA, "state": "granted", "given_at": "1/2/2019"}, f"given_at {AMBIGUOUS}"),
    ({"email": ADA, "state": "yes", "given_at": "2099-01-01"}, "given_at lies after the import"),
    ({"email": ADA, "state": "granted", "given_at": "1970-01-01"}, "given_at is no time"),
    ({"email": ADA, "state": "granted", "given_at": "2020-01-01", "channel": "sms"},
     "channel is not email, call or post"),
    ({"email": ADA, "state": "granted", "given_at": "2020-01-01", "purpose": "research"},
     "purpose is not marketing or service"),
    ({"email": ADA, "state": "granted", "given_at": "2020-01-01", "channel": "call"},
     "it names no phone"),
    ({"phone": "12", "state": "granted", "given_at": "2020-01-01", "channel": "call"},
     "the phone is not valid"),
]  # fmt: skip


@pytest.mark.parametrize(("cells", "problem"), REJECTED, ids=[p for _, p in REJECTED])
def test_a_grant_that_is_not_whole_is_rejected(cells: dict[str, str], problem: str) -> None:
    assert judged("consents", **cells).problem == problem


@pytest.mark.parametrize("told", ["", "soon", "1/2/2019", "2099-01-01"])
def test_a_withdrawal_without_a_time_holds_from_the_import_on(told: str) -> None:
    said = judged("consents", email=ADA, state="unsubscribed", given_at=told)
    assert said.problem == ""
    assert "given_at" not in said.fields
    assert said.notes == [FROM_NOW]


def test_one_file_may_keep_the_times_of_grants_and_withdrawals_apart() -> None:
    times = {"granted_at": "2019-01-01 10:00", "withdrawn_at": "2020-01-01 10:00"}
    granted = judged("consents", email=ADA, state="yes", **times)
    withdrawn = judged("consents", email=ADA, state="no", **times)
    assert granted.fields["given_at"] == "2019-01-01T10:00:00Z"
    assert withdrawn.fields["given_at"] == "2020-01-01T10:00:00Z"
    without = judged("consents", email=ADA, state="no", granted_at="2019-01-01")
    assert "given_at" not in without.fields


def test_the_proof_says_how_it_was_confirmed() -> None:
    row = {"email": ADA, "state": "yes", "given_at": "2020-01-01"}
    assert judged("consents", **row).fields["proof"] is None
    assert judged("consents", **row, proof="form", double_opt_in="Yes").fields["proof"] == (
        "form, double opt-in"
    )
    assert judged("consents", **row, double_opt_in="no").fields["proof"] == "single opt-in"
    assert judged("consents", **row).fields["legal_basis"] == "consent"


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("complaint", "complaint"), ("SPAM_COMPLAINT", "complaint"),
        ("unsubscribe", "unsubscribed"), ("USER_SUPPRESSED", "manual"), ("objection", "legal"),
        ("REDACTED", "erased"), ("HARD_BOUNCE", "hard_bounce"), ("INVALID_EMAIL", "hard_bounce"),
        ("cleaned", "hard_bounce"),
    ],
)  # fmt: skip
def test_reasons_are_understood_in_the_words_of_other_tools(word: str, reason: str) -> None:
    said = judged("suppressions", email=ADA, reason=word, since="2020-01-01")
    assert (said.problem, said.fields["reason"], said.notes) == ("", reason, [])


def test_a_suppression_counts_whatever_its_reason_is_called() -> None:
    said = judged("suppressions", email=ADA, reason="wants no mail", since="2020-01-01")
    assert (said.problem, said.fields["reason"], said.notes) == ("", "manual", [AS_MANUAL])


def test_a_suppression_needs_one_valid_address() -> None:
    both = judged("suppressions", email=ADA, phone="020 7946 0123", reason="manual")
    assert (both.fields["email"], both.fields["phone"]) == (ADA, "020 7946 0123")
    one = judged("suppressions", email="ada@", phone="020 7946 0123", reason="manual")
    assert one.problem == ""
    assert "email" not in one.fields
    assert judged("suppressions", reason="manual").problem == "it names no email"
    assert judged("suppressions", email="ada@", reason="manual").problem == "the email is not valid"
    assert judged("suppressions", phone="1", reason="manual").problem == "the phone is not valid"


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("hard", "hard"), ("Hard bounce", "hard"), ("5.1.1", "hard"), ("550", "hard"),
        ("550 5.1.1 no such box", "hard"), ("soft", "soft"), ("4.2.2", "soft"), ("451", "soft"),
        ("Block bounce", "soft"), ("Unknown bounce", "soft"),
    ],
)  # fmt: skip
def test_bounces_are_hard_or_soft_by_word_or_code(word: str, kind: str) -> None:
    assert judged("bounces", email=ADA, kind=word).fields["kind"] == kind


@pytest.mark.parametrize("word", ["", "odd", "250", "5", "55"])
def test_a_bounce_that_is_neither_is_rejected(word: str) -> None:
    assert judged("bounces", email=ADA, kind=word).problem == "kind is neither hard nor soft"


def test_a_send_needs_a_time_and_counts_to_the_end_of_its_day_but_not_beyond_now() -> None:
    assert judged("sends", email=ADA).problem == "sent_at is missing"
    assert (
        judged("sends", email=ADA, sent_at="2099-01-01").problem == "sent_at lies after the import"
    )
    assert judged("sends", email=ADA, sent_at="2024-03-01").fields["sent_at"] == (
        "2024-03-01T23:59:59Z"
    )
    assert judged("sends", email=ADA, sent_at="2024-03-04").fields["sent_at"] == iso_z(NOW)
    assert (
        judged("sends", email=ADA, sent_at="2024-03-01", step="two").problem == "step is no number"
    )


def test_addresses_are_freed_of_a_spreadsheets_apostrophe() -> None:
    said = judged("consents", phone="'+442079460123", channel="phone", state="no")
    assert (said.problem, said.fields["phone"]) == ("", "+442079460123")


EXPORTS = {
    # As documented by the tools themselves: what they call the columns that are needed here.
    ("consents", "Email Address,First Name,OPTIN_TIME,CONFIRM_TIME,LAST_CHANGED,LEID"): {
        "email": "Email Address", "granted_at": "OPTIN_TIME",
    },
    ("consents", "Email,Email Marketing Consent,Email Marketing Consent Timestamp,Source"): {
        "email": "Email", "state": "Email Marketing Consent",
        "given_at": "Email Marketing Consent Timestamp", "proof": "Source",
    },
    ("suppressions", "Email Address,OPTIN_TIME,LAST_CHANGED,UNSUB_TIME,UNSUB_REASON"): {
        "email": "Email Address", "since": "UNSUB_TIME",
    },
    ("suppressions", "address,tags,created_at"): {"email": "address", "since": "created_at"},
    ("bounces", "Email Address,LAST_CHANGED,CLEAN_TIME,CLEAN_CAMPAIGN_ID"): {
        "email": "Email Address", "at": "CLEAN_TIME",
    },
    ("bounces", "status,reason,email,created"): {
        "email": "email", "kind": "status", "at": "created", "diagnostic": "reason",
    },
    ("bounces", "address,code,error,created_at"): {
        "email": "address", "kind": "code", "diagnostic": "error", "at": "created_at",
    },
    ("bounces", "ClientID,SendID,EmailAddress,EventDate,BounceCategory,BounceReason"): {
        "email": "EmailAddress", "at": "EventDate", "kind": "BounceCategory",
        "diagnostic": "BounceReason",
    },
    ("sends", "ClientID,SendID,SubscriberKey,EmailAddress,EventDate,EventType"): {
        "email": "EmailAddress", "sent_at": "EventDate", "campaign_id": "SendID",
    },
}  # fmt: skip


@pytest.mark.parametrize(("kind", "header"), EXPORTS, ids=[h[:40] for _, h in EXPORTS])
def test_headers_of_common_tools_are_known(kind: str, header: str) -> None:
    names = header.split(",")
    best = {column: names[at[0]] for column, at in LAYOUTS[kind].places(names).items()}
    assert best == EXPORTS[kind, header]


def test_no_name_means_two_columns_of_a_layout() -> None:
    for layout in LAYOUTS.values():
        names = [plain(name) for c in layout.columns for name in (c.name, *c.also)]
        assert len(names) == len(set(names)), layout.kind
        columns = {column.name for column in layout.columns}
        assert {name for group in layout.needed for name in group} <= columns
