"""Bad events of every kind, for every tracker, from a seed."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

VARIANTS = 20
SEED = 20_111_206
AS_OF = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
PRODUCTS = "contexts_com_snowplowanalytics_snowplow_ecommerce_product_1"
TEN_MEGABYTES = 10 * 1024 * 1024
Event = dict[str, Any]


@dataclass(frozen=True)
class Tracker:
    """How a vendor says the same thing.

    `event` makes a good one; `times`, `ids`, `who` and `name` are the fields of its moment, its own
    id, of whom it is and of what happened; `part` is one that holds an object or a list; `title`
    names the field under `titled` that becomes the canonical title.
    """

    vendor: str
    file: str
    event: Event
    times: tuple[str, ...]
    ids: tuple[str, ...]
    who: tuple[str, ...]
    name: str
    part: str
    titled: str | None
    title: str
    stamp: Callable[[datetime], object]


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _micros(at: datetime) -> str:
    return str(int(at.timestamp()) * 1_000_000)


TRACKERS = [
    Tracker(
        "segment", "events.jsonl",
        {"type": "track", "event": "Product Viewed", "properties": {"product_id": "kettle"}},
        ("originalTimestamp", "sentAt", "receivedAt"), ("messageId",), ("anonymousId", "userId"),
        "event", "properties", "properties", "title", _iso,
    ),
    Tracker(
        "ga4", "events_20111206.json",
        {"event_name": "view_item", "items": [{"item_id": "kettle"}, {"item_id": "cup"}]},
        ("event_timestamp",), ("event_bundle_sequence_id",), ("user_pseudo_id", "user_id"),
        "event_name", "items", None, "page_title", _micros,
    ),
    Tracker(
        "posthog", "events.jsonl",
        {"event": "product_viewed", "properties": {"product_id": "kettle"}},
        ("timestamp", "sent_at", "created_at"), ("uuid",), ("distinct_id",),
        "event", "properties", "properties", "title", _iso,
    ),
    Tracker(
        "snowplow", "events.jsonl",
        {"event_name": "product_view", PRODUCTS: [{"id": "kettle"}]},
        ("dvce_created_tstamp", "dvce_sent_tstamp", "collector_tstamp"), ("event_id",),
        ("domain_userid", "user_id"), "event_name", PRODUCTS, None, "page_title", _iso,
    ),
]  # fmt: skip


class Bad:
    """Makes the lines of each kind for one tracker."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.random = random.Random(f"{SEED}-{tracker.vendor}")
        self._numbers = iter(range(10**9))

    def good(self, at: datetime | None = None, title: str | None = None) -> Event:
        """An event with nothing wrong, of some minute of the last day unless told."""
        tracker, number = self.tracker, next(self._numbers)
        at = at or AS_OF - timedelta(minutes=self.random.randrange(1, 1440))
        event: Event = {**json.loads(json.dumps(tracker.event))}
        event |= {name: tracker.stamp(at) for name in tracker.times}
        event |= dict.fromkeys(tracker.ids, f"id{number}")
        event |= dict.fromkeys(tracker.who, f"who{number % 7}")
        if title is not None:
            (event[tracker.titled] if tracker.titled else event)[tracker.title] = title
        return event

    def timed(self, *texts: str) -> Event:
        """An event whose times are one of these texts."""
        text = self.random.choice(texts)
        return self.good() | dict.fromkeys(self.tracker.times, text)

    def told(self, at: datetime) -> Event:
        """An event that its sender dates so; whatever server there is dates it today."""
        return self.good() | {self.tracker.times[0]: self.tracker.stamp(at)}

    def without(self, names: Sequence[str]) -> Event:
        return {name: value for name, value in self.good().items() if name not in names}

    def text(self, event: Event, old: str, new: str) -> bytes:
        """An event as text, a part of it written otherwise."""
        text = json.dumps(event, ensure_ascii=False)
        assert old in text
        return text.replace(old, new, 1).encode()


def _line(value: object) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()


def _deep(bad: Bad) -> Event:
    value: object = "core"
    for _ in range(200):
        value = [value] if bad.random.random() < 0.5 else {"n": value}
    return bad.good() | {"extra": value}


