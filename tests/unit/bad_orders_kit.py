"""Bad orders and accounts of every kind, for every store, from a seed.

A store joins by a `Store` and a line in `test_bad_orders.STORES`. What it cannot say at all, it
leaves out in `lacks`; where it means something else by it, it says so in `verdicts`.
"""

from __future__ import annotations

import json
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal

VARIANTS = 20
SEED = 20_111_206
AS_OF = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
MEGABYTE = 1024 * 1024
GOOD_MINOR = 3000
# Stands in a text for the moment of its change (2011-12-06T11:05:00, UTC) until it is told.
WHEN = "@when@"
Of = Literal["orders", "customers"]
Verdict = Literal["read", "rejected"]
Record = dict[str, Any]


class Store(ABC):
    """A vendor's stub. `number` of a thing is its place in the corpus, from 1.

    `total`, `part` and `note` are the fields of an order that hold its total, an object, and text
    that nobody reads; `note` is one of an account too, `key` the field of its id. `streams` says
    which stream of the lake holds what.
    """

    vendor: ClassVar[str]
    source_id: ClassVar[str] = "shop"
    streams: ClassVar[Mapping[Of, str]] = {"orders": "orders", "customers": "customers"}
    key: ClassVar[str] = "id"
    total: ClassVar[str]
    part: ClassVar[str]
    note: ClassVar[str]
    lacks: ClassVar[frozenset[str]] = frozenset()
    verdicts: ClassVar[Mapping[str, Verdict]] = {}

    @abstractmethod
    def settings(self) -> Mapping[str, str]:
        """How it is connected: vendor, url, secrets."""

    @abstractmethod
    def order(self, number: int, **said: Any) -> Record:
        """A good order, worth `GOOD_MINOR` and changed at `WHEN`, but for what is said.

        Words: id, total, currency, email, phone, name, note, refund (before it was made),
        loose_line (a line that belongs to nothing).
        """

    @abstractmethod
    def account(self, number: int, **said: Any) -> Record:
        """A good account, but for what is said: email, phone, name, note."""

    @abstractmethod
    def put(self, of: Of, place: int, text: str, at: datetime) -> None:
        """Tell of a record by this text, beside those at other places; it changed then."""

    def landing(self, variant: Variant) -> int:
        """How many records of a variant land."""
        return len(variant.texts)

    def amount(self, record: Record) -> str:
        """An order's total as it is told, in major units."""
        return str(record[self.total])

    def number(self, of: Of, id_: str) -> int:
        """Which one an id is."""
        del of
        return int(id_)

    @abstractmethod
    def close(self) -> None:
        """End what was started."""


@dataclass(frozen=True)
class Variant:
    """One of the corpus: what a store tells, and what has to become of it."""

    number: int
    of: Of
    kind: str
    texts: tuple[str, ...]
    verdict: Verdict


Make = Callable[[Store, int, random.Random], Record | str | list[Record]]


def _order(**words: Callable[[random.Random], Any]) -> Make:
    """An order that says these things otherwise."""

    def make(store: Store, number: int, dice: random.Random) -> Record:
        return store.order(number, **{word: value(dice) for word, value in words.items()})

    return make


def _account(**words: Callable[[random.Random], Any]) -> Make:
    def make(store: Store, number: int, dice: random.Random) -> Record:
        return store.account(number, **{word: value(dice) for word, value in words.items()})

    return make


def _one_of(*values: Any) -> Callable[[random.Random], Any]:
    return lambda dice: dice.choice(values)


def _in_text(field: str, literal: Callable[[random.Random], str]) -> Make:
    """An order with a literal that no JSON library would write in the place of a field."""

    def make(store: Store, number: int, dice: random.Random) -> str:
        name = str(getattr(store, field))
        text = json.dumps({**store.order(number), name: "@"})
        return text.replace('"@"', literal(dice))

    return make


def _with_note(literal: Callable[[random.Random], str]) -> Make:
    """An order with such a literal where nobody reads it."""

    def make(store: Store, number: int, dice: random.Random) -> str:
        text = json.dumps(store.order(number))
        return f'{text[:-1]}, "more": {literal(dice)}}}'

    return make


def _twice(store: Store, number: int, dice: random.Random) -> list[Record]:
    return [store.order(number, total=f"{dice.randint(1, 9)}.00"), store.order(number)]


def _twice_the_key(store: Store, number: int, dice: random.Random) -> str:
    first = json.dumps({store.total: f"{dice.randint(1, 9)}.00"})
    return f"{first[:-1]}, {json.dumps(store.order(number))[1:]}"


def _list(store: Store, number: int, dice: random.Random) -> str:
    return json.dumps([store.order(number)] * dice.randint(1, 3))


def _text(store: Store, number: int, dice: random.Random) -> str:
    return json.dumps(json.dumps(store.order(number))[: dice.randint(60, 400)] + mark(number))


