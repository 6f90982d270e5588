"""`parley import-history`: a file is landed once, the ledger knows at once, nothing is shown."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from history_kit import (
    NOW,
    counted,
    csv_text,
    email_node,
    imported,
    landed,
    opened,
    suppressed,
    written,
)
from outbox_kit import Outbox, row
from typer.testing import CliRunner

from connectors.core.accounts import SourceSettings
from connectors.core.errors import FixConfig, ParleyError
from connectors.core.history.layouts import LAYOUTS
from connectors.core.identifiers import node_id
from connectors.core.settings import Settings
from connectors.ledger.manifest import LedgerManifest
from connectors.ledger.suppressions import Suppression, suppress
from flows import history, work
from flows.cli import app
from flows.run import ledger_of

CONSENTS = csv_text(
    ["Email Address", "Name", "status", "given_at"],
    ["Ada@Example.com", "Ada", "subscribed", "2020-01-01 10:00:00"],
    ["ben@example.com", "Ben", "unsubscribed", ""],
    ["cem@example.com", "Cem", "subscribed", ""],
    ["not an address", "Dee", "subscribed", "2020-01-01"],
    ["eve@example.com", "Eve"],
)
REASONS = {"given_at is missing": [4], "the email is not valid": [5],
           "it has more or fewer fields than the header": [6]}  # fmt: skip


def test_every_row_lands_usable_or_with_its_reason(own_settings: Settings, tmp_path: Path) -> None:
    done = imported(own_settings, written(tmp_path, CONSENTS), "consents")
    tally = done.tally
    assert (tally.rows, tally.usable) == (5, 2)
    assert {why: lines.first for why, lines in tally.rejected.items()} == REASONS
    rows = landed(own_settings, "consents")
    assert [row["says"]["line"] for row in rows] == [2, 3, 4, 5, 6]
    assert [row["says"]["problem"] for row in rows] == [None, None, *REASONS]
    assert rows[0]["says"]["row"]["Name"] == "Ada"
    assert rows[4]["says"]["text"] == "eve@example.com,Eve"
    assert {row["landed_at"] for row in rows} == {NOW.replace(tzinfo=None)}


def test_addresses_are_normalised_as_they_land(own_settings: Settings, tmp_path: Path) -> None:
    imported(own_settings, written(tmp_path, CONSENTS), "consents")
    found = {
        row["says"]["raw"]: row["says"] for row in landed(own_settings, "identifiers", "parley")
    }
    assert set(found) == {"Ada@Example.com", "ben@example.com"}  # a rejected row names nobody
    assert found["Ada@Example.com"]["node_id"] == email_node("ada@example.com")


@pytest.mark.parametrize("form", ["same", "gzip", "UTF-16", "semicolons"])
def test_the_same_file_again_changes_nothing(
    own_settings: Settings, tmp_path: Path, form: str
) -> None:
    imported(own_settings, written(tmp_path, CONSENTS), "consents")
    rows, stops = landed(own_settings, "consents"), suppressed(own_settings)
    data = {
        "same": CONSENTS.encode(),
        "gzip": gzip.compress(CONSENTS.encode()),
        "UTF-16": CONSENTS.encode("utf-16"),
        "semicolons": CONSENTS.replace(",", ";").encode(),
    }[form]
    if form == "semicolons":  # a row that could not be read has no fields to compare
        data = data.replace(b"eve@example.com;Eve", b"eve@example.com,Eve")
    again = imported(own_settings, written(tmp_path, data, f"{form}.csv"), "consents")
    assert again.is_known
    assert (landed(own_settings, "consents"), suppressed(own_settings)) == (rows, stops)


def test_a_mended_file_gives_the_rows_that_were_whole_the_same_names(
    own_settings: Settings, tmp_path: Path
) -> None:
    imported(own_settings, written(tmp_path, CONSENTS), "consents")
    mended = CONSENTS.replace("not an address", "dee@example.com").replace("Ben", "Benjamin")
    assert not imported(own_settings, written(tmp_path, mended, "mended.csv"), "consents").is_known
    keys = [r["record_key"] for r in landed(own_settings, "consents") if not r["says"]["problem"]]
    assert len(keys) == 5
    assert len(set(keys)) == 3


def test_killed_in_the_middle_it_goes_on_where_it_stopped(
    own_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [[f"p{n}@example.com", "complaint", "2020-01-01"] for n in range(95)]
    path = written(tmp_path, csv_text(["email", "reason", "since"], *rows))
    small = {"page_size": 10}
    monkeypatch.setattr(history, "SourceSettings", lambda **kw: SourceSettings(**kw, **small))
    monkeypatch.setattr("connectors.core.landing.BATCH_BYTES", 4_000)
    commit, left = LedgerManifest.commit, 5

    def dying(self: LedgerManifest, *args: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt
        commit(self, *args)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(LedgerManifest, "commit", dying)
        with pytest.raises(KeyboardInterrupt):
            imported(own_settings, path, "suppressions")
    before = len(landed(own_settings, "suppressions"))
    assert 0 < before < 95
    again = opened(path, "suppressions", at=NOW + timedelta(hours=1))
    history.bring_in(own_settings, again, "history")
    found = [row["says"]["email"] for row in landed(own_settings, "suppressions")]
    assert sorted(found) == sorted(row[0] for row in rows)
    assert len(suppressed(own_settings)) == 95


def test_what_stops_messages_is_in_the_ledger_before_its_page_has_landed(
    own_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LedgerManifest, "commit", never)
    path = written(tmp_path, csv_text(["email", "kind"], ["ada@example.com", "hard"]))
    with pytest.raises(KeyboardInterrupt):
        imported(own_settings, path, "bounces")
    assert suppressed(own_settings) == {(email_node("ada@example.com"), "hard_bounce", NOW)}


def test_the_ledger_learns_of_suppressions_hard_bounces_and_withdrawals(
    own_settings: Settings, tmp_path: Path
) -> None:
    files = {
        "suppressions": csv_text(
            ["email", "phone", "reason", "since"],
            ["Ada@example.com", "020 7946 0123", "complaint", "2020-01-01 10:00"],
            ["ben@example.com", "", "unsubscribed", "2020-01-01"],
            ["bad", "", "complaint", "2020-01-01"],
        ),
        "bounces": csv_text(
            ["email", "kind", "at"],
            ["cem@example.com", "hard", "2021-01-01 10:00"],
            ["dee@example.com", "soft", "2021-01-01 10:00"],
        ),
        "consents": csv_text(
            ["email", "state", "given_at", "purpose", "channel"],
            ["eve@example.com", "withdrawn", "2021-01-01", "marketing", "email"],
            ["fay@example.com", "granted", "2021-01-01", "marketing", "email"],
            ["gil@example.com", "withdrawn", "2021-01-01", "service", "email"],
            ["hal@example.com", "withdrawn", "2021-01-01", "marketing", "post"],
        ),
        "sends": csv_text(["email", "sent_at"], ["ida@example.com", "2021-01-01"]),
    }
    for kind, text in files.items():
        imported(own_settings, written(tmp_path, text, f"{kind}.csv"), kind)
    first, second = datetime(2020, 1, 1, 10, tzinfo=UTC), datetime(2021, 1, 1, 10, tzinfo=UTC)
    assert suppressed(own_settings) == {
        (email_node("ada@example.com"), "complaint", first),
        (node_id("phone", "+442079460123", "parley-demo"), "complaint", first),
        (email_node("ben@example.com"), "unsubscribed", NOW),
        (email_node("cem@example.com"), "hard_bounce", second),
        (email_node("eve@example.com"), "unsubscribed", NOW),
    }


def test_who_unsubscribed_withdraws_on_every_channel_that_the_row_names(
    own_settings: Settings, tmp_path: Path
) -> None:
    text = csv_text(
        ["email", "phone", "reason", "since"],
        ["ada@example.com", "020 7946 0123", "unsubscribed", "2020-01-01"],
        ["ben@example.com", "", "complaint", "2020-01-01"],
    )
    imported(own_settings, written(tmp_path, text), "suppressions")
    found = [row["says"] for row in landed(own_settings, "consents")]
    assert [(s["channel"], s["state"], s["given_at"]) for s in found] == [
        ("email", "withdrawn", "2020-01-01T23:59:59Z"),
        ("call", "withdrawn", "2020-01-01T23:59:59Z"),
    ]


def test_the_reserve_step_refuses_before_any_new_plan(
    own_settings: Settings, tmp_path: Path
) -> None:
    """The plan was made at ten, the file came at eleven, the messages leave now."""
    names = ("ada", "ben", "cem", "dee")
    text = csv_text(
        ["email", "reason"], ["ada@example.com", "complaint"], ["ben@example.com", "unsubscribed"]
    )
    imported(own_settings, written(tmp_path, text), "suppressions")
    bounced = csv_text(["email", "kind"], ["cem@example.com", "5.1.1"])
    imported(own_settings, written(tmp_path, bounced, "b.csv"), "bounces")
    outbox = Outbox(ledger_of(own_settings), tmp_path)
    planned = [row(name, address_node=email_node(f"{name}@example.com")) for name in names]
    outbox.emit(planned, at=NOW - timedelta(hours=1))
    assert outbox.destination.sent == ["dee"]


def test_who_unsubscribed_may_come_back_in_a_later_plan(
    own_settings: Settings, tmp_path: Path
) -> None:
    """The plan knows whether a permission was given since; a complaint stays what it is."""
    text = csv_text(
        ["email", "reason"], ["ada@example.com", "complaint"], ["ben@example.com", "unsubscribed"]
    )
    imported(own_settings, written(tmp_path, text), "suppressions")
    outbox = Outbox(ledger_of(own_settings), tmp_path)
    planned = [row(name, address_node=email_node(f"{name}@example.com")) for name in ("ada", "ben")]
    outbox.emit(planned, "at_once", at=NOW)
    assert outbox.destination.sent == []
    outbox.emit(planned, "later", at=NOW + timedelta(hours=1))
    assert outbox.destination.sent == ["ben"]


def test_a_suppression_is_added_once(own_settings: Settings) -> None:
    ledger = ledger_of(own_settings)
    entries = [Suppression(f"n{n}", "legal", "old", NOW) for n in range(4_500)]
    assert suppress(ledger, [*entries, *entries[:100]]) == 4_500
    assert suppress(ledger, [*entries[:10], Suppression("n1", "legal", "other", NOW)]) == 1


def refused(path: Path, kind: str, **constants: str) -> str:
    with pytest.raises(FixConfig) as raised:
        opened(path, kind, constants)
    assert raised.value.remedy
    assert "@" not in str(raised.value)
    return str(raised.value)


def test_a_header_that_lacks_a_column_is_refused_with_what_was_found(tmp_path: Path) -> None:
    path = written(
        tmp_path, csv_text(["Email", "Statuss", "x@example.com"], ["a@example.com", "", ""])
    )
    said = refused(path, "consents")
    assert "line 1 has no column state; found: Email, Statuss" in said
    assert "--set state=" in said
    opened(path, "consents", {"state": "granted"})


def test_a_file_without_a_header_is_refused_and_its_first_row_not_repeated(tmp_path: Path) -> None:
    path = written(tmp_path, "ada@example.com,complaint\nben@example.com,legal\n")
    assert "is it a header?" in refused(path, "suppressions")


def test_a_doubled_header_is_refused_by_number(tmp_path: Path) -> None:
    path = written(tmp_path, csv_text(["Email", "state", "E-mail"], ["a", "b", "c"]))
    assert "line 1: columns 1 and 3 have the same name" in refused(path, "consents")


def test_a_constant_for_no_column_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, CONSENTS)
    assert "consents have no column 'stat'" in refused(path, "consents", stat="granted")
    with pytest.raises(FixConfig, match="no column with a value"):
        history._constants(["state"])


def test_a_refused_file_lands_nothing(own_settings: Settings, tmp_path: Path) -> None:
    whole = gzip.compress(csv_text(["email", "reason"], *[[f"p{n}@example.com", "legal"] for n in
                                                          range(5_000)]).encode())  # fmt: skip
    path = written(tmp_path, whole[:-20], "cut.csv.gz")
    with pytest.raises(FixConfig, match="breaks off after line"):
        imported(own_settings, path, "suppressions")
    assert (landed(own_settings, "suppressions"), suppressed(own_settings)) == ([], set())


def test_a_file_that_changes_under_the_reader_is_refused(
    own_settings: Settings, tmp_path: Path
) -> None:
    path = written(tmp_path, CONSENTS)
    file = opened(path, "consents")
    path.write_text(f"{CONSENTS}fay@example.com,Fay,subscribed,2020-01-01\n")
    with pytest.raises(FixConfig, match="was changed while it was read"):
        history.bring_in(own_settings, file, "history")
    assert landed(own_settings, "consents") == []


@pytest.mark.parametrize("name", ["shop", "web", "ledger", "identifiers", "Old tool", ""])
def test_the_name_must_be_free_and_a_name(
    own_settings: Settings, tmp_path: Path, name: str
) -> None:
    with pytest.raises(FixConfig) as raised:
        imported(own_settings, written(tmp_path, CONSENTS), "consents", name)
    assert raised.value.where == "--source"


def test_no_run_extracts_it(own_settings: Settings, tmp_path: Path) -> None:
    imported(own_settings, written(tmp_path, CONSENTS), "consents")
    assert not [name for name, _ in work.streams(own_settings) if name == "history"]


def cli(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["import-history", *arguments], catch_exceptions=True)
    raised = f"{result.exception!r}" if result.exception else ""
    return f"{result.output}{raised}"


@pytest.mark.usefixtures("own_settings")
def test_the_command_says_what_it_did_by_reason_and_line(tmp_path: Path) -> None:
    path = str(written(tmp_path, CONSENTS))
    asked = cli("consents", path, "--as-of", "2024-03-04T11:00:00Z", "--dry-run")
    said = cli("consents", path, "--as-of", "2024-03-04T11:00:00Z")
    assert "old.csv: 5 rows, 2 would be read, 3 would be rejected" in asked
    assert "nothing was written" in asked
    assert "old.csv: 5 rows, 2 read, 3 rejected" in said
    for why, (line,) in REASONS.items():
        assert f"1 row: {why} (line {line})" in said
    assert "parley run daily" in said
    assert "was imported before: nothing is done" in cli("consents", path)
    assert "@" not in asked + said


@pytest.mark.usefixtures("own_settings")
def test_no_answer_of_the_command_shows_a_value(tmp_path: Path) -> None:
    canary = "c4nary"
    texts = {
        "header": f"{canary}@example.com,x\n1,2\n",
        "names": f"email,{canary}@example.com\na,b\n",
        "cells": f"email,state,given_at\n{canary},{canary},{canary}\n{canary}@x.org,{canary},\n",
        "ragged": f"email,state\n{canary}@example.com,{canary},{canary}\n",
        "quote": f'email,state\n"{canary}@example.com,granted\n',
    }
    for kind in LAYOUTS:
        for name, text in texts.items():
            said = cli(kind, str(written(tmp_path, text, f"{name}.csv")))
            assert canary not in said, (kind, name, said)


def corpus(dice: random.Random) -> Iterator[tuple[str, bytes]]:
    """The bad files of the list of bad input, by kind, with what stands around at random."""
    good = [
        [f"p{n}@example.com", dice.choice(["yes", "no"]), f"20{dice.randint(10, 23)}-01-02"]
        for n in range(dice.randint(1, 8))
    ]
    text = csv_text(["email", "state", "given_at"], *good)
    place = dice.randint(0, len(good))
    lines = text.splitlines(keepends=True)

    def with_line(line: str) -> bytes:
        return "".join([*lines[: place + 1], f"{line}\r\n", *lines[place + 1 :]]).encode()

    yield "BOM", text.encode("utf-8-sig")
    yield "UTF-16", text.encode("utf-16")
    yield "Latin-1", with_line("müller@exämple.com,yes,2020-01-01").decode().encode("latin-1")
    yield "NUL", with_line("x@example.com,y\0es,2020-01-01")
    yield "unclosed quote", with_line('x@example.com,"yes,2020-01-01')
    yield "newline inside a field", with_line('x@example.com,"y\nes",2020-01-01')
    yield (
        "ragged row",
        with_line(dice.choice(["x@example.com", "x@example.com,yes,2020-01-01,b,c"])),
    )
    yield "duplicate header", b"email,email,state,given_at\n" + text.partition("\n")[2].encode()
    yield "renamed column", text.replace("state", "estado").encode()
    yield "empty file", b""
    yield "truncated gzip", gzip.compress(text.encode())[: -dice.randint(1, 20)]
    yield "semicolons", text.replace(",", ";").encode()
    yield "formula", with_line("=cmd()@example.com,yes,2020-01-01")
    yield "emoji", with_line("x🎈@example.com,yes,2020-01-01")
    yield "10 MB field", with_line(f"x@example.com,{'y' * 100_000},2020-01-01")
    yield "years", with_line(f"x@example.com,yes,{dice.choice(['1970-01-01', '2099-01-01'])}")


@pytest.mark.parametrize("seed", range(20))
def test_of_bad_files_each_row_is_read_or_rejected_or_the_file_is_refused(
    own_settings: Settings, tmp_path: Path, seed: int
) -> None:
    """In = accepted + rejected, and the lake holds all of them."""
    refusals = set()
    for number, (kind, data) in enumerate(corpus(random.Random(seed))):
        path = written(tmp_path, data, f"{kind}.csv")
        try:
            done = imported(own_settings, path, "consents", f"old_{number}")
        except ParleyError:
            refusals.add(kind)
            continue
        tally = done.tally
        rejected = sum(lines.rows for lines in tally.rejected.values())
        assert tally.rows == tally.usable + rejected == counted(path, "consents").rows, kind
        assert tally.usable >= 1, kind
    assert refusals == {"duplicate header", "renamed column", "empty file", "truncated gzip"}
