"""Whether an instance can be read: log-in, and the fields of each stream."""

from __future__ import annotations

from connectors.core.accounts import SourceSettings
from connectors.core.errors import ParleyError
from connectors.core.spec import Finding
from connectors.core.vendors.eloqua import Bulk, connect
from connectors.sources.eloqua.kinds import (
    ACTIVITIES,
    COMPANIES,
    CONTACTS,
    DEALS,
    activities,
    exported,
)


def check(source_id: str, settings: SourceSettings) -> list[Finding]:
    """Say of each stream whether it can be read. Nothing is exported."""
    try:
        bulk = connect(settings.url.get_secret_value(), settings, f"source {source_id}")
        activities("EmailSend", settings)
    except ParleyError as error:
        return [_error(error)]
    names = [CONTACTS.name, COMPANIES.name]
    if settings.options.get("deals"):
        names.append(DEALS.name)
    findings = [_checked(bulk, name, settings) for name in names]
    if not settings.options.get("deals"):
        what = "deals are not read: Eloqua exports no opportunities"
        findings.append(Finding("warning", what, "Keep them in a custom object; set option deals."))
    return [Finding("ok", f"{ACTIVITIES.name} can be asked for"), *findings]


def _checked(bulk: Bulk, name: str, settings: SourceSettings) -> Finding:
    try:
        fields = exported(bulk, name, settings).fields
    except ParleyError as error:
        return _error(error, f"{name}: ")
    return Finding("ok", f"{name} can be read, {len(fields)} fields")


def _error(error: ParleyError, about: str = "") -> Finding:
    return Finding("error", f"{about}{error.what} ({error.where})", error.remedy)
