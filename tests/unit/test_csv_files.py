"""CSV of every kind: each line is a row, read or with what is wrong; or the file is refused."""

from __future__ import annotations

import csv
import gzip
import io
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.core.errors import FixConfig
from connectors.core.files import csv_files
from connectors.core.files.csv_files import (
    NUL,
    OPEN_QUOTE,
    RAGGED,
    WRONG_QUOTE,
    Row,
    opened,
)

HEADER = ["email", "name", "note"]
NAMES = ["Ada", "Zoë", "Müller, Jan", 'the "Boss"', "two\nlines", "trailing ", "", "=1+1", "'x"]
EMOJI = [*NAMES, "日本", "שלום", "🎈", "€"]
SEEDS = range(20)


def known(name: str) -> bool:
    return name in HEADER


def table_of(seed: int, names: list[str] = NAMES) -> list[list[str]]:
    dice = random.Random(seed)
    return [
        [f"p{n}@example.com", dice.choice(names), dice.choice(names)]
        for n in range(dice.randint(1, 40))
    ]


def text_of(rows: list[list[str]], delimiter: str = ",", end: str = "\r\n") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows([HEADER, *rows])
    return text.getvalue()


def read(tmp_path: Path, data: bytes) -> tuple[Row, list[Row]]:
    path = tmp_path / "file.csv"
    path.write_bytes(data)
    with opened(path, "file file.csv", known) as table:
        return table.header, list(table.rows)


def refused(tmp_path: Path, data: bytes) -> str:
    with pytest.raises(FixConfig) as raised:
        read(tmp_path, data)
    assert raised.value.remedy
    return str(raised.value)


