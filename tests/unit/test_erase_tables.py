"""Rows of the erased in snapshots and in files that went out; others' rows keep their bytes."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from outbox_kit import MONDAY, SCHEMA, row

from connectors.core.erasure import files
from connectors.core.erasure.request import Request, apart, pending
from connectors.core.erasure.sought import Sought
from connectors.core.erasure.tables import Folder, Marks
from connectors.core.settings import Settings
from connectors.destinations import bi
from connectors.destinations.file import create
from connectors.ledger.emission.outgoing import out_messages

TABLES = {
    "people": {"person_id": ["ada", "bob"], "country": ["GB", "GB"]},
    "candidates": {"candidate_key": ["c1", "c2"], "message_key": ["m1", "m2"],
                   "person_id": ["ada", "bob"], "product_key": ["kettle", "kettle"]},
    "decision_gates": {"candidate_key": ["c1", "c1", "c2"], "gate_no": [1, 2, 1],
                       "seen": ["x", None, None]},
    "messages": {"message_key": ["m1", "m2", "m3"], "state": ["accepted"] * 3},
    "products": {"product_key": ["kettle"], "name": ["Kettle"]},
    "notes": {"text": ["asked Ada@Example.com", None], "amount": [1, 2]},
    # A column may have any name, also that of a value.
    "memory": {"person_id": ["ada", "bob"], "value": ["kettles", "kettles"], "text": [None, "tea"]},
}  # fmt: skip
MARKS = {"ids": {"ada"}, "texts": {"ada@example.com"}}


def snapshot(folder: Path) -> Path:
    folder.mkdir()
    for name, columns in TABLES.items():
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    return folder


def left(folder: Path) -> dict[str, int]:
    return {path.stem: pq.read_metadata(path).num_rows for path in folder.glob("*.parquet")}


def test_rows_are_found_by_ids_by_texts_and_by_the_keys_of_rows_that_were(tmp_path: Path) -> None:
    """A gate's verdict names a candidate alone, and what many buy is nobody's own."""
    folder = Folder(snapshot(tmp_path / "run"), Marks(**MARKS))
    assert folder.counts() == {
        "people": 1, "candidates": 1, "decision_gates": 2, "memory": 1, "messages": 1, "notes": 1,
    }  # fmt: skip
    assert "kettle" not in folder.marks.ids
    folder.clear()
    assert left(folder.path) == {
        "people": 1, "candidates": 1, "decision_gates": 1, "memory": 1, "messages": 2, "notes": 1,
        "products": 1,
    }  # fmt: skip
    assert folder.counts() == {}


def test_a_table_that_holds_nothing_of_theirs_is_not_touched(tmp_path: Path) -> None:
    folder = Folder(snapshot(tmp_path / "run"), Marks(**MARKS))
    before = (folder.path / "products.parquet").stat().st_mtime_ns
    folder.counts()
    folder.clear()
    assert (folder.path / "products.parquet").stat().st_mtime_ns == before


def test_an_export_shows_their_rows_by_table(tmp_path: Path) -> None:
    folder = Folder(snapshot(tmp_path / "run"), Marks(ids={"bob"}))
    folder.counts()
    told = dict(folder.rows())
    assert told["people"] == [{"person_id": "bob", "country": "GB"}]
    assert {*told} == {"people", "candidates", "decision_gates", "memory", "messages"}


@pytest.mark.parametrize("address", ["ada@example.com", "+442079460123", '=cmd|"x"'])
def test_a_delivered_batch_is_as_if_they_had_never_been_in_it(tmp_path: Path, address: str) -> None:
    """Also where the cell was made safe for spreadsheets; byte for byte."""
    both = [row("k1", address=address), row("k2", content='{"note": "a, \\"b\\"\\n c"}')]
    made = []
    for name, rows in (("both", both), ("one", both[1:])):
        table = pa.Table.from_pylist(
            [{**r, "send_after": MONDAY.replace(tzinfo=None), "planned_as_of": None} for r in rows],
            schema=SCHEMA,
        )
        [batch] = table.to_batches()
        create(Settings(home=tmp_path / name)).deliver("b1", list(out_messages(batch)))
        made.append(tmp_path / name / "out")
    erased, expected = (files.handed_out(folder) for folder in made)
    marks = Marks(texts={address.upper()})
    for path, other in zip(erased, expected, strict=True):
        assert files.count(path, marks) == 1
        files.clear(path, marks)
        assert files.count(path, marks) == 0
        if path.suffix == ".csv":
            assert path.read_bytes() == other.read_bytes()
        else:
            assert pq.read_table(path) == pq.read_table(other)


def test_a_message_that_shows_nobodys_name_may_be_theirs_and_is_removed(tmp_path: Path) -> None:
    for name in ("b1.1.a.en.html", "b1.copies.txt", "b1.csv"):
        (tmp_path / name).write_text("a bicycle")
    files.remove_proofs(tmp_path, tmp_path / "never")
    assert [path.name for path in tmp_path.iterdir()] == ["b1.csv"]


def test_what_a_dead_delivery_left_half_written_is_removed(tmp_path: Path) -> None:
    part = tmp_path / "file" / "p" / ".b1.csv.part"
    part.parent.mkdir(parents=True)
    part.write_text("ada@example.com")
    assert files.handed_out(tmp_path) == []
    assert not part.exists()


def test_the_bi_copy_is_written_anew_from_itself(tmp_path: Path) -> None:
    bi_path = tmp_path / "bi" / "parley.duckdb"
    (tmp_path / "again").mkdir()
    counts = bi.publish(snapshot(tmp_path / "run"), bi_path)
    assert bi.unpack(bi_path, tmp_path / "again")
    assert left(tmp_path / "again") == counts
    assert not bi.unpack(tmp_path / "none.duckdb", tmp_path / "again")


def test_a_request_survives_its_process_and_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    request = Request(MONDAY, Sought({"n1": "email"}, frozenset({"ada"}), frozenset({"n1"})))
    request.marks, request.done, request.runs = Marks(**MARKS), ["one"], {"r1"}
    request.found.remove["a.parquet"] = {1, 2}
    request.found.gone["x/y/z"] = {"k"}
    request.add("lake", {"x/y/z": 2})
    request.save(settings)
    assert pending(settings) == [request]
    [path] = (tmp_path / "erasures").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert request.request_id == pending(settings)[0].request_id
    assert "ada" not in request.request_id
    request.forget(settings)
    request.forget(settings)
    assert pending(settings) == []


def test_what_somebody_who_died_was_working_on_is_removed(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    stack = apart(settings)
    folder = stack.__enter__()
    (folder / "people_nodes.parquet").write_text("left")
    with apart(settings) as again:
        assert [*again.iterdir()] == []
    assert not again.exists()
