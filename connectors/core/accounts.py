"""How sources and destinations are connected: where each is, and how to log in."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

# These become folder names in the lake and parts of keys.
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class SourceSettings(BaseModel):
    """One connected source.

    `user`, `password` and `token` are credentials where the url holds none; which of them a vendor
    takes, and which `options` it has, `parley sources` says. `id_space`: sources whose user ids
    mean the same people share one. `page_size` in records.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    vendor: Name
    url: SecretStr
    user: SecretStr | None = None
    password: SecretStr | None = None
    token: SecretStr | None = None
    options: dict[Name, str] = Field(default_factory=dict)
    id_space: Name = "main"
    enabled: bool = True
    page_size: int = Field(default=10_000, ge=1, le=100_000)


class DestinationSettings(BaseModel):
    """The account of one destination that is a vendor's: where it is and how to log in.

    Which of these a destination takes, and which `options` it has, `parley destinations` says.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: SecretStr | None = None
    user: SecretStr | None = None
    password: SecretStr | None = None
    token: SecretStr | None = None
    options: dict[Name, str] = Field(default_factory=dict)
