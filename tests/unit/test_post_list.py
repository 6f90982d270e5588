"""Lists of letters: the address as it is, the words, and who writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from handout_kit import ADDRESSES, message, settings, the_list
from pydantic import SecretStr

from connectors.core.accounts import SourceSettings
from connectors.core.delivery import Destination
from connectors.core.errors import FixConfig
from connectors.core.registry import destination
from connectors.destinations.post_list import PostList, check, create


@pytest.fixture
def letters(tmp_path: Path) -> PostList:
    made = destination("post_list")(settings(tmp_path))
    assert isinstance(made, PostList)
    assert isinstance(made, Destination)
    return made


def test_a_letter_says_to_whom_from_whom_and_what(letters: PostList) -> None:
    assert letters.deliver("b1", [message("k1", "post")])[0].state == "accepted"
    assert the_list(letters.root) == [
        {
            "message_key": "k1", "address": ADDRESSES["post"], "person_id": "p1",
            "programme": "advisor_call", "campaign_id": "", "variant": "a", "language": "de",
            "print_after": "2026-03-02T09:00:00Z", "deadline": "2026-03-09T09:00:00Z",
            "purpose": "marketing", "subject": "May we help?", "fact": "You looked into tills.",
            "text": "An adviser answers.", "items": "", "talking_points": "Tills; stock",
            "sender": "Parley's Demo Shop",
            "sender_address": "1 Example Street, Exampleton EX1 1EX, United Kingdom",
        }
    ]  # fmt: skip
    assert [each.state for each in letters.lookup("b1")] == ["accepted"]


def test_what_is_no_letter_is_rejected(letters: PostList) -> None:
    said = letters.deliver("b1", [message("k1"), message("k2", "post", address=" ")])
    assert [(each.state, each.detail) for each in said] == [
        ("rejected", "it is no letter"), ("rejected", "no address"),
    ]  # fmt: skip
    assert not letters.root.exists()


def test_marketing_that_does_not_say_who_writes_is_not_printed(tmp_path: Path) -> None:
    source = SourceSettings(vendor="segment", url=SecretStr("x"))
    own = settings(tmp_path).model_copy(update={"sources": {"web": source}})
    letters = create(own)
    with pytest.raises(FixConfig, match="who writes"):
        letters.deliver("b1", [message("k1", "post")])
    assert letters.lookup("b1") == []
    service = replace(message("k1", "post"), purpose="service")
    assert letters.deliver("b1", [service])[0].state == "accepted"
    assert [each.level for each in check(own)] == ["ok", "warning"]
    assert [each.level for each in check(settings(tmp_path))] == ["ok"]
