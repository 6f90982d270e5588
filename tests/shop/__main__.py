"""The shop's own command line: `make` it, `serve` its REST API, let it `live`.

Each prints one line of JSON when there is something to tell.
"""

from __future__ import annotations

import json
import logging
import os
from argparse import ArgumentParser, Namespace
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.shop.settings")


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def make(asked: Namespace) -> None:
    """Create the tables and fill them."""
    from tests.shop import stock  # noqa: PLC0415 - models can't be imported before the set-up

    stock.create_tables()
    stock.fill(asked.orders, asked.baskets, asked.seed)


def serve(_: Namespace) -> None:
    """Serve the REST API on a free port of the loopback interface until killed."""
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415

    logging.disable()  # refused requests are what tests ask for

    server = _Server(("127.0.0.1", 0), _Quiet)
    server.set_app(get_wsgi_application())
    print(json.dumps({"port": server.server_port}), flush=True)
    server.serve_forever()


def live(asked: Namespace) -> None:
    """Go on trading, then tell how often what was done."""
    from tests.shop.live import Life  # noqa: PLC0415

    life = Life(asked.seed)
    life.go_on(asked.steps, asked.pause)
    print(json.dumps(life.did), flush=True)


def main() -> None:
    """Do what is asked for."""
    parser = ArgumentParser(prog="python -m tests.shop")
    parser.add_argument("what", choices=("make", "serve", "live"))
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--baskets", type=int, default=50)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two steps")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    django.setup()
    {"make": make, "serve": serve, "live": live}[asked.what](asked)


if __name__ == "__main__":
    main()
