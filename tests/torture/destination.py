"""A destination on loopback that behaves badly, by seed, and counts what it accepted.

It is the judge's witness: what it accepted is what people would have got. How it answers a request
depends on the seed, the batch and how often that batch came, so a run can be had again.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any, NamedTuple

# How a request ends, and how often of all together.
ANSWERS = {
    "accepts": 9,
    "busy": 2,  # before anything was accepted
    "times_out": 1,  # after it accepted everything
    "loses": 2,  # accepts, then closes without a word
    "cuts": 1,  # accepts, then half an answer
    "twice": 2,  # every outcome is told two times
    "contradicts": 1,  # two outcomes that differ
    "puts_off": 1,  # takes only some: the others are to come again
    "silent": 1,  # leaves messages out of its answer
}
REFUSED_SHARE = 0.04
CLIENT_SECONDS = 0.25
HANGS_SECONDS = 2 * CLIENT_SECONDS
PENDING_SECONDS = 5.0


@dataclass(frozen=True)
class Flavour:
    """What a destination promises.

    `keyed`: a batch id that it knows is absorbed. `readable`: a batch can be read back.
    `strict`: a batch with a row that it does not want is refused whole.
    """

    keyed: bool
    readable: bool
    strict: bool = False
    batch_size: int = 2


FLAVOURS = {
    "keyed": Flavour(keyed=True, readable=True),
    "keyed_blind": Flavour(keyed=True, readable=False),
    "plain": Flavour(keyed=False, readable=True),
    "plain_blind": Flavour(keyed=False, readable=False),
    "strict": Flavour(keyed=True, readable=True, strict=True),
}


class Accept(NamedTuple):
    """One message that the destination took to send."""

    flavour: str
    batch_id: str
    message_key: str
    address: str


@dataclass
class Memory:
    """What the destination knows. `calm`: from now on it behaves."""

    seed: str
    calm: bool = False
    accepts: list[Accept] = field(default_factory=list)
    outcomes: dict[tuple[str, str], list[dict[str, str]]] = field(default_factory=dict)
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def is_refused(self, message_key: str) -> bool:
        """Whether it never takes this message; it always says the same."""
        return Random(f"{self.seed}/{message_key}").random() < REFUSED_SHARE

    def answer_to(self, name: str, batch_id: str) -> str:
        """How this request ends."""
        self.requests[name, batch_id] += 1
        dice = Random(f"{self.seed}/{name}/{batch_id}/{self.requests[name, batch_id]}")
        [chosen] = dice.choices(list(ANSWERS), list(ANSWERS.values()))
        return "accepts" if self.calm else chosen

    def take(self, name: str, batch_id: str, messages: Sequence[dict[str, str]]) -> (
        tuple[str, list[dict[str, str]]]
    ):  # fmt: skip
        """Decide on a delivery: how it ends and the outcomes, `refused` being the whole batch."""
        flavour = FLAVOURS[name]
        with self.lock:
            answer = self.answer_to(name, batch_id)
            if answer != "busy" and flavour.strict and self._bad(messages):
                answer = "refused"
            self.answers[answer] += 1
            if answer in {"busy", "refused"}:
                return answer, []
            known = self.outcomes.get((name, batch_id))
            if known is None or not flavour.keyed:
                late = messages[:1] if answer == "puts_off" else []
                known = self._accept(name, batch_id, messages[len(late) :])
                waiting = [{"message_key": e["message_key"], "state": "waiting"} for e in late]
                return answer, known + waiting
            return answer, known

    def _bad(self, messages: Sequence[dict[str, str]]) -> bool:
        return any(self.is_refused(each["message_key"]) for each in messages)

    def _accept(
        self, name: str, batch_id: str, messages: Sequence[dict[str, str]]
    ) -> list[dict[str, str]]:
        outcomes = []
        for each in messages:
            key, refused = each["message_key"], self.is_refused(each["message_key"])
            outcomes.append({"message_key": key, "state": "rejected" if refused else "accepted"})
            if not refused:
                self.accepts.append(Accept(name, batch_id, key, each["address"]))
        if outcomes:
            self.outcomes[name, batch_id] = outcomes
        return outcomes


class Server(ThreadingHTTPServer):
    """Serves one `Memory`; a look at a batch waits for the deliveries that came before it.

    So "not here" is true: a destination that says so of a batch still on its way would lie.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, memory: Memory) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.memory = memory
        self._came = 0
        self._pending: dict[int, int] = {}
        self._settled = threading.Condition()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Number the connections as they come, before a thread of their own looks at them."""
        with self._settled:
            self._came += 1
            self._pending[id(request)] = self._came
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.settle(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that died is what this is for."""

    def settle(self, request: Any) -> None:
        """Say that what this connection asked for is done."""
        with self._settled:
            self._pending.pop(id(request), None)
            self._settled.notify_all()

    def wait_for_earlier(self, request: Any) -> None:
        """Wait until every connection that came before has been dealt with."""
        with self._settled:
            mine = self._pending[id(request)]
            self._settled.wait_for(
                lambda: min(self._pending.values()) >= mine, timeout=PENDING_SECONDS
            )


class Handler(BaseHTTPRequestHandler):
    """POST /<flavour>/<batch_id> delivers, GET reads back."""

    server: Server

    def do_POST(self) -> None:
        _, name, batch_id = self.path.split("/")
        size = int(self.headers["Content-Length"])
        body = self.rfile.read(size)
        if len(body) < size:
            return  # the sender died while it spoke
        answer, outcomes = self.server.memory.take(name, batch_id, json.loads(body))
        self.server.settle(self.request)
        if answer == "loses":
            return
        if answer == "times_out":
            time.sleep(HANGS_SECONDS)
            return
        status = {"busy": 503, "refused": 400}.get(answer, 200)
        told = json.dumps(_told(answer, outcomes)).encode()
        self._say(status, told[: len(told) // 2] if answer == "cuts" else told, len(told))

    def do_GET(self) -> None:
        _, name, batch_id = self.path.split("/")
        self.server.wait_for_earlier(self.request)
        with self.server.memory.lock:
            known = self.server.memory.outcomes.get((name, batch_id), [])
        told = json.dumps(known).encode()
        self._say(200, told, len(told))

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _say(self, status: int, body: bytes, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)


def _told(answer: str, outcomes: list[dict[str, str]]) -> list[dict[str, str]]:
    if answer == "twice":
        return outcomes * 2
    if answer == "contradicts":
        return [*outcomes, {**outcomes[0], "state": "rejected"}]
    if answer == "silent":
        return outcomes[: len(outcomes) // 2]
    return outcomes


@contextmanager
def serving(memory: Memory) -> Iterator[int]:
    """Serve on a port of its own."""
    with Server(memory) as server:
        server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
