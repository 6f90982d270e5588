"""Point Parley at one's own shop: check the sources, write `.env`."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from pydantic import SecretStr

from connectors.core import registry
from connectors.core.accounts import SourceSettings
from connectors.core.errors import FixConfig
from connectors.core.settings import get_settings
from flows.sources import show_findings
from flows.terminal import console

ENV = Path(".env")


def connect(shop_url: str, web_url: str, env: Path = ENV) -> bool:
    """Check a shop's database and a web archive and write their settings to `.env`.

    Returns:
        Whether everything needed is there; what is not is printed with its remedy.

    Raises:
        FixConfig: `.env` connects sources already, or PARLEY_HOME is in use; nothing is written.
    """
    written = env.read_text(encoding="utf-8") if env.exists() else ""
    if _sets(written, "PARLEY_SOURCES"):
        what = "sources are connected already"
        raise FixConfig(what, str(env), "Edit the PARLEY_SOURCES__… lines there.")
    home = _own_home(written)
    sources = {"shop": SourceSettings(vendor="database", url=SecretStr(shop_url))}
    if web_url:
        sources["web"] = SourceSettings(vendor="segment", url=SecretStr(web_url))
    is_ready = True
    for name, source in sources.items():
        findings = registry.source(source.vendor).check(name, source)
        show_findings(name, findings)
        is_ready = is_ready and all(finding.level != "error" for finding in findings)
    _write(env, [written.rstrip("\n")] if written else [], home, sources)
    first = "" if is_ready else "mend what is marked ✗, then "
    console.print(f"written to {env}; next: {first}`parley run daily`")
    return is_ready


def _sets(written: str, name: str) -> bool:
    """Whether a setting of that name stands there, and not just in a comment."""
    lines = (line.strip().removeprefix("export ") for line in written.split("\n"))
    return any(line.startswith(name) for line in lines)


def _own_home(written: str) -> list[str]:
    """The lines that keep the shop apart from a demo that ran here: its people are invented."""
    home = get_settings().home
    if not (home / "ledger.db").exists():
        return []
    if "PARLEY_HOME" in os.environ or _sets(written, "PARLEY_HOME"):
        what = "this PARLEY_HOME is in use already, by the demo or another shop"
        raise FixConfig(what, str(home), "Set PARLEY_HOME to a new folder, then init again.")
    return [
        "# The demo stays where it is; this shop has a home of its own.",
        f"PARLEY_HOME={home}-shop",
    ]


def _write(
    env: Path, lines: list[str], home: list[str], sources: dict[str, SourceSettings]
) -> None:
    written = "\n".join(lines)
    lines = [*lines, *home]
    for name, source in sources.items():
        prefix, url = f"PARLEY_SOURCES__{name.upper()}__", source.url.get_secret_value()
        quoted = url.replace("\\", "\\\\").replace("'", "\\'")
        lines += [f"{prefix}VENDOR={source.vendor}", f"{prefix}URL='{quoted}'"]
    if not _sets(written, "PARLEY_HASH_KEY"):
        lines += [
            "# Keys the hashes of addresses. Keep it: with another one everyone is a stranger.",
            f"PARLEY_HASH_KEY={secrets.token_hex(32)}",
        ]
    # Readable by its owner only from the start: it holds passwords.
    descriptor = os.open(env, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join([*lines, ""]))
    env.chmod(0o600)