def _money(dice: random.Random) -> str:
    return f"{dice.randint(1, 900)}.{dice.randint(10, 99)}"


NAMES = {
    "formula": _one_of("=cmd|' /C calc'!A0", "+1+1", "@SUM(1)", "-2+3", "\t=1", '=HYPERLINK("x")'),
    "signs": _one_of("Zoë 🫖", "שרה לוי", "محمد علي", "\u202egnirts", "李小龍", "A\u0301\u200d"),
}
PHONES = _one_of("020 7946 0001", "030 123456", "555-0100", "0049", "(0)171/23", "n/a")
PLUS = _one_of("ada+tag@example.com", "ada+a+b@example.com", "+ada@example.com")
CASE = _one_of("Ada@Example.COM", "ADA@EXAMPLE.COM", " ada@example.com ")
IDN = _one_of("info@bücher.example", "info@xn--bcher-kva.example", "用户@例子.example")
BIG = _one_of("x" * MEGABYTE, "é" * MEGABYTE, "<p>" * (MEGABYTE // 3))
CURRENCIES = _one_of("EURO", "€", "G1P", "", "GB", "826", None)

PEOPLE: dict[str, dict[str, Callable[[random.Random], Any]]] = {
    "plus address": {"email": PLUS},
    "case of an address": {"email": CASE},
    "IDN address": {"email": IDN},
    "two people with one address": {"email": _one_of("shared@example.com")},
    "formula as a name": {"name": NAMES["formula"]},
    "null email": {"email": _one_of(None, "")},
    "a field of 1 MB": {"note": BIG},
    "emoji and right-to-left names": {"name": NAMES["signs"]},
    "a phone without country": {"phone": PHONES},
}
KINDS: dict[str, tuple[Of, Verdict, Make]] = {
    "negative total": ("orders", "rejected", _order(total=lambda dice: f"-{_money(dice)}")),
    "comma decimal": (
        "orders", "rejected", _order(total=lambda dice: _money(dice).replace(".", ",")),
    ),
    "unknown currency": ("orders", "rejected", _order(currency=CURRENCIES)),
    "same id with another body": ("orders", "read", _twice),
    "refund before its order": ("orders", "read", _order(refund=_money)),
    "id rounded by a float": (
        "orders", "rejected",
        _order(id=lambda dice: float(2**53 + dice.randrange(10**6))),
    ),
    "total that contradicts its lines": ("orders", "read", _order(total=_money)),
    "line without order": ("orders", "read", _order(loose_line=_one_of("alone"))),
    "NaN": ("orders", "rejected", _in_text("total", _one_of("NaN", "Infinity", "-Infinity"))),
    "nesting 200 deep": ("orders", "read", _with_note(lambda _: "[" * 200 + "]" * 200)),
    "duplicate keys": ("orders", "read", _twice_the_key),
    "a number beyond 64 bits": (
        "orders", "read", _with_note(lambda dice: str(dice.randrange(2**64, 2**90))),
    ),
    "an id beyond 64 bits": ("orders", "rejected", _order(id=lambda d: d.randrange(2**64, 2**90))),
    "a string where an object should be": (
        "orders", "read", _in_text("part", _one_of('"none"', '""', '"{}"', "17", "true")),
    ),
    "an array where a record should be": ("orders", "rejected", _list),
    "a string where a record should be": ("orders", "rejected", _text),
    **{f"{kind} (order)": ("orders", "read", _order(**words)) for kind, words in PEOPLE.items()},
    **{
        f"{kind} (account)": ("customers", "read", _account(**words))
        for kind, words in PEOPLE.items()
    },
}  # fmt: skip


def mark(number: int) -> str:
    """What tells one variant's text from another's; it stands in the note."""
    return f"<{number}>"


def corpus(store: Store) -> Iterator[Variant]:
    """Every kind that a store can say, `VARIANTS` of each, in an order of the seed's."""
    dice = random.Random(f"{SEED} {store.vendor}")
    names = [kind for kind in KINDS if kind not in store.lacks] * VARIANTS
    dice.shuffle(names)
    for number, kind in enumerate(names, start=1):
        of, verdict, make = KINDS[kind]
        made = make(store, number, dice)
        told = made if isinstance(made, list) else [made]
        texts = tuple(each if isinstance(each, str) else json.dumps(each) for each in told)
        yield Variant(number, of, kind, texts, store.verdicts.get(kind, verdict))


def tell(
    store: Store,
    variants: list[Variant],
    start: datetime = AS_OF - timedelta(hours=9),
    place: int = 0,
) -> None:
    """Let a store tell of all variants, each a second after the one before."""
    texts = [(variant.of, text) for variant in variants for text in variant.texts]
    for number, (of, text) in enumerate(texts, start=1):
        at = start + timedelta(seconds=number)
        store.put(of, place + number, text.replace(WHEN, f"{at:%Y-%m-%dT%H:%M:%S}"), at)
