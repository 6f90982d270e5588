"""The webhook destination: signed by the specification, once by its id, and never to the inside."""

from __future__ import annotations

import json
import socket
import traceback
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import pytest
from outbox_kit import Outbox, row
from pydantic import SecretStr
from webhook_kit import LOST, PATH, SECRET, Receiver, receiver

from connectors.core.accounts import DestinationSettings
from connectors.core.delivery import Destination, OutMessage
from connectors.core.errors import FixConfig, RetryLater, SkipRecord
from connectors.core.http import client as http_client
from connectors.core.http.inner import is_public
from connectors.core.http.reply import Unanswered
from connectors.core.settings import Settings
from connectors.destinations import webhook
from connectors.destinations.webhook import Signing, WebhookDestination, check, create
from connectors.ledger.db import open_ledger

NOW = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
CANARY = "c4nary"


@pytest.fixture
def taker() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def message(key: str = "k1", **changes: Any) -> OutMessage:
    return OutMessage(
        **{
            "message_key": key, "address": f"{key}.{CANARY}@example.com", "person_id": "p1",
            "programme": "welcome", "campaign_id": None, "step": 1, "variant": "a",
            "channel": "email", "send_after": NOW, "content": {"subject": "Grüße\n"},
            "evidence": {"order": "secret"}, **changes,
        }
    )  # fmt: skip


def made(taker: Receiver, waits: list[float] | None = None) -> WebhookDestination:
    slept = [] if waits is None else waits
    return replace(create(taker.settings()), sleep=slept.append)


