"""The file destination: safe cells, one recipient a row, whole files, written once."""

import csv
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.core.delivery import Destination, OutMessage
from connectors.core.errors import FixConfig
from connectors.core.settings import Settings
from connectors.destinations import file
from connectors.destinations.file import FileDestination, create, safe_cells

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\0=1",
    " =1",
    "\u00a0=1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://example.com","x")',
    "\uff1dcmd",
    "\uff0b1",
    "\uff0d1",
    "\uff20x",
    '="a"\n=b',
]


def message(key: str = "k1", **changes: Any) -> OutMessage:
    """Make an email."""
    return OutMessage(
        **{
            "message_key": key,
            "address": f"{key}@example.com",
            "person_id": "p1",
            "programme": "bought_in_store",
            "campaign_id": None,
            "step": 1,
            "variant": "a",
            "channel": "email",
            "send_after": datetime(2011, 12, 6, 9, tzinfo=UTC),
            "content": {"name": "Ada", "price": 5},
            "evidence": {},
            **changes,
        }
    )


@pytest.fixture
def destination(tmp_path: Path) -> FileDestination:
    """Open a destination in an empty folder."""
    return FileDestination(tmp_path / "file")


def rows(destination: FileDestination, batch_id: str = "b1") -> list[dict[str, str]]:
    """Read the rows of a batch's CSV."""
    (path,) = destination.root.glob(f"*/{batch_id}.csv")
    with path.open(newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def test_one_row_a_message(destination: FileDestination) -> None:
    """The columns, and the Parquet file beside it with the values as they are."""
    assert isinstance(destination, Destination)
    outcomes = destination.deliver("b1", [message("k2"), message("k1")])
    assert {each.state for each in outcomes} == {"accepted"}
    assert rows(destination)[0] == {
        "message_key": "k1",
        "address": "k1@example.com",
        "person_id": "p1",
        "programme": "bought_in_store",
        "campaign_id": "",
        "step": "1",
        "variant": "a",
        "channel": "email",
        "send_after": "2011-12-06T09:00:00Z",
        "content": '{"name":"Ada","price":5}',
        "language": "",
    }
    table = pq.read_table(destination.root / "bought_in_store" / "b1.parquet")
    assert table["message_key"].to_pylist() == ["k1", "k2"]
    assert table.column_names == list(rows(destination)[0])


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_starts_a_formula(destination: FileDestination, formula: str) -> None:
    """I13, for every column that holds text from outside."""
    bad = message(person_id=formula, variant=formula, campaign_id=formula, channel=formula)
    destination.deliver("b1", [bad])
    (row,) = rows(destination)
    for name in ("person_id", "variant", "campaign_id", "channel"):
        assert row[name] == f"'{formula}"
    assert all(not cell.startswith(tuple("=+-@\t\r\n\0 ")) for cell in row.values())
    table = pq.read_table(destination.root / "bought_in_store" / "b1.parquet")
    assert table["person_id"].to_pylist() == [formula]


def test_a_phone_number_is_text_in_the_csv() -> None:
    """A leading + is a formula to a spreadsheet; readers by machine take the Parquet file."""
    cells = pa.array(["+447700900123", "Ada = good", ""])
    assert safe_cells(cells).to_pylist() == ["'+447700900123", "Ada = good", ""]


def test_no_blank_hides_a_formula() -> None:
    """All that Unicode takes for a blank; a spreadsheet may skip any of them."""
    blanks = [char for char in map(chr, range(sys.maxunicode + 1)) if char.isspace()]
    assert len(blanks) > 20
    hidden = [f"{blank}=1" for blank in blanks]
    assert safe_cells(pa.array(hidden)).to_pylist() == [f"'{text}" for text in hidden]


def test_separators_stay_inside_their_cell(destination: FileDestination) -> None:
    """Commas, semicolons, quotes and line breaks start no new cell, where a formula could hide."""
    nasty = 'a,=1;=2\t=3"\r\n=4'
    destination.deliver("b1", [message(person_id=nasty)])
    assert rows(destination)[0]["person_id"] == nasty
    (path,) = destination.root.glob("*/b1.csv")
    assert b'"a,=1;=2\t=3""\r\n=4"' in path.read_bytes()


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        ("email", "a@example.com,b@example.com"),
        ("email", "a@example.com;b@example.com"),
        ("email", "a@example.com b@example.com"),
        ("email", "a@example.com\r\nBcc: b@example.com"),
        ("email", "a@b@example.com"),
        ("call", "+447700900123,+447700900124"),
        ("email", ""),
        ("post", "  "),
    ],
)
def test_exactly_one_recipient(destination: FileDestination, channel: str, address: str) -> None:
    """I14: such a message is rejected, the others go, and nothing quotes the address."""
    bad, good = message("k1", channel=channel, address=address), message("k2")
    outcomes = {each.message_key: each for each in destination.deliver("b1", [bad, good])}
    assert outcomes["k1"].state == "rejected"
    assert "example.com" not in outcomes["k1"].detail
    assert [row["address"] for row in rows(destination)] == ["k2@example.com"]


def test_a_row_never_holds_the_address_of_another(destination: FileDestination) -> None:
    """I14, over a batch."""
    destination.deliver("b1", [message(f"k{n}") for n in range(50)])
    for row in rows(destination):
        assert sum(cell.count("@") for cell in row.values()) == 1
        assert row["address"] == f"{row['message_key']}@example.com"


def test_a_batch_is_written_once(destination: FileDestination) -> None:
    """A repeated batch is absorbed; one that was written differently is not overwritten."""
    destination.deliver("b1", [message("k1")])
    (path,) = destination.root.glob("*/b1.csv")
    before = path.read_bytes(), path.stat().st_mtime_ns
    assert destination.deliver("b1", [message("k1")])[0].state == "accepted"
    assert destination.deliver("b1", [message("k2")])[0].state == "unknown"
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_lookup_reads_back_what_is_there(destination: FileDestination) -> None:
    """[] = surely never arrived."""
    assert destination.lookup("b1") == []
    mixed = [message("k1"), message("k2", programme="other"), message("k3", address="")]
    destination.deliver("b1", mixed)
    found = destination.lookup("b1")
    assert [(each.message_key, each.state) for each in found] == [
        ("k1", "accepted"),
        ("k2", "accepted"),
    ]
    assert destination.lookup("b2") == []


def test_no_half_file(destination: FileDestination, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails leaves nothing under the final name, and a repeat makes it whole."""

    def fail(path: Path, _: object) -> None:
        path.write_text("message_key\nk1\n")
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(file, "_write_csv", fail)
        with pytest.raises(OSError, match=r"^$"):
            destination.deliver("b1", [message("k1")])
    assert list(destination.root.glob("*/*.csv")) == []
    assert destination.lookup("b1") == []
    assert destination.deliver("b1", [message("k1")])[0].state == "accepted"
    assert [path.name for path in sorted(destination.root.glob("*/.*"))] == []


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "a\0b", "/etc"])
def test_names_cannot_climb_out(destination: FileDestination, name: str) -> None:
    """Programme and batch id become parts of a path."""
    with pytest.raises(FixConfig):
        destination.deliver("b1", [message(programme=name)])
    with pytest.raises(FixConfig):
        destination.deliver(name, [message()])
    with pytest.raises(FixConfig):
        destination.lookup(name)


def test_created_under_the_home(tmp_path: Path) -> None:
    """`<home>/out/file`."""
    assert create(Settings(home=tmp_path)).root == tmp_path / "out" / "file"
