"""A small IMAP server on loopback: as much of RFC 3501 as reading a mailbox takes, over real TLS.

It numbers letters as a server does, keeps what was asked of it, and refuses to change anything.
"""

from __future__ import annotations

import base64
import re
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass
class Box:
    """One mailbox, INBOX, of one user; letters by their UID."""

    password: str = "open sesame"
    token: str = "t0ken"
    validity: int = 7
    letters: dict[int, tuple[datetime, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    hangs_up_at: str = ""

    def put(self, data: bytes, at: datetime) -> int:
        uid = max(self.letters, default=0) + 1
        self.letters[uid] = (at, data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        return uid

    def renumber(self) -> None:
        """As a server does that was restored from a backup."""
        self.validity += 1
        self.letters = {number + 100: each for number, each in enumerate(self.letters.values())}


class _Session(socketserver.StreamRequestHandler):
    box: Box

    def handle(self) -> None:
        self._say(b"* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] ready")
        for raw in self.rfile:
            tag, _, command = raw.decode().rstrip("\r\n").partition(" ")
            self.box.asked.append(re.sub(r"^LOGIN .*", "LOGIN", command))
            if self.box.hangs_up_at and command.startswith(self.box.hangs_up_at):
                return
            done = self._answer(command)
            self._say(f"{tag} {done}".encode())
            if command == "LOGOUT":
                return

    def _answer(self, command: str) -> str:
        name, _, rest = command.partition(" ")
        if name == "CAPABILITY":
            self._say(b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2")
        elif name == "LOGIN":
            return "OK done" if rest.endswith(f'"{self.box.password}"') else "NO wrong"
        elif name == "AUTHENTICATE":
            self._say(b"+ ")
            said = base64.b64decode(self.rfile.readline())
            right = f"user=ada\x01auth=Bearer {self.box.token}\x01\x01".encode()
            return "OK done" if said == right else "NO wrong"
        elif name == "EXAMINE":
            return self._examine(rest)
        elif name == "UID":
            return self._uid(rest)
        elif name == "LOGOUT":
            self._say(b"* BYE")
        else:
            return "BAD it would change something, or nobody knows it"
        return "OK done"

    def _examine(self, name: str) -> str:
        if name != '"INBOX"':
            return "NO there is none"
        self._say(f"* {len(self.box.letters)} EXISTS".encode())
        self._say(f"* OK [UIDVALIDITY {self.box.validity}] valid".encode())
        return "OK [READ-ONLY] done"

    def _uid(self, rest: str) -> str:
        uids = sorted(self.box.letters)
        if found := re.fullmatch(r"SEARCH UID (\d+):\*", rest):
            # `*` is the highest number there is, and the range may be written either way round.
            least = min(int(found[1]), uids[-1]) if uids else 1
            named = " ".join(str(uid) for uid in uids if uid >= least)
            self._say(f"* SEARCH {named}".rstrip().encode())
        elif found := re.fullmatch(r"FETCH ([\d,]+) \((.*)\)", rest):
            for uid in map(int, found[1].split(",")):
                if uid in self.box.letters:
                    self._fetched(uids.index(uid) + 1, uid, found[2])
        else:
            return "BAD"
        return "OK done"

    def _fetched(self, number: int, uid: int, what: str) -> None:
        at, data = self.box.letters[uid]
        date = f'INTERNALDATE "{at:%d-%b-%Y %H:%M:%S} +0000" ' if "INTERNALDATE" in what else ""
        if "[HEADER]" in what:
            name, data = "BODY[HEADER]", data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        else:
            most = re.search(r"<0\.(\d+)>", what)
            name, data = "BODY[]<0>", data[: int(most[1])] if most else data
        # What is told of a letter may stand before its text or after it.
        told, text = f"UID {uid} {date}".strip(), f"{name} {{{len(data)}}}\r\n".encode()
        head = f"* {number} FETCH (".encode()
        if uid % 2:
            self.wfile.write(head + f"{told} ".encode() + text + data + b")\r\n")
        else:
            self.wfile.write(head + text + data + f" {told})\r\n".encode())

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    context: ssl.SSLContext | None = None

    def get_request(self) -> tuple[Any, Any]:
        made, address = super().get_request()
        if self.context:
            made = self.context.wrap_socket(made, server_side=True, do_handshake_on_connect=False)
        return made, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that does not trust the certificate hangs up."""


@contextmanager
def imap_server(box: Box, certificate: tuple[Path, Path] | None = None) -> Iterator[int]:
    """Run a server; its port. With a certificate it speaks TLS from the first byte."""
    handler = type("Session", (_Session,), {"box": box})
    with _Server(("127.0.0.1", 0), handler) as server:
        if certificate:
            server.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            server.context.load_cert_chain(*certificate)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
