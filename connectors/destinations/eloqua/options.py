"""What the options of destination `eloqua` say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from connectors.core.errors import FixConfig
from connectors.core.payload import json_text
from connectors.core.vendors.eloqua import MOST_FIELDS

NAME: Final = "eloqua"
WHERE: Final = "destination eloqua"
IDENTIFIER: Final = "email"
"""What a row calls the address; no content has that name here."""
ADDRESS: Final = "{{Contact.Field(C_EmailAddress)}}"
KNOWN: Final = ("lists", "fields")


@dataclass(frozen=True)
class Options:
    """`lists`: programme -> id of the list. `fields`: name of content or property -> field."""

    lists: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)

    def statements(self) -> dict[str, str]:
        """The fields of an import: a row's names, and where each goes."""
        others = {name: f"{{{{Contact.Field({each})}}}}" for name, each in self.fields.items()}
        return {IDENTIFIER: ADDRESS, **others}

    def row(self, address: str, values: Mapping[str, object]) -> dict[str, str]:
        """What is told of somebody: all fields, empty where there is nothing."""
        shown = {name: _text(values.get(name)) for name in self.fields}
        return {IDENTIFIER: address.strip(), **shown}


def read_options(options: Mapping[str, str]) -> Options:
    """Read the options. Raises `FixConfig` where they cannot be used."""
    lists, fields = (_pairs(options.get(name, ""), name) for name in KNOWN)
    if not all(each.isdecimal() for each in lists.values()):
        what = "a list has an id that is no number"
        raise _wrong(what, "Write lists as cart=1201.")
    if not all(each.isidentifier() for each in fields.values()) or IDENTIFIER in fields:
        what = "a field has a name that Eloqua's have not"
        raise _wrong(what, "Write fields as subject=C_ParleySubject1; the email goes by itself.")
    if len(fields) >= MOST_FIELDS:
        what = f"an import takes {MOST_FIELDS} fields"
        raise _wrong(what, "Set fewer; one is the email.")
    return Options(lists, fields)


def _pairs(text: str, option: str) -> dict[str, str]:
    pairs = [each.split("=") for each in text.split(",") if each.strip()]
    if not all(len(pair) == len("ab") for pair in pairs):
        what = f"option {option} is no list of name=value"
        raise _wrong(what, "Part the pairs by commas.")
    return {name.strip(): value.strip() for name, value in pairs}


def _text(value: object) -> str:
    """A value as Eloqua reads it: true and false in its own words."""
    if value is None:
        return ""
    if isinstance(value, str | bool | int | float):
        return str(value)
    return json_text(value)


def _wrong(what: str, remedy: str) -> FixConfig:
    return FixConfig(what, f"{WHERE}, options", remedy)