def test_the_specifications_own_example() -> None:
    """Of its reference libraries' tests: the same key, id, time and body, the same signature."""
    key = (
        b"\x31\xf2\x90\xf6\xbf\x06\x29\x8a\xab\x4f\x08\xd4\x3f\xc2\x08\x2c\xf6\x48\xa3\x62\xda\x2d"
    )
    key = webhook._secrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")[0]
    signing = Signing([key])
    signing.about("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}')
    said = signing.headers(lambda *_: None, datetime.fromtimestamp(1614265330, UTC))
    assert said == {
        "Webhook-Id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "Webhook-Timestamp": "1614265330",
        "Webhook-Signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_batch_arrives_signed_and_whole(taker: Receiver) -> None:
    destination = made(taker)
    assert isinstance(destination, Destination)
    said = destination.deliver("b1", [message("k1"), message("k2", campaign_id="w1")])
    assert [(each.message_key, each.state) for each in said] == [
        ("k1", "accepted"), ("k2", "accepted"),
    ]  # fmt: skip
    [event] = taker.events.values()
    assert event["type"] == "parley.messages"
    [first, _] = event["data"]["messages"]
    assert first == {
        "message_key": "k1", "address": f"k1.{CANARY}@example.com", "person_id": "p1",
        "programme": "welcome", "campaign_id": None, "step": 1, "variant": "a",
        "channel": "email", "purpose": "marketing", "language": "", "contact_hours": "",
        "is_test": False, "send_after": "2011-12-06T11:05:00Z", "expires_at": None,
        "content": {"subject": "Grüße\n"},
    }  # fmt: skip
    assert taker.seen[0]["webhook-id"] == "b1"
    assert taker.seen[0]["content-type"] == "application/json"
    assert destination.lookup("b1") is None


def test_a_secret_that_is_changed_signs_beside_the_old_one(taker: Receiver) -> None:
    new = "whsec_" + "QUJD" * 8
    settings = taker.settings()
    account = settings.destination("webhook")
    both = account.model_copy(update={"token": SecretStr(f"{new} {SECRET}")})
    settings = settings.model_copy(update={"destinations": {"webhook": both}})
    assert create(settings).deliver("b1", [message()])[0].state == "accepted"
    assert len(taker.seen[0]["webhook-signature"].split()) == 2


@pytest.mark.parametrize("status", [200, 202, 204, 207])
def test_any_2xx_takes_it_whatever_the_body_says(taker: Receiver, status: int) -> None:
    taker.answers = [status]
    assert made(taker).deliver("b1", [message()])[0].state == "accepted"
    assert len(taker.seen) == 1


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><html>log in", b"\n <html>", b"<p>hi"])
def test_a_web_page_has_taken_nothing(taker: Receiver, page: bytes) -> None:
    taker.answers, taker.body = [200], page
    taker.headers = {"Content-Type": "text/html; charset=utf-8"}
    with pytest.raises(FixConfig, match="web page"):
        made(taker).deliver("b1", [message()])
    taker.answers, taker.body = [200], b"ok"  # as small frameworks say it
    assert made(taker).deliver("b2", [message()])[0].state == "accepted"


@pytest.mark.parametrize("trouble", [LOST, 500, 502, 504])
def test_what_was_not_answered_is_posted_again_under_the_same_id(
    taker: Receiver, trouble: Any
) -> None:
    taker.answers = [trouble, trouble]
    waits: list[float] = []
    assert made(taker, waits).deliver("b1", [message()])[0].state == "accepted"
    assert [each["webhook-id"] for each in taker.seen] == ["b1"] * 3
    assert len({*taker.bodies}) == 1
    assert taker.keys == ["k1"]
    assert waits == [1, 2]


def test_an_attempts_time_is_its_own(taker: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([NOW, NOW, NOW.replace(hour=12)])  # the second one reads `Retry-After`
    destination = made(taker)
    monkeypatch.setattr(destination.client, "_now", lambda: next(times))
    taker.answers = [429]
    destination.deliver("b1", [message()])
    assert [int(each["webhook-timestamp"]) for each in taker.seen] == [1323169500, 1323173100]


def test_one_that_never_answers_leaves_it_unknown(taker: Receiver) -> None:
    taker.answers = [LOST] * 9
    with pytest.raises(Unanswered):
        made(taker).deliver("b1", [message()])
    # A refusal after an attempt that was not answered proves nothing of that one.
    taker.answers = [LOST, 429, 429, 429]
    with pytest.raises(Unanswered):
        made(taker).deliver("b2", [message()])


def test_a_busy_one_has_surely_taken_nothing(taker: Receiver) -> None:
    taker.answers = [429] * 4
    with pytest.raises(RetryLater):
        made(taker).deliver("b1", [message()])
    assert len(taker.seen) == 4
    taker.headers = {"Retry-After": "120"}
    taker.answers = [503]
    with pytest.raises(RetryLater) as caught:
        made(taker).deliver("b1", [message()])
    assert caught.value.after_seconds == 120
    assert len(taker.seen) == 5


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["/elsewhere", "http://169.254.169.254/latest/meta-data/"])
def test_no_redirect_is_followed(taker: Receiver, status: int, to: str) -> None:
    taker.answers, taker.headers = [status], {"Location": to}
    with pytest.raises(FixConfig):
        made(taker).deliver("b1", [message()])
    assert len(taker.seen) == 1


@pytest.mark.parametrize(("status", "error"), [
    (400, SkipRecord), (413, SkipRecord), (422, SkipRecord), (403, FixConfig), (404, FixConfig),
    (410, FixConfig), (405, FixConfig),
])  # fmt: skip
def test_a_refusal_is_named_by_its_remedy(taker: Receiver, status: int, error: Any) -> None:
    taker.answers = [status]
    with pytest.raises(error):
        made(taker).deliver("b1", [message()])
    assert len(taker.seen) == 1


def test_a_wrong_secret_is_refused(taker: Receiver) -> None:
    taker.secret = "whsec_" + "QUJD" * 8
    destination = made(taker)
    taker.secret = SECRET
    with pytest.raises(FixConfig, match="401"):
        destination.deliver("b1", [message()])


@pytest.mark.parametrize("address", ["a@example.com,b@example.com", "a@x.org b@x.org", "", " "])
def test_exactly_one_recipient(taker: Receiver, address: str) -> None:
    said = made(taker).deliver("b1", [message("k1", address=address), message("k2")])
    assert [(each.message_key, each.state) for each in said] == [
        ("k2", "accepted"), ("k1", "rejected"),
    ]  # fmt: skip
    assert taker.keys == ["k2"]


def test_the_outbox_finds_the_bad_message_and_sends_the_others_once(
    taker: Receiver, tmp_path: Any
) -> None:
    taker.bad, taker.answers = {"k07"}, [204, 500, LOST, 204]
    engine = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    destination = replace(made(taker), name="file", batch_size=8)
    outbox = Outbox(engine, tmp_path, destination)
    outbox.emit([row(f"k{n:02}") for n in range(20)])
    states = outbox.states()
    assert states.pop("k07") == "rejected"
    assert {*states.values()} == {"accepted"}
    assert sorted(taker.keys) == sorted(states)
    engine.dispose()


# Where it is posted to.

WRONG_URLS = [
    "", "ftp://example.com/x", "http://example.com/x", "https://", "//example.com/", "example.com",
    "https://user:pass@example.com/x", "https://good.example\\@169.254.169.254/",
    "https://exa mple",
    "https://example.com/\r\nX: y", "https://example.com:0/", "https://example.com:99999/",
    "file:///etc/passwd", "javascript:alert(1)", "https://[::1", "gopher://127.0.0.1:25/",
]  # fmt: skip
INSIDE = [
    "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", str(ip_address(0)), "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1",
    "fe80::1",
    "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:169.254.169.254", "::ffff:a00:1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:a00:1::", "::7f00:1",
    "2001:db8::1", "192.0.2.1", "198.18.0.1", "nonsense", "",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_inside(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101"])
def test_what_is_outside(address: str) -> None:
    assert is_public(address)


def account(url: str, **changes: Any) -> Settings:
    given = DestinationSettings(**{"url": url, "token": SECRET, **changes})
    return Settings(_env_file=None, destinations={"webhook": given})  # type: ignore[call-arg]


@pytest.mark.parametrize("url", WRONG_URLS)
def test_what_is_no_address_to_post_to_is_refused_at_once(url: str) -> None:
    with pytest.raises(FixConfig, match="no https address"):
        create(account(url))


@pytest.mark.parametrize("token", [
    None, "", " ", "whsec_", "whsec_short", "not base64 at all!", "whsec_" + "QUJD" * 7 + "é",
    "whsec_" + "QUJD" * 3, "whsec_" + "QUJD" * 30, f"{SECRET} QUJD",
])  # fmt: skip
def test_without_a_secret_nothing_is_posted(token: str | None) -> None:
    with pytest.raises(FixConfig, match="no secret to sign with") as caught:
        create(account("https://example.com/", token=token))
    said = "".join(traceback.format_exception(caught.value))
    assert "QUJD" not in said


def test_an_option_that_is_neither_true_nor_false_is_refused() -> None:
    with pytest.raises(FixConfig, match="true or false"):
        create(account("https://example.com/", options={"allow_private": "yes"}))


def led(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Lead every name to these addresses, one after the other: what a name means may change."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def lead(host: Any, port: Any, *rest: Any, **named: Any) -> Any:
        asked.append(str(host))
        return real(addresses[min(len(asked), len(addresses)) - 1], port, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", lead)
    return asked


@pytest.mark.parametrize(
    "host", ["hooks.example", "localhost", "127.0.0.1", "2130706433", "0x7f.1"]
)
def test_a_name_that_leads_inside_is_not_posted_to(
    taker: Receiver, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """Rebinding: what counts is where the connection went; nothing was sent by it."""
    asked = led(monkeypatch, "127.0.0.1")
    destination = create(account(f"https://{host}:{taker.port}{PATH}"))
    with pytest.raises(FixConfig, match="private network") as caught:
        destination.deliver("b1", [message()])
    assert asked
    assert taker.seen == []
    assert PATH not in "".join(traceback.format_exception(caught.value))


def test_an_inner_address_is_posted_to_where_that_is_allowed(taker: Receiver) -> None:
    assert made(taker).deliver("b1", [message()])[0].state == "accepted"


def test_no_proxy_of_the_environment_connects_for_us(
    taker: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    assert made(taker).deliver("b1", [message()])[0].state == "accepted"


# What is told.


def test_the_check_posts_an_event_without_messages(taker: Receiver) -> None:
    assert [each.level for each in check(taker.settings())] == ["ok"]
    [body] = taker.bodies
    assert json.loads(body)["type"] == "parley.ping"
    assert json.loads(body)["data"] == {"messages": []}
    taker.answers = [404]
    [found] = check(taker.settings())
    assert (found.level, found.what) == ("error", "the server answered 404")
    assert check(account("nonsense"))[0].level == "error"


@pytest.mark.parametrize("answer", [400, 401, 403, 404, 410, 429, 500, 302, LOST])
def test_nothing_tells_an_address_a_secret_or_the_path(
    taker: Receiver, answer: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """I8: who posts to somebody's path may be let in by that alone."""
    monkeypatch.setattr(http_client, "READ_SECONDS", 1)
    taker.answers = [answer] * 9
    destination = made(taker)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is
        destination.deliver("b1", [message()])
    shown = "".join(traceback.format_exception(caught.value)) + repr(destination) + caplog.text
    shown += repr(destination.client) + repr(destination.signing) + str(caught.value)
    for secret in (CANARY, SECRET, SECRET[6:], "MfKQ", PATH):
        assert secret not in shown
