"""Every record of a web source is read or rejected with a reason; none is lost or stops a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.bad_events_kit import (
    AS_OF,
    KINDS,
    TEN_MEGABYTES,
    TRACKERS,
    Tracker,
    lines_of,
    truncated,
)
from tests.unit.web_kit import Home

READ = ""
JSON = "not a JSON object"
NOBODY = {
    "segment": "anonymousId and userId are both missing",
    "ga4": "user_pseudo_id and user_id are both missing",
    "posthog": "distinct_id is missing",
    "snowplow": "domain_userid and user_id are both missing",
}
NAMELESS = {
    "segment": "event is missing",
    "ga4": "event_name is missing",
    "posthog": "event is missing",
    "snowplow": "neither event nor event_name is there",
}
NO_MICROS = "event_timestamp is no number of microseconds"
REJECTED = {
    "year_1970": "it lies before the year 2000",
    "no_time": "it has no time",
    "array_on_top": JSON,
    "null_on_top": JSON,
    "cut_off": JSON,
    "nul_byte": JSON,
    "half_surrogate": JSON,
    "latin_1": JSON,
}
# GA4 tells the time in microseconds, and nothing else.
OF_GA4 = {
    "year_2099": "it lies in the future",
    "no_zone": NO_MICROS,
    "dst_gap": NO_MICROS,
    "no_time": NO_MICROS,
}


def reason(tracker: Tracker, kind: str) -> str:
    """What becomes of a kind: the reason why it is rejected, or READ."""
    named = {"nobody": NOBODY[tracker.vendor], "no_event": NAMELESS[tracker.vendor]}
    own = OF_GA4 if tracker.vendor == "ga4" else {}
    return {**REJECTED, **named, **own}.get(kind, READ)


class Case:
    """A tracker's bad events, each kind a source of its own, landed and built in one go."""

    def __init__(self, tracker: Tracker, folder: Path) -> None:
        self.tracker = tracker
        self.sent: dict[str, int] = {}
        places = {kind: (tracker.vendor, folder / kind) for kind in [*KINDS, "truncated"]}
        for _, place in places.values():
            place.mkdir()
        for kind in KINDS:
            lines = lines_of(tracker, kind)
            self.sent[kind] = len(lines)
            (folder / kind / tracker.file).write_bytes(b"\n".join(lines) + b"\n")
        for number, data in enumerate(truncated(tracker)):
            (folder / "truncated" / f"{number}-{tracker.file}.gz").write_bytes(data)
        self.home = Home(folder, places)
        self.landed = {kind: self.home.land(AS_OF, kind) for kind in places}
        self.home.build(AS_OF, "+sessions", "+rejects")
        self.became = {
            kind: {"read": read, "rejected": rejected, "reason": why, "payloads": payloads}
            for kind, read, rejected, why, payloads in self.home.rows(
                "select source_id,"
                " count(distinct (batch_id, seq)) filter (where reject_reason is null),"
                " count(*) filter (where reject_reason is not null),"
                " string_agg(distinct reject_reason, ' + '),"
                " count(payload) filter (where reject_reason is not null)"
                f" from staging.stg_{tracker.vendor}__events group by 1"
            )
        }


@pytest.fixture(scope="module", params=TRACKERS, ids=lambda tracker: str(tracker.vendor))
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(request.param, tmp_path_factory.mktemp("bad"))


def test_every_record_of_every_kind_is_read_or_rejected_with_a_reason(case: Case) -> None:
    assert {kind: case.landed[kind] for kind in KINDS} == case.sent
    expected = {}
    for kind, rows in case.sent.items():
        why = reason(case.tracker, kind)
        read, rejected = (0, rows) if why else (rows, 0)
        expected[kind] = {
            "read": read, "rejected": rejected, "reason": why or None, "payloads": rejected,
        }  # fmt: skip
    assert {kind: case.became[kind] for kind in KINDS} == expected


def test_what_breaks_off_gives_what_it_has(case: Case) -> None:
    assert 0 < case.landed["truncated"] < 20 * 50
    became = case.became["truncated"]
    assert became["read"] == case.landed["truncated"]
    assert became["reason"] is None


def test_rejects_hold_each_rejected_record_once_with_what_was_landed(case: Case) -> None:
    found = case.home.rows(
        "select source_id, count(*), count(payload), count(distinct (batch_id, seq))"
        " from staging.rejects group by 1 order by 1"
    )
    assert found == [
        (kind, *[became["rejected"]] * 3)
        for kind, became in sorted(case.became.items())
        if became["rejected"]
    ]


def test_no_event_is_told_to_have_happened_after_the_run_or_long_ago(case: Case) -> None:
    bounds = case.home.rows("select min(occurred_at), max(occurred_at) from marts.web_events")
    ((first, last),) = bounds
    assert first.year == 2011
    assert last <= AS_OF.replace(tzinfo=None)


def test_an_unknown_event_is_kept_by_its_own_name_and_odd_letters_as_they_are(case: Case) -> None:
    names = case.home.rows(
        "select count(distinct event) from marts.web_events where source_id = 'unknown_event'"
    )
    assert names == [(20,)]
    for kind, letter in (("emoji", "\U0001f469\u200d\U0001f373"), ("right_to_left", "\u202e")):
        found = case.home.rows(
            f"select count(distinct title) from staging.stg_{case.tracker.vendor}__events"
            f" where source_id = '{kind}' and starts_with(title, '{letter}')"
        )
        assert found == [(20,)]


def test_a_field_of_ten_megabytes_is_kept_whole(case: Case) -> None:
    found = case.home.rows(
        f"select max(length(title)) from staging.stg_{case.tracker.vendor}__events"
        " where source_id = 'wide'"
    )
    assert found == [(TEN_MEGABYTES,)]
