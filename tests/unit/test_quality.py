"""`make quality` in small: a tiny shop goes through every part, and nothing of later is known."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import duckdb
import pytest
import quality_kit

from tests.quality import __main__ as quality
from tests.quality import measured
from tests.quality.home import Home

if TYPE_CHECKING:
    from pathlib import Path

    from tests.quality.report import Row
    from tests.quality.shops import Shop

OF_SHOPS = tuple(part for part in measured.PARTS if part != "identity")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The shop's files."""
    return quality_kit.shop(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def rows(tiny: Shop, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row]]:
    """Where it was measured, and what was found."""
    folder = tmp_path_factory.mktemp("measured")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(quality.FOREIGN)]:
            patch.delenv(name)
        patch.chdir(folder)
        return folder, measured.shop(folder, tiny, OF_SHOPS)


def test_every_part_measures_the_shop(rows: tuple[Path, list[Row]]) -> None:
    _, found = rows
    assert not [row.what for row in found if row.value.startswith("failed")]
    for part in OF_SHOPS:
        assert any(row.what.startswith(part) for row in found), part


def test_who_comes_often_is_told_from_who_does_not(rows: tuple[Path, list[Row]]) -> None:
    _, found = rows
    (auc,) = [row.value for row in found if row.what == "intent, tiny: AUC"]
    assert float(auc) > 0.65


def test_a_date_knows_what_happened_before_it_and_nothing_else(
    rows: tuple[Path, list[Row]], tiny: Shop
) -> None:
    folder, _ = rows
    home = Home(tiny, folder / "tiny")
    last = quality_kit.DATES[-1]
    with home.kept(last).opened() as connection:
        (latest,) = connection.execute("select max(occurred_on) from int_signal_days").fetchone()
        bought, known = connection.execute(
            "select (select count(distinct (customer_id, day)) from lines"
            "   where day < getvariable('as_of')),"
            " (select sum(amount) from int_signal_days where signal = 'purchase_day')"
        ).fetchone()
    assert latest < last
    assert int(known) == bought


def test_any_file_of_order_lines_is_measured(tmp_path: Path) -> None:
    file = quality_kit.write_csv(tmp_path / "My Shop.csv", quality_kit.order_lines(7))
    report = tmp_path / "out" / "report.md"
    told = ["value", "--lines", str(file), "--as-of", "2017-05-29"]
    assert quality.main([*told, "--report", str(report)]) == 0
    text = report.read_text()
    assert "value, my_shop" in text


@pytest.mark.parametrize(
    ("content", "dates", "words"),
    [
        ("customer_id,order_id\n1,2\n", ["2017-05-29"], "no column product_id, quantity"),
        (None, ["2017-05-29"], "there is no such file"),
        ("", ["2017-05-29"], "no column"),
        (quality_kit.order_lines(1)[:9], ["2027-01-01"], "the lines are of 2017-"),
        (quality_kit.order_lines(1)[:9], [], "--as-of"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_words(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: object,
    dates: list[str],
    words: str,
) -> None:
    file = tmp_path / "lines.csv"
    if isinstance(content, list):
        quality_kit.write_csv(file, content)
    elif content is not None:
        file.write_text(str(content), encoding="utf-8")
    told = ["--lines", str(file), *(["--as-of", *dates] if dates else [])]
    assert quality.main(told, tmp_path / "report.md") == 2
    assert words in capsys.readouterr().err


def test_lines_are_brought_to_one_form(tmp_path: Path) -> None:
    file = tmp_path / "lines.csv"
    file.write_text(
        "Customer_ID,order_id,product_id,quantity,amount,ordered_at\n"
        "17850.0,1,a,2,5.10,2017-01-02 10:00\n"
        "0,2,a,1,2.55,2017-01-02 11:00\n"
        ",3,b,1,1,2017-01-03\n"
        "7,4,b,1,1,2017-01-04\n"
        "8,4,b,1,1,2017-01-04\n"
        "7,5,b,-1,-1,2017-01-05\n"
        "7,6,b,1,x,2017-01-05\n"
        "7,7,b,1,1,soon\n",
        encoding="utf-8",
    )
    found = quality.lines.from_file(file, tmp_path / "lines.parquet")
    with duckdb.connect() as connection:
        told = connection.execute(
            "select customer_id, order_id, quantity, amount_minor, cast(day as varchar)"
            f" from '{found.path}' order by day, order_id"
        ).fetchall()
    assert told == [
        ("17850", "1", 2, 510, "2017-01-02"),
        (None, "2", 1, 255, "2017-01-02"),
        (None, "3", 1, 100, "2017-01-03"),
        ("7", "4/7/2017-01-04", 1, 100, "2017-01-04"),
        ("8", "4/8/2017-01-04", 1, 100, "2017-01-04"),
    ]
    assert found.notes == (
        "1 lines left out: a return or correction (below zero)",
        "1 lines left out: ordered_at is no time",
        "1 lines left out: quantity or amount is no number",
    )
