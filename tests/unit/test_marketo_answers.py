"""What Marketo's answers mean, by their code: each has its remedy, and none shows what was said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from marketo_kit import Connected, marketo, patience

from connectors.core.errors import FixConfig, ParleyError, RetryLater, SkipRecord
from connectors.core.http import Busy
from connectors.core.vendors.marketo import (
    MOST,
    MOST_QUERY,
    chunks,
    connected,
    meaning,
    reason_of,
)
from tests.conformance.http_kit import Asked, Told

__all__ = ["marketo", "patience"]

NOON = datetime(2011, 12, 6, 12, 0, tzinfo=UTC)
WHERE = "destination marketo"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("601", FixConfig), ("603", FixConfig), ("604", Busy), ("606", Busy), ("607", RetryLater),
        ("608", Busy), ("609", FixConfig), ("610", FixConfig), ("611", Busy), ("614", Busy),
        ("615", Busy), ("702", FixConfig), ("710", FixConfig), ("713", Busy), ("1003", FixConfig),
        ("1004", SkipRecord), ("1006", FixConfig), ("1007", SkipRecord), ("1013", SkipRecord),
        ("1016", RetryLater), ("1018", FixConfig), ("1029", RetryLater),
    ],
)  # fmt: skip
def test_each_code_has_its_remedy(code: str, kind: type[Any]) -> None:
    found = meaning(code, WHERE, NOON)
    assert type(found) is kind
    if isinstance(found, ParleyError):
        assert found.remedy
        assert code in found.what


def test_only_a_server_that_failed_may_have_done_it() -> None:
    lost = {code: found.is_lost for code in ("606", "608", "615", "604", "611", "713")
            if isinstance(found := meaning(code, WHERE, NOON), Busy)}  # fmt: skip
    assert lost == {
        "606": False, "608": False, "615": False, "604": True, "611": True, "713": True,
    }  # fmt: skip


@pytest.mark.parametrize(("hour", "seconds"), [(5, 3600), (6, 0), (12, 18 * 3600)])
def test_the_day_ends_at_midnight_in_the_centre_of_the_us(hour: int, seconds: int) -> None:
    found = meaning("607", WHERE, NOON.replace(hour=hour))
    assert isinstance(found, RetryLater)
    assert found.after_seconds == seconds


def test_the_rate_is_waited_for_and_a_token_renewed_once(
    marketo: Connected, patience: list[float]
) -> None:
    answers = iter(["606", "615", "602"])

    def busy(asked: Asked) -> Told:
        code = None if "oauth" in asked.path else next(answers, None)
        if code is None:
            return marketo.account(asked)
        return Told({"success": False, "errors": [{"code": code, "message": "no"}]})

    marketo.server.app = busy
    client = connected(marketo.settings().destination("marketo"), WHERE)
    assert client.get("/rest/v1/stats/usage.json").body["success"] is True
    assert patience == [20.0, 2.0, 4.0]
    assert len(marketo.asked("oauth")) == 2


@pytest.mark.parametrize("body", [b"", b"[]", {}, {"success": False}, {"errors": "x"}, "no"])
def test_an_answer_that_is_none_is_asked_for_again(marketo: Connected, body: Any) -> None:
    client = connected(marketo.settings().destination("marketo"), WHERE)
    client.get("/rest/v1/stats/usage.json")
    marketo.server.app = lambda _: Told(body)
    with pytest.raises(RetryLater):
        client.get("/rest/v1/stats/usage.json")


def test_values_are_asked_for_in_as_few_addresses_as_they_fit_into() -> None:
    ids = [str(10_000_000 + number) for number in range(700)]
    assert [len(each) for each in chunks(ids)] == [MOST, MOST, 100]
    long = ["x" * 100 + "@é.example"] * 100
    found = list(chunks(long))
    assert sum(map(len, found)) == 100
    assert all(len(quote(",".join(each), safe="")) <= MOST_QUERY for each in found)
    assert list(chunks([])) == []


@pytest.mark.parametrize(
    "row", [{}, {"reasons": []}, {"reasons": [{"code": "Ada"}]}, {"reasons": 1}]
)
def test_a_reason_is_told_in_our_words(row: dict[str, Any]) -> None:
    assert reason_of(row) == "?: the row is refused"
    known = {"reasons": [{"code": "1003", "message": "Invalid value for 'ada@shop.example'"}]}
    assert reason_of(known) == "1003: a value is not of its field's type"