def _in_title(text: str) -> Callable[[Bad], object]:
    return lambda bad: bad.good(title=text + str(bad.random.random()))


def _raw(text: str) -> Callable[[Bad], object]:
    return lambda bad: bad.text(bad.good(title="MARK"), '"MARK"', text)


# kind -> one line of it, or several.
KINDS: dict[str, Callable[[Bad], object]] = {
    "year_1970": lambda bad: bad.told(datetime(1970, 1, 1 + bad.random.randrange(28), tzinfo=UTC)),
    "year_2099": lambda bad: bad.good(datetime(2099, 1, 1 + bad.random.randrange(28), tzinfo=UTC)),
    "no_zone": lambda bad: bad.timed("2011-12-06T10:00:00", "2011-12-06 10:00:00.123"),
    "dst_gap": lambda bad: bad.timed("2011-03-27T02:30:00", "2011-03-13 02:30:00"),
    "no_time": lambda bad: bad.timed("soon", "", "infinity", "24:61", "2011-13-45T00:00:00Z"),
    "out_of_order": lambda bad: bad.good(AS_OF - timedelta(seconds=bad.random.randrange(1, 9**5))),
    "thirty_days_late": lambda bad: bad.told(AS_OF - timedelta(days=30)),
    "bot": lambda bad: [bad.good(AS_OF - timedelta(hours=1)) for _ in range(50)],
    "unknown_event": lambda bad: bad.good() | {bad.tracker.name: f"boiled {bad.random.random()}"},
    "no_event": lambda bad: bad.without([bad.tracker.name]),
    "no_id": lambda bad: bad.without(bad.tracker.ids),
    "nobody": lambda bad: bad.without(bad.tracker.who),
    "nan": _raw("NaN"),
    "infinite": _raw("-Infinity"),
    "deep": _deep,
    "double_keys": lambda bad: bad.text(
        bad.good(), "{", '{"' + bad.random.choice([*bad.tracker.who, *bad.tracker.ids]) + '": "x", '
    ),
    "beyond_64_bits": _raw("123456789012345678901234567890123456789"),
    "text_for_object": lambda bad: bad.good() | {bad.tracker.part: "none"},
    "number_for_object": lambda bad: bad.good() | {bad.tracker.part: bad.random.random()},
    "array_on_top": lambda bad: [[bad.good()]],
    "null_on_top": lambda _: b"null",
    "cut_off": lambda bad: _line(bad.good())[: bad.random.randrange(1, 60)],
    "nul_byte": _raw('"a\x00b"'),
    "nul_escaped": _raw('"a\\u0000b"'),
    "half_surrogate": _raw('"a\\ud800b"'),
    "latin_1": lambda bad: _line(bad.good(title="Jos\xe9")).decode().encode("latin-1"),
    "wide": lambda bad: bad.good(
        title=bad.random.choice("xyz") * (TEN_MEGABYTES // bad.random.choice([1, 2, 10, 50, 100]))
    ),
    "emoji": _in_title("\U0001f469\u200d\U0001f373 kettle "),
    "right_to_left": _in_title("\u202e\u05e7\u05d5\u05de\u05e7\u05d5\u05dd "),
}  # fmt: skip


def lines_of(tracker: Tracker, kind: str) -> list[bytes]:
    """The lines of a kind: twenty variants, the same ones in every run."""
    bad = Bad(tracker)
    made = [KINDS[kind](bad) for _ in range(VARIANTS)]
    return [
        _line(line) for value in made for line in (value if isinstance(value, list) else [value])
    ]


def truncated(tracker: Tracker) -> list[bytes]:
    """Twenty compressed files that break off at any place."""
    bad = Bad(tracker)
    files = []
    for _ in range(VARIANTS):
        noise = [bad.good(title=bad.random.randbytes(40).hex()) for _ in range(50)]
        whole = gzip.compress(b"".join(_line(event) + b"\n" for event in noise))
        files.append(whole[: bad.random.randrange(2, len(whole))])
    return files
