"""Settings: wrong ones fail at the start, say which, and never show what was typed."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from connectors.core import registry
from connectors.core.clock import iso_z, parse_as_of, parse_instant, utc_now
from connectors.core.errors import FixConfig
from connectors.core.settings import Settings, get_settings, load_settings
from connectors.core.spec import SourceSpec

CANARY = "c4nary"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("PARLEY_")]:
        monkeypatch.delenv(name)
    get_settings.cache_clear()


def test_without_settings_everything_is_under_var_and_the_demo_is_connected(tmp_path: Path) -> None:
    settings = get_settings()
    home = tmp_path / "var"
    assert settings.home == home
    assert settings.is_demo
    assert settings.ledger_url.get_secret_value() == f"sqlite:///{home}/ledger.db"
    assert settings.lake_root == f"{home}/lake"
    assert {k: v.vendor for k, v in settings.connected_sources().items()} == {
        "shop": "database",
        "web": "segment",
        "school": "segment",
    }
    assert settings.source("school").id_space == "school"
    assert settings.source("shop").url.get_secret_value() == f"sqlite:///{home}/demo/shop.db"
    assert settings.source("ledger").vendor == "parley"


def test_sources_come_from_the_environment_and_replace_the_demo(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PARLEY_SOURCES__SHOP_EU__VENDOR", "database")
    monkeypatch.setenv("PARLEY_SOURCES__SHOP_EU__URL", f"postgresql://u:{CANARY}@host/shop")
    monkeypatch.setenv("PARLEY_SOURCES__OLD__VENDOR", "segment")
    monkeypatch.setenv("PARLEY_SOURCES__OLD__URL", "/x")
    monkeypatch.setenv("PARLEY_SOURCES__OLD__ENABLED", "false")
    settings = load_settings()
    assert list(settings.connected_sources()) == ["shop_eu"]
    assert not settings.is_demo
    assert CANARY not in repr(settings)
    with pytest.raises(FixConfig, match="Connected sources: shop_eu"):
        settings.source("old")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PARLEY_THREADS", CANARY, "PARLEY_THREADS"),
        ("PARLEY_DEFAULT_COUNTRY", CANARY, "PARLEY_DEFAULT_COUNTRY"),
        ("PARLEY_WAREHOUSE", CANARY, "PARLEY_WAREHOUSE"),
        ("PARLEY_SPARK_PORT", CANARY, "PARLEY_SPARK_PORT"),
        ("PARLEY_SCHEMA_PREFIX", f"{CANARY}; drop", "PARLEY_SCHEMA_PREFIX"),
        ("PARLEY_SCHEMA_PREFIX", f"{CANARY}\n", "PARLEY_SCHEMA_PREFIX"),
        ("PARLEY_SOURCES", f'{{"shop": {CANARY}', "PARLEY_SOURCES"),
        ("PARLEY_SOURCES__SHOP__URL", CANARY, "PARLEY_SOURCES__SHOP__VENDOR"),
        ("PARLEY_SOURCES__SHOP__PASSPHRASE", CANARY, "PARLEY_SOURCES__SHOP__PASSPHRASE"),
        ("PARLEY_SOURCES", f'{{"../x": {{"vendor": "v", "url": "{CANARY}"}}}}', "PARLEY_SOURCES"),
        ("PARLEY_SOURCES", f'{{"ledger": {{"vendor": "v", "url": "{CANARY}"}}}}', "is taken"),
        ("PARLEY_HASH_KEY", "", "PARLEY_HASH_KEY: must not be empty"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(FixConfig) as raised:
        load_settings()
    assert told in str(raised.value)
    assert CANARY not in f"{raised.value!r}{raised.value.__context__!r}{raised.value.__cause__!r}"


def test_even_the_bare_validation_error_shows_no_value() -> None:
    with pytest.raises(ValidationError) as raised:
        Settings.model_validate({"threads": CANARY})
    assert CANARY not in str(raised.value)


def test_a_file_of_settings_may_hold_those_of_others(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PARLEY_THREADS=3\nPREFECT_API_URL=http://127.0.0.1:4200/api\n")
    assert load_settings().threads == 3


def test_the_address_of_the_lake_is_not_in_the_settings_repr() -> None:
    assert CANARY not in repr(Settings(lake_url=f"s3://key:{CANARY}@bucket/lake"))


def test_the_engine_is_chosen_and_reached_by_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "WAREHOUSE": "spark", "SPARK_HOST": "spark.example.com", "SPARK_PORT": "10001",
        "SPARK_USER": "ada", "SPARK_PASSWORD": CANARY, "SCHEMA_PREFIX": "eu",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"PARLEY_{name}", value)
    settings = load_settings()
    assert (settings.warehouse, settings.spark_host, settings.spark_port, settings.spark_user) == (
        "spark", "spark.example.com", 10001, "ada",
    )  # fmt: skip
    assert settings.schema_of("marts") == "eu_marts"
    assert CANARY not in repr(settings)


def test_an_unknown_vendor_is_told_those_there_are() -> None:
    assert {"database", "parley", "segment"} <= set(registry.known_sources())
    for vendor in registry.known_sources():
        assert isinstance(registry.source(vendor), SourceSpec)
    for wrong in ("shopify2", "os", "ledger", "../database", "__init__"):
        with pytest.raises(FixConfig, match=r"database, .*parley, .*segment"):
            registry.source(wrong)
    with pytest.raises(FixConfig, match="no destination is called 'fax'"):
        registry.destination("fax")


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2011-12-06T11:05:00Z", datetime(2011, 12, 6, 11, 5, tzinfo=UTC)),
        ("2011-12-06 11:05:00.9", datetime(2011, 12, 6, 11, 5, tzinfo=UTC)),
        ("2011-12-06T12:05+01:00", datetime(2011, 12, 6, 11, 5, tzinfo=UTC)),
        ("2011-12-06", datetime(2011, 12, 6, tzinfo=UTC)),
    ],
)
def test_as_of_is_read_with_or_without_a_zone(text: str, instant: datetime) -> None:
    assert parse_as_of(text) == instant
    assert iso_z(parse_as_of(text)).endswith("Z")


def test_what_is_no_time_is_refused_or_none() -> None:
    with pytest.raises(FixConfig, match="Write it like"):
        parse_as_of("next Tuesday")
    assert parse_instant("0001-01-01T00:00:00+23:00") is None
    assert parse_instant(1323158400) is None
    assert utc_now().microsecond == 0
