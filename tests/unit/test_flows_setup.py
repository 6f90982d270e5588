"""`parley init`: check first, write once, for its owner only, and show no password."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connectors.core.errors import FixConfig
from connectors.core.settings import get_settings, load_settings
from flows import setup
from flows.cli import app

CANARY = "c4nary"
PARLEY = Path(sys.executable).with_name("parley")
NEEDED = {
    "customers": "customer_id text, updated_at text",
    "orders": "order_id text, ordered_at text, status text, currency text, amount_minor int,"
    " updated_at text",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which `init` is called; no setting of whoever runs the tests gets there."""
    for name in list(os.environ):
        if name.startswith("PARLEY_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    get_settings.cache_clear()
    return tmp_path


@pytest.fixture
def shop(folder: Path) -> str:
    return made(folder / "shop.db", NEEDED)


def made(path: Path, tables: dict[str, str]) -> str:
    """A database with these tables; its URL."""
    with sqlite3.connect(path) as connection:
        for name, columns in tables.items():
            connection.execute(f"create table {name} ({columns})")
    return f"sqlite:///{path}"


def init(shop_url: str, web_url: str = "", **more: str) -> Result:
    arguments = ["init", "--shop-url", shop_url, "--web-url", web_url]
    return CliRunner().invoke(app, arguments, **more)


def command(shop_url: str, web_url: str = "") -> subprocess.CompletedProcess[str]:
    """The same as a person calls it."""
    return subprocess.run(
        [PARLEY, "init", "--shop-url", shop_url, "--web-url", web_url],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_a_shop_that_has_what_is_needed_is_connected(folder: Path, shop: str) -> None:
    (folder / "web").mkdir()
    (folder / "web" / "day.jsonl").write_text("{}\n")
    said = init(shop, str(folder / "web"))
    assert said.exit_code == 0, said.output
    assert "✓ web: 1 files of events" in said.output
    assert "next: `parley run daily`" in said.output
    settings = load_settings()
    assert not settings.is_demo
    vendors = {name: each.vendor for name, each in settings.connected_sources().items()}
    assert vendors == {"shop": "database", "web": "segment"}
    assert settings.source("shop").url.get_secret_value() == shop


def test_what_is_written_is_for_its_owner_only_and_has_a_key_of_its_own(
    folder: Path, shop: str
) -> None:
    init(shop)
    env = folder / ".env"
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    key = load_settings().hash_key.get_secret_value()
    assert len(key) == 64
    env.unlink()
    init(shop)
    assert load_settings().hash_key.get_secret_value() != key


def test_what_stood_there_stays_and_a_key_that_was_set_is_kept(folder: Path, shop: str) -> None:
    env = folder / ".env"
    env.write_text("PARLEY_THREADS=3\nPARLEY_HASH_KEY=mine")
    env.chmod(0o644)
    init(shop)
    settings = load_settings()
    assert (settings.threads, settings.hash_key.get_secret_value()) == (3, "mine")
    assert stat.S_IMODE(env.stat().st_mode) == 0o600


def test_examples_in_comments_are_no_settings(folder: Path, shop: str) -> None:
    example = (Path(__file__).parents[2] / ".env.example").read_text()
    (folder / ".env").write_text(example)
    assert init(shop).exit_code == 0
    assert list(load_settings().sources) == ["shop"]
    assert load_settings().hash_key.get_secret_value() != "parley-demo"


def test_sources_that_are_connected_are_not_overwritten(folder: Path, shop: str) -> None:
    init(shop)
    before = (folder / ".env").read_bytes()
    said = init(f"sqlite:///{folder}/other.db")
    assert isinstance(said.exception, FixConfig)
    assert "connected already" in str(said.exception)
    assert (folder / ".env").read_bytes() == before
    again = command(shop)
    assert again.returncode == 1
    assert "FixConfig: sources are connected already (.env). Edit" in again.stderr
    assert "Traceback" not in again.stderr


def test_a_missing_table_is_named_with_the_view_that_would_help(folder: Path) -> None:
    shop = made(folder / "shop.db", {"customers": NEEDED["customers"]})
    said = init(shop)
    assert said.exit_code == 1
    assert "✗ shop: there is no table or view 'orders'" in said.output
    view = "Create a view named orders with the columns order_id, ordered_at, status, currency"
    assert view in said.output
    # A shop without consents can be read, it just can't write to anyone.
    assert "! shop: there is no table or view 'consents': the stream is empty" in said.output
    assert "next: mend what is marked ✗, then `parley run daily`" in said.output
    # Written all the same: what is missing is in the database, not in the settings.
    assert list(load_settings().sources) == ["shop"]


def test_a_missing_column_is_named(folder: Path) -> None:
    shop = made(folder / "shop.db", {**NEEDED, "orders": "order_id text, updated_at text"})
    said = init(shop)
    assert said.exit_code == 1
    assert "table 'orders' has no column ordered_at, status, currency, amount_minor" in said.output


def test_a_shop_without_web_activity_answers_the_question_with_enter(shop: str) -> None:
    said = CliRunner().invoke(app, ["init"], input=f"{shop}\n\n")
    assert said.exit_code == 0, said.output
    assert list(load_settings().sources) == ["shop"]


@pytest.mark.parametrize(
    ("shop_url", "web_url", "told"),
    [
        (f"{CANARY} is no URL", "", "the url is not a SQLAlchemy URL"),
        (f"nosuch://me:{CANARY}@db.example.com/shop", "", "database driver is not installed"),
        (f"sqlite:////nowhere/{CANARY}.db", "", "the database file does not exist"),
        ("", f"nosuch://me:{CANARY}@bucket/events", "the archive's filesystem cannot be opened"),
        ("", f"/nowhere/{CANARY}", "the archive's folder does not exist"),
    ],
)
def test_a_wrong_url_is_told_without_what_was_typed(
    shop: str, shop_url: str, web_url: str, told: str
) -> None:
    said = command(shop_url or shop, web_url)
    assert said.returncode == 1
    assert told in said.stdout
    assert CANARY not in said.stdout + said.stderr
    assert "Traceback" not in said.stderr


def test_a_remedy_in_brackets_is_shown_as_it_is(shop: str) -> None:
    assert "(parley[s3], parley[gcs])" in init(shop, "nosuch://bucket/events").output


def test_an_error_in_brackets_is_shown_as_it_is(folder: Path) -> None:
    (folder / ".env").write_text("PARLEY_HOME=[/home]\n")
    said = subprocess.run([PARLEY, "preview", "x"], capture_output=True, text=True, check=False)
    assert said.returncode == 1
    where = f"{folder}/[/home]/runs"
    assert f"FixConfig: there is no published run to look at ({where})." in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize("password", ["it's", "a\\b", "a#b", "a$b", 'a"b', "a%20b"])
def test_a_password_is_read_back_as_it_was_typed(shop: str, password: str) -> None:
    web_url = f"nosuch://me:{password}@bucket"
    init(shop, web_url)
    assert load_settings().source("web").url.get_secret_value() == web_url


def test_a_shop_gets_a_home_of_its_own_where_the_demo_ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PARLEY_HOME", raising=False)
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "ledger.db").touch()
    get_settings.cache_clear()
    setup.connect(f"sqlite:///{tmp_path}/none.db", "", tmp_path / ".env")
    assert f"PARLEY_HOME={tmp_path}/var-shop" in (tmp_path / ".env").read_text()
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path / "var"))
    get_settings.cache_clear()
    with pytest.raises(FixConfig, match="in use already"):
        setup.connect("sqlite:///none.db", "", tmp_path / "other.env")
    get_settings.cache_clear()
