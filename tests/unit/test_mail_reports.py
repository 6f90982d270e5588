"""What is read of letters that come back: facts of reports, people's own words, no machine's."""

from __future__ import annotations

import random
from base64 import encodebytes
from quopri import encodestring

import pytest
from mail_kit import bounce, complaint, key, letter

from connectors.core.mail_replies import answer, asks_out, is_automatic, key_of, own_words
from connectors.core.mail_reports import is_report, parsed, reported

K1 = key("k1")


def test_a_bounce_tells_whose_message_which_address_and_which_code() -> None:
    [said] = reported(parsed(bounce(K1, "ada@shop.example")))
    assert said == {
        "what": "delivery-status", "message_key": K1, "final_recipient": "ada@shop.example",
        "action": "failed", "status": "5.1.1", "code": "550", "occurred_at": None,
    }  # fmt: skip


def test_a_bounce_may_name_several_recipients() -> None:
    said = reported(parsed(bounce(K1, "ada@shop.example", "bob@shop.example")))
    assert [each["final_recipient"] for each in said] == ["ada@shop.example", "bob@shop.example"]


def test_whom_it_was_sent_to_counts_not_where_it_was_forwarded() -> None:
    data = bounce(K1, "box7@other.example").replace(
        b"Final-Recipient", b"Original-Recipient: rfc822;ada+2Bx@shop.example\nFinal-Recipient"
    )
    [said] = reported(parsed(data))
    assert said["final_recipient"] == "ada+x@shop.example"


@pytest.mark.parametrize(
    ("status", "diagnostic", "found"),
    [
        ("5.0.0", "smtp; 550 5.1.1 no such user", ("5.1.1", "550")),
        ("5.2.2", "smtp; 552 5.0.0 full", ("5.2.2", "552")),
        ("4.4.7", "x-unix; expired", ("4.4.7", None)),
        ("", "smtp; 451 10.1.1.1 said no", (None, "451")),
        ("rubbish", "", (None, None)),
    ],
)
def test_of_two_codes_the_one_that_says_more_counts(
    status: str, diagnostic: str, found: tuple[str | None, str | None]
) -> None:
    [said] = reported(parsed(bounce(K1, "ada@x.example", status=status, diagnostic=diagnostic)))
    assert (said["status"], said["code"]) == found


def test_the_key_is_in_what_came_back_else_in_the_envelope_else_in_the_address() -> None:
    whole = bounce(K1, "a@x.example", original="message/rfc822")
    in_envelope = bounce(None, "a@x.example", more=f"Original-Envelope-Id: {K1}")
    in_address = bounce(None, "a@x.example", to=f"bounces+{K1}@brand.example")
    for data in (whole, in_envelope, in_address):
        assert reported(parsed(data))[0]["message_key"] == K1
    assert reported(parsed(bounce(None, "a@x.example")))[0]["message_key"] is None


def test_a_message_id_of_another_domain_is_not_ours_where_the_domain_is_known() -> None:
    report = parsed(bounce(K1, "a@x.example"))
    assert reported(report, "brand.example")[0]["message_key"] == K1
    assert reported(report, "other.example")[0]["message_key"] is None


def test_a_complaint_is_about_each_recipient_that_it_names_or_about_whom_it_was_to() -> None:
    said = reported(parsed(complaint(K1, "ada@shop.example", "bob@shop.example")))
    assert [each["final_recipient"] for each in said] == ["ada@shop.example", "bob@shop.example"]
    assert {each["feedback_type"] for each in said} == {"abuse"}
    [told] = reported(parsed(complaint(K1, to="ada@shop.example")))
    assert (told["final_recipient"], told["message_key"]) == ("ada@shop.example", K1)
    [redacted] = reported(parsed(complaint(K1)))
    assert (redacted["final_recipient"], redacted["message_key"]) == (None, K1)


@pytest.mark.parametrize("encoded", ["base64", "quoted-printable"])
def test_fields_that_came_encoded_are_read_all_the_same(encoded: str) -> None:
    plain = b"Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; a@x.example\nAction: failed\n"
    coded = encodebytes(plain) if encoded == "base64" else encodestring(plain)
    data = bounce(K1).replace(
        b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n",
        b"Content-Type: message/delivery-status\nContent-Transfer-Encoding: "
        + encoded.encode() + b"\n\n" + coded,
    )  # fmt: skip
    assert reported(parsed(data))[0]["final_recipient"] == "a@x.example"


def test_a_report_that_nobody_can_read_is_kept_with_the_problem() -> None:
    [said] = reported(parsed(bounce(K1)))
    assert said["problem"] == "it names no recipient"
    assert said["message_key"] == K1


def test_only_reports_of_deliveries_and_complaints_are_reports() -> None:
    assert is_report(parsed(bounce(K1, "a@x.example")))
    assert is_report(parsed(complaint(K1)))
    seen = bounce(K1, "a@x.example").replace(b"delivery-status", b"disposition-notification")
    assert not is_report(parsed(seen))
    assert not is_report(parsed(letter("a@x.example", "Hello")))


