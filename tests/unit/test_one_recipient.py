"""I14: one recipient a message, whichever destination it leaves by, and nobody sees another one."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from leaving_kit import CHANNELS, WORLDS, left, no_waits

from connectors.core import registry

__all__ = ["no_waits"]

NAMES = registry.known_destinations()
ADDRESS = re.compile(r"[a-z0-9.-]+@shop\.example")
TWO = (
    "one@shop.example,two@shop.example", "one@shop.example, two@shop.example",
    "one@shop.example;two@shop.example", "one@shop.example two@shop.example",
    "one@shop.example\ntwo@shop.example", "one@shop.example\r\nBcc: two@shop.example",
    "one@shop.example\ttwo@shop.example", "one@two@shop.example",
    "one@shop.example\u2028two@shop.example",
)  # fmt: skip
TWO_BY = {"call": ("+447700900123,+447700900124", "+447700900123; +447700900124", "+44770\n+44771")}
KEYS = tuple(f"m{n}" for n in range(5))


def test_every_destination_is_tried() -> None:
    assert {*NAMES} == {*WORLDS}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("no_waits")
def test_several_in_one_address_get_nothing_and_the_others_theirs(
    name: str, tmp_path: Path
) -> None:
    addresses = TWO_BY.get(CHANNELS.get(name, ""), TWO)
    if name == "post_list":
        addresses = (" ", "\n")  # a postal address has lines and commas
    with left(name, tmp_path) as made:
        bad = {f"bad{n}": address for n, address in enumerate(addresses)}
        wrong = [made.rows(key, address=address)[0] for key, address in bad.items()]
        made.emit([*wrong, *made.rows(*KEYS)])
        states = made.states()
        assert {key: states[key] for key in bad} == dict.fromkeys(bad, "rejected")
        assert {key: states[key] for key in KEYS} == dict.fromkeys(KEYS, "accepted")
        assert sorted(made.world.arrived()) == sorted(KEYS)


def test_a_row_of_a_file_shows_one_person(tmp_path: Path) -> None:
    for name in ("file", "post_list", "call_list", "meeting"):
        with left(name, tmp_path / name) as made:
            made.emit(made.rows(*KEYS))
            for path in made.world.settings().out_dir.rglob("*.csv"):
                with path.open(newline="", encoding="utf-8") as file:
                    for row in csv.DictReader(file):
                        found = {*ADDRESS.findall(" ".join(row.values()))}
                        assert found == {f"{row['message_key']}@shop.example"}
            for path in made.world.settings().out_dir.rglob("*.ics"):
                text = path.read_bytes().decode().replace("\r\n ", "")
                assert {*ADDRESS.findall(text)} == {f"{path.stem.split('.')[1]}@shop.example"}


def test_an_email_shows_one_person(tmp_path: Path) -> None:
    with left("smtp", tmp_path) as made:
        made.emit(made.rows(*KEYS))
        taken = made.world.post.mailbox.taken  # type: ignore[attr-defined]
        assert len(taken) == len(KEYS)
        for each in taken:
            [recipient] = each.recipients
            assert {*ADDRESS.findall(each.data.decode())} - {"hello@brand.example"} == {recipient}
