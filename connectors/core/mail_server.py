"""The mail server that emails leave by."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

# What this holds, a header and a command of SMTP can hold as it is.
ADDRESS = (
    r"^([A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?)?$"
)
PORTS = {"starttls": 587, "tls": 465, "none": 25}


class SmtpSettings(BaseModel):
    """Where emails leave, and who they are from; there is nothing to use without host and sender.

    `sender`: the address in From; `bounces`: where failures are reported, the sender if empty.
    `tls`: starttls is required of every host but this machine. `ca_file`: certificates to trust
    beside those of the system. `dkim_key`: a private RSA key as PEM, or the path of its file;
    without one the server signs, or nobody. `connections` at a time; `per_domain_per_second`:
    the most emails to one recipients' domain, 0 for no limit; `timeout_seconds` for an answer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = Field(default="", pattern=r"^[^\s/@]*$")
    port: int | None = Field(default=None, ge=1, le=65_535)
    user: SecretStr | None = None
    password: SecretStr | None = None
    tls: Literal["starttls", "tls", "none"] = "starttls"
    ca_file: Path | None = None
    sender: str = Field(default="", pattern=ADDRESS)
    bounces: str = Field(default="", pattern=ADDRESS)
    dkim_key: SecretStr | None = None
    dkim_selector: str = Field(default="", pattern=r"^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}))?$")
    connections: int = Field(default=4, ge=1, le=64)
    per_domain_per_second: float = Field(default=10.0, ge=0.0)
    timeout_seconds: float = Field(default=60.0, gt=0.0)

    @property
    def used_port(self) -> int:
        """The port that is set, or the usual one."""
        return self.port or PORTS[self.tls]

    @property
    def domain(self) -> str:
        """The sender's domain."""
        return self.sender.rpartition("@")[2].lower()