def test_a_reply_is_its_own_words_without_what_it_quotes() -> None:
    text = (
        "Thanks,\r\nwhere is the lid?\r\n\r\nOn Tue, 6 Dec 2011 at 10:00, Shop\r\n"
        "<hello@brand.example> wrote:\r\n> Hello\r\n"
    )
    said = answer(parsed(letter("ada@shop.example", text, answers=K1)))
    assert said == {
        "message_key": K1, "final_recipient": "ada@shop.example", "is_opt_out": False,
        "text": "Thanks,\nwhere is the lid?",
    }  # fmt: skip
    html = "<p>Nein danke.</p><blockquote>Ihr Korb</blockquote>"
    assert own_words(parsed(letter("a@x.example", html, html=True))) == "Nein danke."
    german = "Ja!\n\nAm 06.12.2011 schrieb Laden <hello@brand.example>:\n> Hallo\n"
    assert own_words(parsed(letter("a@x.example", german))) == "Ja!"
    assert len(answer(parsed(letter("a@x.example", "x" * 9_000)))["text"]) == 2_000


@pytest.mark.parametrize("text", ["STOP", "Unsubscribe me please.", "bitte abmelden", "Opt-out!"])
def test_a_reply_of_one_word_may_ask_out(text: str) -> None:
    said = answer(parsed(letter("a@x.example", f"{text}\n\n> Hello\n", answers=K1)))
    assert said["is_opt_out"]


@pytest.mark.parametrize(
    "text", ["Don't stop writing, I like it", "How do I unsubscribe from the kettle plan?", ""]
)
def test_a_reply_that_says_more_does_not_ask_out(text: str) -> None:
    assert not answer(parsed(letter("a@x.example", text, answers=K1)))["is_opt_out"]


def test_a_letter_to_unsubscribe_names_the_message_in_subject_or_address() -> None:
    by_subject = parsed(letter("a@x.example", "", subject=f"unsubscribe {K1}"))
    by_address = parsed(letter("a@x.example", "", subject="", to=f"unsubscribe+{K1}@brand.example"))
    for each in (by_subject, by_address):
        assert asks_out(each)
        assert answer(each)["message_key"] == K1
    assert not asks_out(parsed(letter("a@x.example", "", subject=f"Order {K1}")))
    assert key_of(parsed(letter("a@x.example", "", subject=f"Order {K1}"))) is None


MACHINES = [
    letter("a@x.example", "stop", answers=K1, Auto_Submitted="auto-replied"),
    letter("a@x.example", "stop", answers=K1, Auto_Submitted="auto-generated; owner=x"),
    letter("a@x.example", "stop", answers=K1, X_Autoreply="yes"),
    letter("a@x.example", "stop", answers=K1, Precedence="bulk"),
    letter("a@x.example", "stop", answers=K1, Precedence="auto_reply"),
    letter("a@x.example", "stop", answers=K1, List_Id="<talk.x.example>"),
    letter("a@x.example", "stop", answers=K1, Return_Path="<>"),
    letter("a@x.example", "stop", answers=K1, subject="Automatic reply: Your basket"),
    letter("a@x.example", "stop", answers=K1, subject="Re: Out of Office: Your basket"),
    letter("a@x.example", "stop", answers=K1, subject="Abwesenheitsnotiz: Your basket"),
    letter("a@x.example", "stop", answers=K1, subject="Réponse automatique : Your basket"),
    letter("a@x.example", "stop", answers=K1, subject="Automatische Antwort: Your basket"),
    letter("MAILER-DAEMON@x.example", "stop", answers=K1),
    letter("no-reply@x.example", "stop", answers=K1),
    bounce(K1, "a@x.example"),
]


@pytest.mark.parametrize("data", MACHINES)
def test_what_a_machine_answers_is_automatic(data: bytes) -> None:
    assert is_automatic(parsed(data))


@pytest.mark.parametrize("subject", ["Re: Your basket", "Automatic coffee machine?", "Holiday", ""])
def test_what_a_person_answers_is_not(subject: str) -> None:
    human = letter("a@x.example", "Hello", answers=K1, subject=subject, Auto_Submitted="no")
    assert not is_automatic(parsed(human))


def test_whatever_the_bytes_are_nothing_is_raised() -> None:
    rng = random.Random(7)
    whole = [bounce(K1, "a@x.example"), complaint(K1, "a@x.example"), letter("a@x.example", "é")]
    for number in range(600):
        data = bytearray(whole[number % 3])
        for _ in range(rng.randrange(1, 30)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        email = parsed(bytes(data[: rng.randrange(len(data))] if number % 2 else data))
        if is_report(email):
            assert reported(email)
        is_automatic(email)
        assert len(answer(email)["text"]) <= 2_000
