"""HTTP for sources, against a real server on loopback that misbehaves as told."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from connectors.core.errors import FixConfig, ParleyError, RetryLater, StopRun
from connectors.core.http import HttpClient, field_next, link_next, retry_after
from connectors.core.http import client as http_client

SECRET = "swordfish-3141"
NOW = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
SAID = b'{"said": "yes"}'


@dataclass(frozen=True)
class Answer:
    """What the server says once; `cut` promises more bytes than it sends."""

    body: bytes = SAID
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0


class Vendor:
    """Serves a path's answers one after the other, the last one for ever; keeps who asked what."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.asked: list[tuple[str, str | None]] = []
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                vendor.asked.append((self.path, self.headers.get("Authorization")))
                left = vendor.answers[self.path]
                answer = left.pop(0) if len(left) > 1 else left[0]
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body) + answer.cut))
                self.end_headers()
                self.wfile.write(answer.body)
                self.close_connection = answer.cut > 0

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    made = Vendor()
    yield made
    made.close()


@pytest.fixture
def other() -> Iterator[Vendor]:
    made = Vendor()
    yield made
    made.close()


@dataclass
class Caller:
    """A client, and how long it waited each time instead of waiting."""

    client: HttpClient
    waited: list[float]


@pytest.fixture
def caller(vendor: Vendor) -> Caller:
    waited: list[float] = []
    secret = {"Authorization": SecretStr(f"Bearer {SECRET}")}
    client = HttpClient(vendor.url, secret, sleep=waited.append, now=lambda: NOW)
    return Caller(client, waited)


def test_a_page_is_parsed_and_the_credentials_are_sent(vendor: Vendor, caller: Caller) -> None:
    vendor.answers["/orders?page_size=2"] = [Answer()]
    assert caller.client.get("/orders", {"page_size": 2}).body == {"said": "yes"}
    assert vendor.asked == [("/orders?page_size=2", f"Bearer {SECRET}")]


def test_netrc_does_not_replace_the_credentials(
    vendor: Vendor, caller: Caller, tmp_path, monkeypatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    vendor.answers["/"] = [Answer()]
    caller.client.get("/")
    assert vendor.asked == [("/", f"Bearer {SECRET}")]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again_after_growing_waits(
    vendor: Vendor, caller: Caller, status: int
) -> None:
    vendor.answers["/"] = [*[Answer(status=status)] * 3, Answer()]
    assert caller.client.get("/").body == {"said": "yes"}
    assert caller.waited == [1, 2, 4]


@pytest.mark.parametrize(
    ("said", "seconds"), [("7", 7), ("Tue, 06 Dec 2011 11:05:30 GMT", 30), ("soon", 1)]
)
def test_the_wait_that_the_server_asks_for_is_kept(
    vendor: Vendor, caller: Caller, said: str, seconds: float
) -> None:
    vendor.answers["/"] = [Answer(status=429, headers={"Retry-After": said}), Answer()]
    caller.client.get("/")
    assert caller.waited == [seconds]


def test_a_wait_too_long_for_a_run_is_left_to_the_next_one(vendor: Vendor, caller: Caller) -> None:
    vendor.answers["/"] = [Answer(status=429, headers={"Retry-After": "3600"}), Answer()]
    with pytest.raises(RetryLater, match="3600 seconds"):
        caller.client.get("/")
    assert caller.waited == []
    assert len(vendor.asked) == 1


@pytest.mark.parametrize("said", [None, "", "Tue, 06 Dec 2011 10:00:00 GMT", "-5"])
def test_no_wait_is_asked_for_by_nothing_nonsense_or_the_past(said: str | None) -> None:
    assert retry_after(said, NOW) == 0


def test_patience_is_bounded(vendor: Vendor, caller: Caller) -> None:
    vendor.answers["/"] = [Answer(status=503)]
    with pytest.raises(RetryLater, match="503"):
        caller.client.get("/")
    assert len(vendor.asked) == http_client.ATTEMPTS


@pytest.mark.parametrize("half", [Answer(SAID[:7], cut=8), Answer(SAID[:7])])
def test_half_a_body_is_asked_for_again(vendor: Vendor, caller: Caller, half: Answer) -> None:
    vendor.answers["/"] = [half, Answer()]
    assert caller.client.get("/").body == {"said": "yes"}
    assert len(vendor.asked) == 2


def test_a_server_that_is_away_is_for_later(vendor: Vendor, caller: Caller) -> None:
    vendor.close()
    with pytest.raises(RetryLater, match="connection failed"):
        caller.client.get("/")
    assert len(caller.waited) == http_client.ATTEMPTS - 1


def test_a_server_that_says_nothing_does_not_hold_us(
    vendor: Vendor, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_client, "READ_SECONDS", 0.05)
    vendor.answers["/"] = [Answer(cut=5)]
    gate = threading.Event()
    monkeypatch.setattr(vendor.server, "finish_request", lambda *_: gate.wait(20))
    with pytest.raises(RetryLater, match="ReadTimeout"):
        caller.client.get("/")
    gate.set()


@pytest.mark.parametrize("status", [304, 400, 401, 403, 404, 410, 422, 499])
def test_a_refusal_is_not_repeated(vendor: Vendor, caller: Caller, status: int) -> None:
    vendor.answers["/"] = [Answer(status=status)]
    with pytest.raises(FixConfig, match=str(status)):
        caller.client.get("/")
    assert len(vendor.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(SECRET.encode(), 401, {"WWW-Authenticate": SECRET}),
        Answer(SECRET.encode(), 500),
        Answer(SECRET.encode()),
        Answer(SECRET.encode(), cut=3),
        Answer(b"", 302, {"Location": f"http://me:{SECRET}@127.0.0.1:1/x?token={SECRET}"}),
        Answer(b"", 302, {"Location": f"/?token={SECRET}"}),
    ],
)
def test_no_error_shows_a_secret(vendor: Vendor, caller: Caller, answer: Answer) -> None:
    vendor.answers[f"/?token={SECRET}"] = [answer]
    with pytest.raises(ParleyError) as caught:
        caller.client.get("/", {"token": SECRET})
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown + repr(caller.client) + repr(caught.value.__context__)


