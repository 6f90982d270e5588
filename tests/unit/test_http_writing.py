"""Writing by HTTP, against a real server on loopback: what is repeated, and what must not be."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest
from conformance.http_kit import App, Asked, Told, served

from connectors.core.errors import FixConfig, RetryLater
from connectors.core.http import Busy, HttpClient, Reply, Unanswered, multipart


def client(url: str, waited: list[float] | None = None, **more) -> HttpClient:
    return HttpClient(url, sleep=(waited if waited is not None else []).append, **more)


def once_then(first: Told) -> App:
    left = [first]
    return lambda _: left.pop() if left else Told({"said": "yes"})


def test_put_delete_and_post_carry_json_and_are_repeated() -> None:
    for verb in ("put", "delete", "post"):
        with served(once_then(Told(status=503))) as server:
            reply = getattr(client(server.url), verb)("/things/1", {"ids": [1]})
            assert reply.body == {"said": "yes"}
            assert [(each.method, each.body) for each in server.asked] == [
                (verb.upper(), {"ids": [1]})
            ] * 2


def test_a_delete_without_a_body_may_be_answered_with_nothing() -> None:
    with served(lambda _: Told(b"", 204)) as server:
        reply = client(server.url).delete("/things/1")
        assert (reply.body, reply.status, server.asked[0].body) == (None, 204, None)


@pytest.mark.parametrize(
    ("told", "error", "wait"),
    [
        (Told(status=429, headers={"Retry-After": "7"}), RetryLater, 7),
        (Told(status=429), RetryLater, 0),
        (Told(status=503, headers={"Retry-After": "9"}), RetryLater, 9),
        (Told(status=503), Unanswered, None),
        (Told(status=500), Unanswered, None),
        (Told(status=408), Unanswered, None),
        (Told(reset=True), Unanswered, None),
        (Told({"said": "yes"}, cut=9), Unanswered, None),
        (Told(b"<html>"), Unanswered, None),
        (Told(status=400), FixConfig, None),
    ],
)
def test_what_must_not_be_done_twice_is_asked_once(told: Told, error: type, wait: float) -> None:
    with served(once_then(told)) as server:
        with pytest.raises(error) as raised:
            client(server.url).post_once("/send?key=secret-1", {"to": "ada@example.com"})
        assert len(server.asked) == 1
        assert "ada" not in str(raised.value)
        assert "secret-1" not in str(raised.value)
        if wait is not None:
            assert raised.value.after_seconds == wait


def test_a_connection_that_is_refused_has_sent_nothing() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as held:
        port = held.getsockname()[1]
    with pytest.raises(RetryLater):
        client(f"http://127.0.0.1:{port}").post_once("/send", {})


def test_what_an_answer_says_of_being_busy_is_believed() -> None:
    def busy(reply: Reply) -> Busy | None:
        return Busy("error 606", 20) if "606" in str(reply.body) else None

    with served(lambda _: Told({"errors": [{"code": "606"}]})) as server:
        with pytest.raises(RetryLater) as raised:
            client(server.url, judge=busy).post_once("/send", {})
        assert (raised.value.after_seconds, len(server.asked)) == (20, 1)


def test_bytes_are_uploaded_as_they_are_again_and_again() -> None:
    def app(asked: Asked) -> Told:
        return Told(
            {"kind": asked.headers["content-type"], "size": asked.headers["content-length"]}
        )

    with served(app) as server:
        server.faults[0] = lambda *_: Told(status=502)
        reply = client(server.url).upload("/imports/1/data", b"[1,2]", "text/json")
        assert reply.body == {"kind": "text/json", "size": "5"}
        assert len(server.asked) == 2
        server.faults[2] = lambda *_: Told(status=502)
        with pytest.raises(Unanswered):
            client(server.url).upload("/x", b"[1]", "text/json", is_repeatable=False)


def test_a_file_is_a_form_of_one_field() -> None:
    body, kind = multipart("file", "leads.csv", b"email\nada@example.com\n")
    assert kind.startswith("multipart/form-data; boundary=")
    assert b'name="file"; filename="leads.csv"' in body
    assert b"ada@example.com" in body


def test_a_vendor_may_have_the_bodies_of_a_status_as_answers() -> None:
    with served(lambda _: Told({"errors": ["one of many"]}, 207)) as server:
        reply = client(server.url, statuses={207: None}).post("/batch", {})
        assert (reply.status, reply.body) == (207, {"errors": ["one of many"]})
    with served(lambda _: Told({"category": "VALIDATION_ERROR"}, 400)) as server:
        reply = client(server.url, statuses={400: None}).post("/batch", {})
        assert (reply.status, len(server.asked)) == (400, 1)