WHOLE: dict[str, tuple[Callable[[str], bytes], str, str, list[str]]] = {
    "plain": (str.encode, ",", "\r\n", EMOJI),
    "unix line ends": (str.encode, ",", "\n", EMOJI),
    "old mac line ends": (
        lambda text: text.replace("two\nlines", "one").encode(),
        ",",
        "\r",
        NAMES,
    ),
    "UTF-8 with a mark": (lambda text: text.encode("utf-8-sig"), ",", "\r\n", EMOJI),
    "UTF-16 with a mark": (lambda text: text.encode("utf-16"), ",", "\r\n", EMOJI),
    "UTF-16 big-endian": (lambda text: b"\xfe\xff" + text.encode("utf-16-be"), ",", "\n", EMOJI),
    "UTF-16 without a mark": (lambda text: text.encode("utf-16-le"), ";", "\n", NAMES),
    "Latin-1": (lambda text: text.encode("latin-1"), ",", "\n", NAMES),
    "Windows": (lambda text: text.encode("cp1252"), ";", "\r\n", [*NAMES, "€ 5"]),
    "semicolons": (str.encode, ";", "\r\n", EMOJI),
    "tabs": (str.encode, "\t", "\n", EMOJI),
    "bars": (str.encode, "|", "\n", EMOJI),
    "gzip": (lambda text: gzip.compress(text.encode()), ",", "\n", EMOJI),
    "gzip of UTF-16": (lambda text: gzip.compress(text.encode("utf-16")), "\t", "\n", EMOJI),
    "what Excel says first": (lambda text: b"sep=;\r\n" + text.encode(), ";", "\r\n", EMOJI),
    "blank lines": (lambda text: f"\n\n{text}\n,,\n \n".encode(), ",", "\n", EMOJI),
    "no last line end": (lambda text: text.rstrip("\n").encode(), ",", "\n", EMOJI),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", WHOLE)
def test_whatever_its_form_every_row_is_read_as_it_was_written(
    tmp_path: Path, kind: str, seed: int
) -> None:
    encode, delimiter, end, names = WHOLE[kind]
    rows = table_of(seed, names)
    if kind == "old mac line ends":
        rows = [[cell.replace("\n", " ") for cell in row] for row in rows]
    header, found = read(tmp_path, encode(text_of(rows, delimiter, end)))
    assert header.cells == HEADER
    assert [row.cells for row in found] == rows
    assert not [row for row in found if row.problem]


BROKEN: dict[str, tuple[str, str]] = {
    "too few": ("x@example.com,Xa", RAGGED),
    "too many": ("x@example.com,Xa,b,c", RAGGED),
    "NUL": ("x@example.com,X\0a,b", NUL),
    "quote in the middle": ('x@example.com,"Xa"b,c', WRONG_QUOTE),
    "open quote": ('x@example.com,"Xa,c', OPEN_QUOTE),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_line_is_told_and_the_rows_around_it_are_read(
    tmp_path: Path, kind: str, seed: int
) -> None:
    line, problem = BROKEN[kind]
    # A field of several lines after an open quote could be anything.
    names = ["Ada", "Zoë", "Jan"] if "quote" in kind else NAMES
    rows = table_of(seed, names)
    place = random.Random(seed).randint(0, len(rows))
    before, after = text_of(rows[:place], end="\n"), text_of(rows[place:], end="\n")
    after = after.removeprefix(text_of([], end="\n"))
    _, found = read(tmp_path, f"{before}{line}\n{after}".encode())
    assert [row.cells for row in found if not row.problem] == rows
    (bad,) = [row for row in found if row.problem]
    assert (bad.problem, bad.line) == (problem, before.count("\n") + 1)
    assert bad.text == line.replace("\0", "\\x00")


def test_fields_too_many_that_are_empty_are_no_fault(tmp_path: Path) -> None:
    _, (row,) = read(tmp_path, b"email,name,note\na@example.com,Ada,x,,\n")
    assert (row.cells, row.problem) == (["a@example.com", "Ada", "x"], "")


def test_a_quote_that_is_never_closed_costs_its_own_line_only(tmp_path: Path) -> None:
    rows = [f"p{n}@example.com,Ada,x" for n in range(2_000)]
    text = "\n".join(["email,name,note", 'x@example.com,"Xa,c', *rows])
    _, found = read(tmp_path, text.encode())
    assert [row.line for row in found if row.problem] == [2]
    assert len(found) == 2_001


def test_one_line_in_another_encoding_does_not_spoil_the_others(tmp_path: Path) -> None:
    data = "email,name,note\na@example.com,Zoë,1\n".encode() + "b@example.com,Zoë,2\n".encode(
        "cp1252"
    )
    _, found = read(tmp_path, data)
    assert [row.cells[1] for row in found] == ["Zoë", "Zoë"]


def test_a_field_of_ten_megabytes_is_read(tmp_path: Path) -> None:
    data = f'email,name,note\na@example.com,Ada,"{"x" * 10_000_000}"\nb@example.com,Ben,y\n'
    _, found = read(tmp_path, data.encode())
    assert [len(row.cells[2]) for row in found] == [10_000_000, 1]


def test_memory_is_bounded_by_the_longest_row(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    with path.open("w") as file:
        file.write("email,name,note\n")
        for n in range(200_000):
            file.write(f"p{n}@example.com,Ada,some words of no importance\n")
    tracemalloc.start()
    with opened(path, "file", known) as table:
        assert sum(1 for _ in table.rows) == 200_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.stat().st_size > 9_000_000
    assert peak < 2_000_000


def gzip_cut(share: float) -> bytes:
    dice = random.Random(7)
    rows = [[f"p{n}@example.com", str(dice.random()), "x"] for n in range(3_000)]
    data = gzip.compress(text_of(rows).encode())
    return data[: int(len(data) * share)]


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "is empty"),
    "blank lines alone": (lambda: b"\n \n\n", "is empty"),
    "a mark alone": (lambda: b"\xef\xbb\xbf", "is empty"),
    "an empty gzip": (lambda: gzip.compress(b""), "is empty"),
    "gzip cut in the middle": (lambda: gzip_cut(0.5), "breaks off after line"),
    "gzip cut before its end": (lambda: gzip_cut(0.999), "breaks off after line 2"),
    "gzip cut in its head": (lambda: gzip_cut(0)[:0] + b"\x1f\x8b\x08", "breaks off after line 0"),
    "gzip with a wrong byte": (
        lambda: gzip_cut(0.4) + b"\0" * 400 + gzip_cut(1)[-500:],
        "breaks off",
    ),
    "a workbook": (lambda: b"PK\x03\x04 and more", "an archive or a workbook"),
    "a quote open in the header": (lambda: b'"email,name\n', "first line cannot be read"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_file_that_cannot_be_understood_is_refused_with_where(tmp_path: Path, kind: str) -> None:
    data, expected = REFUSED[kind]
    assert expected in refused(tmp_path, data())


def test_a_file_without_an_end_of_line_is_refused_and_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, "MOST_CHARACTERS", 10_000)
    said = refused(tmp_path, b"email,name,note\n" + b"x" * 1_000_000)
    assert "line 2 has no end within 10,000 characters" in said


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(FixConfig, match="No such file or directory"),
        opened(tmp_path / "none.csv", "file none.csv", known),
    ):
        pass


def test_no_error_repeats_what_stands_in_the_file(tmp_path: Path) -> None:
    for kind, (data, _) in REFUSED.items():
        assert "@" not in refused(tmp_path, data()), kind


def test_rows_are_counted_under_any_damage(tmp_path: Path) -> None:
    """Bytes changed at random: nothing raises but a refusal, and lines are never lost silently."""
    whole = text_of(table_of(3, ["Ada", "Zoë"]) * 20, end="\n").encode()
    for seed in range(300):
        dice = random.Random(seed)
        data = bytearray(whole)
        for _ in range(dice.randint(1, 20)):
            data[dice.randrange(20, len(data))] = dice.choice(b'",\x00\xff\r;x')
        _, found = read(tmp_path, bytes(data))
        lines = data.decode("latin-1").replace("\r", "\n").split("\n")
        written = sum(bool(line.strip(', \n"')) for line in lines[1:])
        taken = sum(len(_physical(row)) for row in found)
        assert taken >= written * 0.95, seed
        assert [row.line for row in found] == sorted({row.line for row in found})


def _physical(row: Row) -> list[str]:
    """The lines that a row covers: quoted ends of line are in its fields."""
    ends = sum(cell.count("\n") + cell.count("\r") for cell in row.cells)
    return ["line"] * (1 + ends)
