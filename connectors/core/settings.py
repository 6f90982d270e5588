"""Configuration, read once from `PARLEY_*` variables and `.env`; it fails at the start or never."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from connectors.core.accounts import DestinationSettings, Name, SourceSettings
from connectors.core.errors import FixConfig
from connectors.core.mail_server import SmtpSettings
from connectors.core.secret_blocks import resolved
from connectors.core.sender import DEMO_SENDER, SenderSettings

OWN_VENDOR = "parley"
"""Whose Parley's own records are: the identifiers that it finds, and what the ledger tells."""

LEDGER_SOURCE = "ledger"
"""The built-in source through which the outbox's messages flow back into the lake."""


class Settings(BaseSettings):
    """All of Parley's settings. `ledger_url` and `lake_url` default to places under `home`."""

    model_config = SettingsConfigDict(
        env_prefix="PARLEY_",
        env_file=".env",
        env_nested_delimiter="__",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    home: Path = Path("var")
    environment: Literal["production", "test", "development"] = "development"
    test_address: str = Field(default="", repr=False, pattern=r"^([^\s,@]+@[^\s,@]+)?$")
    warehouse: Literal["duckdb", "spark"] = "duckdb"
    schema_prefix: str = Field(default="", pattern=r"^([a-z][a-z0-9_]{0,62})?$")
    spark_host: str = Field(default="127.0.0.1", pattern=r"^[^\s/@]+$")
    spark_port: int = Field(default=10_000, ge=1, le=65_535)
    spark_user: str = Field(default="parley", min_length=1)
    spark_password: SecretStr | None = None
    ledger_url: SecretStr = SecretStr("")
    lake_url: str = Field(default="", repr=False)
    hash_key: SecretStr = SecretStr("parley-demo")
    sources: dict[Name, SourceSettings] = Field(default_factory=dict)
    threads: int = Field(default=2, ge=1, le=256)
    keep_runs: int = Field(default=24, ge=2)
    keep_days: int = Field(default=730, ge=90)
    default_country: str = Field(default="GB", pattern="^[A-Z]{2}$")
    default_language: str = Field(default="en", pattern="^[a-z]{2}$")
    sender: SenderSettings = SenderSettings()
    smtp: SmtpSettings = SmtpSettings()
    destinations: dict[Name, DestinationSettings] = Field(default_factory=dict)
    seed_list: str = Field(default="", repr=False, pattern=r"^\s*([^\s,@]+@[^\s,@]+\s*(,\s*|$))*$")
    fuzzy_identity: bool = False

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().resolve()

    @field_validator("ledger_url")
    @classmethod
    def _ledger_default(cls, url: SecretStr, info: ValidationInfo) -> SecretStr:
        home = info.data.get("home")
        return url if url.get_secret_value() else SecretStr(f"sqlite:///{home}/ledger.db")

    @field_validator("lake_url")
    @classmethod
    def _lake_default(cls, url: str, info: ValidationInfo) -> str:
        return url or f"{info.data.get('home')}/lake"

    @field_validator("hash_key")
    @classmethod
    def _hash_key_set(cls, key: SecretStr) -> SecretStr:
        if not key.get_secret_value():
            msg = "must not be empty"
            raise ValueError(msg)
        return key

    @field_validator("sources")
    @classmethod
    def _reserved(cls, sources: dict[str, SourceSettings]) -> dict[str, SourceSettings]:
        if LEDGER_SOURCE in sources:
            msg = f"the name '{LEDGER_SOURCE}' is taken by Parley's own ledger"
            raise ValueError(msg)
        return sources

    def schema_of(self, layer: str) -> str:
        """The name of a layer's schema in the warehouse."""
        return f"{self.schema_prefix}_{layer}" if self.schema_prefix else layer

    @property
    def warehouse_path(self) -> Path:
        """The DuckDB warehouse; one process writes it."""
        return self.home / "warehouse.duckdb"

    @property
    def bi_path(self) -> Path:
        """The copy for BI tools, swapped in after a run."""
        return self.home / "bi" / "parley.duckdb"

    @property
    def runs_dir(self) -> Path:
        """Snapshots, one folder a run."""
        return self.home / "runs"

    @property
    def out_dir(self) -> Path:
        """Files for destinations."""
        return self.home / "out"

    @property
    def tests_dir(self) -> Path:
        """The home of what test mode writes."""
        return self.home / "test"

    @property
    def docs_dir(self) -> Path:
        """Data Docs."""
        return self.home / "docs"

    @property
    def preview_dir(self) -> Path:
        """Messages that were looked at."""
        return self.home / "preview"

    @property
    def demo_dir(self) -> Path:
        """The demo shop."""
        return self.home / "demo"

    @property
    def lake_root(self) -> str:
        """The lake's root: a local path or any fsspec URL."""
        return self.lake_url

    @property
    def is_demo(self) -> bool:
        """Whether the demo's sources stand in because none are configured."""
        return not self.sources

    @property
    def written_by(self) -> SenderSettings:
        """The sender; the demo's is as made up as its people."""
        is_set = any(self.sender.model_dump().values())
        return DEMO_SENDER if self.is_demo and not is_set else self.sender

    @property
    def seed_addresses(self) -> list[str]:
        """People of the company who get a copy of each campaign."""
        return [each.strip() for each in self.seed_list.split(",") if each.strip()]

    def connected_sources(self) -> dict[str, SourceSettings]:
        """The enabled sources by source_id; the demo's shop and school if none are configured."""
        if self.is_demo:
            shop = SecretStr(f"sqlite:///{self.demo_dir}/shop.db")
            web, school = (SecretStr(f"{self.demo_dir}/{name}") for name in ("web", "school"))
            return {
                "shop": SourceSettings(vendor="database", url=shop),
                "web": SourceSettings(vendor="segment", url=web),
                "school": SourceSettings(vendor="segment", url=school, id_space="school"),
            }
        return {name: source for name, source in self.sources.items() if source.enabled}

    def destination(self, name: str) -> DestinationSettings:
        """The account of a destination; without any credential where none is set."""
        return self.destinations.get(name, DestinationSettings())

    def source(self, source_id: str) -> SourceSettings:
        """The settings of a connected source, or of the built-in `ledger`.

        Raises:
            FixConfig: no enabled source has that name.
        """
        if source_id == LEDGER_SOURCE:
            return SourceSettings(vendor=OWN_VENDOR, url=self.ledger_url)
        connected = self.connected_sources()
        if source_id not in connected:
            what = f"no source is connected as '{source_id}'"
            known = ", ".join(sorted(connected)) or "none"
            raise FixConfig(what, "PARLEY_SOURCES", f"Connected sources: {known}.")
        return connected[source_id]


def load_settings() -> Settings:
    """Read the settings anew.

    Raises:
        FixConfig: a setting is missing or wrong; its name is told, its value is not.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = [_problem(item["loc"], item["msg"]) for item in error.errors()]
    except SettingsError as error:
        field = re.search(r'field "(\w+)"', str(error))
        name = f"PARLEY_{field.group(1).upper()}" if field else "PARLEY_*"
        problems = [f"{name}: is not valid JSON"]
    # Raised outside the handlers: the chained error could show what was typed.
    what = "settings are wrong: " + "; ".join(problems)
    raise FixConfig(what, "environment or .env", "Correct them; .env.example shows each setting.")


def _problem(location: tuple[int | str, ...], message: str) -> str:
    parts = [str(part).upper() for part in location if part != "[key]"]
    return f"PARLEY_{'__'.join(parts)}: {message.removeprefix('Value error, ')}"


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The process's settings, read once; `get_settings.cache_clear()` makes it read again."""
    return resolved(load_settings())