def test_an_unreachable_address_shows_no_secret() -> None:
    client = HttpClient(f"http://me:{SECRET}@127.0.0.1:1/", sleep=lambda _: None)
    with pytest.raises(RetryLater) as caught:
        client.get(f"/x?token={SECRET}")
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


def test_a_redirect_on_the_same_host_is_followed(vendor: Vendor, caller: Caller) -> None:
    vendor.answers["/old"] = [Answer(b"", 301, {"Location": "/new"})]
    vendor.answers["/new"] = [Answer()]
    assert caller.client.get("/old").url == f"{vendor.url}/new"


def test_a_redirect_that_never_ends_is_given_up(vendor: Vendor, caller: Caller) -> None:
    vendor.answers["/"] = [Answer(b"", 302, {"Location": "/"})]
    with pytest.raises(FixConfig, match="redirects"):
        caller.client.get("/")
    assert len(vendor.asked) == http_client.MOST_REDIRECTS


def test_no_redirect_carries_the_credentials_to_another_host(
    vendor: Vendor, other: Vendor, caller: Caller
) -> None:
    vendor.answers["/"] = [Answer(b"", 302, {"Location": f"{other.url}/"})]
    with pytest.raises(StopRun, match="another host"):
        caller.client.get("/")
    assert other.asked == []


def test_no_next_page_carries_the_credentials_to_another_host(
    vendor: Vendor, other: Vendor, caller: Caller
) -> None:
    vendor.answers["/"] = [Answer(b'{"next": "%s/"}' % other.url.encode())]
    with pytest.raises(StopRun, match="another host"):
        list(caller.client.pages("/", field_next("next")))
    assert other.asked == []


def test_pages_follow_the_link_header(vendor: Vendor, caller: Caller) -> None:
    vendor.answers["/?n=1"] = [Answer(b"1", headers={"Link": '</?n=2>; rel="next", </>; rel="x"'})]
    vendor.answers["/?n=2"] = [Answer(b"2", headers={"Link": '</?n=1>; rel="prev"'})]
    assert [page.body for page in caller.client.pages("/", link_next, {"n": 1})] == [1, 2]


def test_pages_follow_an_address_in_the_body(vendor: Vendor, caller: Caller) -> None:
    vendor.answers["/"] = [Answer(b'{"next": "/2?a=b"}')]
    vendor.answers["/2?a=b"] = [Answer(b'{"next": null}')]
    pages = [page.url for page in caller.client.pages("/", field_next("next"))]
    assert pages == [f"{vendor.url}/", f"{vendor.url}/2?a=b"]


def test_pages_follow_a_cursor_in_the_body(vendor: Vendor, caller: Caller) -> None:
    vendor.answers["/?limit=2"] = [Answer(b'{"cursor": "x&y"}')]
    vendor.answers["/?limit=2&after=x%26y"] = [Answer(b'{"cursor": 17}')]
    vendor.answers["/?limit=2&after=17"] = [Answer(b"{}")]
    pages = caller.client.pages("/", field_next("cursor", "after"), {"limit": 2})
    assert len(list(pages)) == 3


@pytest.mark.parametrize("back_to", [b"/", b"/2"])
def test_a_paging_that_runs_in_circles_is_stopped(
    vendor: Vendor, caller: Caller, back_to: bytes
) -> None:
    vendor.answers["/"] = [Answer(b'{"next": "/2"}')]
    vendor.answers["/2"] = [Answer(b'{"next": "%s"}' % back_to)]
    with pytest.raises(StopRun, match="in circles"):
        list(caller.client.pages("/", field_next("next")))
    assert len(vendor.asked) == 2


@pytest.mark.parametrize("url", ["", "example.com", "ftp://example.com", "https://", "file:///etc"])
def test_what_is_no_web_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(FixConfig, match="no http"):
        HttpClient(url)
