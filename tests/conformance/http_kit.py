"""A vendor's API on loopback, over real sockets: an app answers, and faults come in between.

An app is a function from `Asked` to `Told`. A fault is a function that gets what was asked and what
the app would say, and spoils it: another status, half a body, a reset. Faults wait in a queue by
the number of the request that they hit.
"""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson


@dataclass(frozen=True)
class Asked:
    """A request: headers by lower-case name, the body as JSON value, fields as text, or bytes."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any = None


@dataclass(frozen=True)
class Told:
    """An answer: `body` is a JSON value, or bytes as they are.

    `cut`: so many bytes are promised and not sent. `drip`: seconds between single bytes.
    `reset`: the connection is torn down instead of an answer, after `pause` seconds.
    """

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    drip: float = 0.0
    pause: float = 0.0
    reset: bool = False


App = Callable[[Asked], Told]
Fault = Callable[[Asked, App], Told]


class Server:
    """Serves an app. `faults` maps a request's number (from 0) to what spoils it.

    `asked` keeps all requests, `times` when each came (monotonic seconds).
    """

    def __init__(self, app: App, *, tls: ssl.SSLContext | None = None) -> None:
        self.app = app
        self.faults: dict[int, Fault] = {}
        self.asked: list[Asked] = []
        self.times: list[float] = []
        self._lock = threading.Lock()
        self._httpd = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._httpd.daemon_threads = True
        # A client that is killed resets its connection: nothing to report.
        setattr(self._httpd, "handle_error", lambda *_: None)  # noqa: B010 - types call it a method
        if tls:
            self._httpd.socket = tls.wrap_socket(self._httpd.socket, server_side=True)
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._httpd.server_port}"
        threading.Thread(target=self._httpd.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._httpd.shutdown()
        self._httpd.server_close()

    def answer(self, asked: Asked) -> Told:
        with self._lock:
            number = len(self.asked)
            self.asked.append(asked)
            self.times.append(time.monotonic())
            fault = self.faults.pop(number, None)
        return fault(asked, self.app) if fault else self.app(asked)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                _send(self, server.answer(_asked(self)))

            def log_message(self, *_: object) -> None:
                pass

        for method in ("POST", "PUT", "PATCH", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.do_GET)
        return Handler


@contextmanager
def served(app: App) -> Iterator[Server]:
    """A server for as long as the context lasts."""
    server = Server(app)
    try:
        yield server
    finally:
        server.close()


def _asked(handler: BaseHTTPRequestHandler) -> Asked:
    parts = urlsplit(handler.path)
    headers = {name.lower(): value for name, value in handler.headers.items()}
    text = handler.rfile.read(int(headers.get("content-length", 0)))
    body: Any = None
    kind = headers.get("content-type", "")
    if "form-urlencoded" in kind:
        body = dict(parse_qsl(text.decode()))
    elif kind.startswith(("multipart/", "text/")):
        body = text
    elif text:
        body = orjson.loads(text)
    return Asked(handler.command, parts.path, dict(parse_qsl(parts.query)), headers, body)


def _send(handler: BaseHTTPRequestHandler, told: Told) -> None:
    time.sleep(told.pause)
    if told.reset:
        # Linger of zero: the peer sees a reset, not an end.
        linger = struct.pack("ii", 1, 0)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        handler.close_connection = True
        handler.connection.close()
        return
    body = told.body if isinstance(told.body, bytes) else orjson.dumps(told.body)
    handler.send_response(told.status)
    kind = {"Content-Type": "application/json"}
    for name, value in {**kind, **told.headers}.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body) + told.cut))
    handler.end_headers()
    try:
        _write(handler, body, told.drip)
    except OSError:  # the client has had enough
        told = replace(told, cut=1)
    handler.close_connection = handler.close_connection or told.cut > 0


def _write(handler: BaseHTTPRequestHandler, body: bytes, drip: float) -> None:
    if not drip:
        handler.wfile.write(body)
        return
    for place in range(len(body)):
        handler.wfile.write(body[place : place + 1])
        handler.wfile.flush()
        time.sleep(drip)


def packed(told: Told) -> Told:
    """The same answer, gzipped."""
    body = told.body if isinstance(told.body, bytes) else orjson.dumps(told.body)
    return replace(
        told, body=gzip.compress(body), headers={**told.headers, "Content-Encoding": "gzip"}
    )
