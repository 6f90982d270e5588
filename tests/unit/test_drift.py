"""Records unlike the earlier ones are noticed, told of in words, and land all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors.core.drift import ENOUGH, Shape, told
from tests.unit.test_comparison import Shop


def shape_of(*documents: Any) -> Shape:
    shape = Shape()
    for document in documents:
        shape.look([orjson.dumps(document).decode()])
    return shape


def known(document: Any) -> Shape:
    return shape_of(*[document] * ENOUGH)


def test_new_missing_and_retyped_fields_are_told() -> None:
    before = known({"id": 1, "total": 2.5, "email": "a@b.c", "billing": {"city": "Bath"}})
    now = shape_of({"id": "1", "total": None, "billing": {"city": "Bath", "zip": "BA1"}})
    said = told(now.drifts_from(before))
    assert said == "billing.zip is new, id is text, was number, email is missing"


def test_a_field_that_was_only_there_at_times_is_not_missing() -> None:
    before = known({"id": 1})
    before.add(shape_of({"id": 1, "note": "x"}))
    assert shape_of({"id": 2}).drifts_from(before) == []


def test_null_is_no_type() -> None:
    assert shape_of({"id": None}).drifts_from(known({"id": 1})) == []
    assert shape_of({"id": 1}).drifts_from(known({"id": None}))[0].was == "always empty"


def test_too_few_records_surprise_nobody() -> None:
    assert shape_of({"b": 1}).drifts_from(shape_of({"a": 1})) == []


def test_what_is_no_object_has_no_shape() -> None:
    shape = Shape()
    shape.look(["[1, 2]", '{"cut": ', '"x"', ""])
    assert shape.records == 0


def test_a_name_that_looks_like_data_is_counted_and_not_shown() -> None:
    before = known({"answers": {}})
    said = told(shape_of({"answers": {"ada@example.com": 1}}).drifts_from(before))
    assert "ada" not in said
    assert "1 more" in said


def test_landing_tells_it_once_and_remembers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shop = Shop(tmp_path, "consistent")
    shop.rows = {f"k{n}": n for n in range(ENOUGH * 3)}
    shop.land(batch_rows=1000)
    assert "have changed" not in caplog.text
    shop.rows["k1"] = "eleven"
    assert shop.land() == [("upsert", "k1")]
    assert "the records of shop.users have changed: v is text, was number" in caplog.text
    caplog.clear()
    shop.rows["k2"] = "twelve"
    shop.land()
    assert "have changed" not in caplog.text
    notes = shop.manifest.shape("database", "shop", "users")["notes"]
    assert [note["said"] for note in notes] == ["v is text, was number"]
