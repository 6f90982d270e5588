"""Whether an account can be read: each object is described, which takes the right to read it."""

from __future__ import annotations

from connectors.core.accounts import SourceSettings
from connectors.core.errors import ParleyError
from connectors.core.spec import Finding
from connectors.core.vendors.marketo import campaigns_of, connected
from connectors.sources.marketo.account import beginning_of
from connectors.sources.marketo.streams import DESCRIBED, is_told


def check(source_id: str, settings: SourceSettings) -> list[Finding]:
    """Say of each stream whether it can be read."""
    where = f"source {source_id}"
    try:
        client = connected(settings, where)
        campaigns_of(settings.options, where)
        beginning_of(settings.options, where)
    except ParleyError as error:
        return [_error(error, "")]
    findings = []
    for name, address in DESCRIBED.items():
        if not is_told(settings.options, name):
            continue
        try:
            client.get(address)
        except ParleyError as error:
            findings.append(_error(error, f"{name}: "))
        else:
            findings.append(Finding("ok", f"{name} can be read"))
    return findings


def _error(error: ParleyError, about: str) -> Finding:
    return Finding("error", f"{about}{error.what} ({error.where})", error.remedy)
