"""The file destination's JSON lines, and erasure in all that was handed out."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from handout_kit import message, settings

from connectors.core.erasure import files
from connectors.core.erasure.tables import Marks
from connectors.core.errors import FixConfig
from connectors.destinations import call_list, meeting, post_list
from connectors.destinations.file import check, create


def test_json_lines_hold_the_values_as_they_are(tmp_path: Path) -> None:
    made = create(settings(tmp_path, "file", jsonl="true"))
    nasty = "=1+1\nnext\u2028line"
    made.deliver("b1", [message("k2"), message("k1", variant=nasty, content={"subject": nasty})])
    path = made.root / "advisor_call" / "b1.jsonl"
    lines = path.read_bytes().split(b"\n")
    assert lines.pop() == b""
    first, second = map(json.loads, lines)
    assert (first["message_key"], second["message_key"]) == ("k1", "k2")
    assert first["content"] == {"subject": nasty}
    assert (first["variant"], first["send_after"]) == (nasty, "2026-03-02T09:00:00Z")
    assert first["deadline"] == "2026-03-09T09:00:00Z"
    assert pq.read_table(path.with_suffix(".parquet"))["message_key"].to_pylist() == ["k1", "k2"]


def test_they_are_written_where_they_are_asked_for(tmp_path: Path) -> None:
    made = create(settings(tmp_path))
    made.deliver("b1", [message()])
    assert not [*made.root.rglob("*.jsonl")]
    unclear = settings(tmp_path, "file", jsonl="yes")
    with pytest.raises(FixConfig, match="true or false"):
        create(unclear)
    assert [each.level for each in check(unclear)] == ["error"]
    assert [each.level for each in check(settings(tmp_path))] == ["ok"]


def test_half_a_batch_is_removed_whole(tmp_path: Path) -> None:
    made = create(settings(tmp_path, "file", jsonl="true"))
    made.deliver("b1", [message()])
    (made.root / "advisor_call" / "b1.csv").unlink()
    assert made.lookup("b1") == []
    assert not [*made.root.rglob("b1*")]


@pytest.mark.parametrize("address", ["ada@example.com", "=ada@example.com", "o'neil@example.com"])
def test_an_erased_person_goes_from_everything_that_was_handed_out(
    tmp_path: Path, address: str
) -> None:
    """I7: CSV, Parquet, JSON lines and invitations of every destination that writes files."""
    given = settings(tmp_path, "file", jsonl="true")
    options = {"organiser": "hello@brand.example"}
    invites = settings(tmp_path, "meeting", **options)
    when = {"content": {"subject": "Meet", "starts_at": "2126-03-05T10:00Z"}}
    for made, channel, more in (
        (create(given), "email", {}), (call_list.create(given), "call", {}),
        (post_list.create(given), "post", {}), (meeting.create(invites), "meeting", when),
    ):  # fmt: skip
        hers = message("k1", channel, address=address, **more)
        other = message("k2", channel, address="cem@x.org", **more)
        assert {each.state for each in made.deliver("b1", [hers, other])} == {"accepted"}
    out = given.out_dir
    marks = Marks({"k1"}, {address})
    found = files.handed_out(out)
    assert {path.suffix for path in found} == {".csv", ".parquet", ".jsonl", ".ics"}
    assert sum(files.count(path, marks) for path in found) == 7
    for path in found:
        if files.count(path, marks):
            files.clear(path, marks)
    files.remove_proofs(out)
    left = files.handed_out(out)
    assert sum(files.count(path, marks) for path in left) == 0
    assert len(left) == len(found) - 1
    for path in (path for path in out.rglob("*") if path.is_file()):
        text = path.read_bytes()
        assert address.encode() not in text.replace(b"\r\n ", b"")
        assert b"cem@x.org" in text or path.suffix == ".parquet"
