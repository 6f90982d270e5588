"""A receiver of webhooks on loopback: checks signatures as specified, takes an id once.

It answers by the next of `answers` (a status, or what to do); then 204.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from connectors.core.accounts import DestinationSettings
from connectors.core.settings import Settings

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PATH = "/hooks/parley-1f3c"
# Takes the messages and hangs up; hangs up before that; takes half of the answer back.
LOST, CUT = "lost", "cut"


@dataclass
class Receiver:
    """`events`: what was taken, by id. `seen`: every request's headers, in lower case."""

    secret: str = SECRET
    answers: list[Any] = field(default_factory=list)
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    bad: set[str] = field(default_factory=set)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"thanks, that is no JSON"
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"

    @property
    def keys(self) -> list[str]:
        """The keys of all messages that were taken, as often as they were."""
        taken = (event["data"]["messages"] for event in self.events.values())
        return [each["message_key"] for messages in taken for each in messages]

    def settings(self, **options: str) -> Settings:
        account = DestinationSettings(
            url=self.url, token=self.secret, options={"allow_private": "true", **options}
        )  # type: ignore[arg-type]
        return Settings(_env_file=None, destinations={"webhook": account})  # type: ignore[call-arg]

    def answer(self, headers: dict[str, str], body: bytes) -> int | str:
        """What is said to a request; it is checked before anything else."""
        self.seen.append(headers)
        self.bodies.append(body)
        if not self._is_signed(headers, body):
            return 401
        wanted = self.answers.pop(0) if self.answers else 204
        event = json.loads(body)
        keys = {each["message_key"] for each in event["data"]["messages"]}
        if keys & self.bad:
            return 422
        if wanted in (200, 202, 204, 207, LOST) and event["type"] == "parley.messages":
            self.events.setdefault(headers["webhook-id"], event)
        return wanted

    def _is_signed(self, headers: dict[str, str], body: bytes) -> bool:
        about = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode()
        key = b64decode(self.secret.removeprefix("whsec_"))
        made = b64encode(hmac.new(key, about + body, hashlib.sha256).digest()).decode()
        given = headers["webhook-signature"].split()
        return any(hmac.compare_digest(each, f"v1,{made}") for each in given)


@contextmanager
def receiver() -> Iterator[Receiver]:
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            named = {name.lower(): value for name, value in self.headers.items()}
            said = made.answer(named, body)
            if isinstance(said, str):
                self.close_connection = True
                return
            self.send_response(said)
            for name, value in made.headers.items():
                self.send_header(name, value)
            text = b"" if said == 204 else made.body
            if said != 204:
                self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self) -> None:
            made.seen.append({"followed": self.path})
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.port = server.server_port
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()
