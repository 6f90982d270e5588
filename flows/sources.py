"""What is connected: is it reached, what comes from it, how fresh is it, what has changed in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson
from rich.markup import escape

from connectors.core import registry
from connectors.core.clock import as_utc, utc_now
from connectors.core.errors import FixConfig
from connectors.core.landing import reading
from connectors.core.settings import LEDGER_SOURCE
from connectors.ledger import runs
from connectors.ledger.manifest import Freshness, LedgerManifest
from flows.run import ledger_of
from flows.terminal import console, table

if TYPE_CHECKING:
    from connectors.core.settings import Settings
    from connectors.core.spec import Finding, Record, Stream

MARKS = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "error": "[red]✗[/]"}
HIDDEN = "•••"
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def show_all(settings: Settings) -> None:
    """List the connected sources and the vendors that can be connected."""
    connected = settings.connected_sources()
    if settings.is_demo:
        console.print("No sources are configured: these are the demo's. `parley init` adds yours.")
    made = table("Connected", "source", "vendor", "streams")
    for name, source in connected.items():
        streams = ", ".join(stream.name for stream in registry.source(source.vendor).streams)
        made.add_row(name, source.vendor, streams)
    console.print(made)
    console.print()
    known = table("Can be connected", "vendor", "what it reads", "options")
    for vendor in registry.known_sources():
        spec = registry.source(vendor)
        if spec.about:
            known.add_row(vendor, escape(spec.about), ", ".join(spec.options))
    console.print(known)
    console.print(
        "\nPARLEY_SOURCES__<NAME>__VENDOR=… and __URL=… connect one (.env.example has the rest)."
        "\n`parley sources check` asks each, `sample` shows records, `freshness` what has landed."
    )


def check_all(settings: Settings, only: str | None = None) -> bool:
    """Ask every connected source, or one; print what was found. Whether nothing is wrong."""
    names = [only] if only else list(settings.connected_sources())
    is_well = True
    for name in names:
        source = settings.source(name)
        spec = registry.source(source.vendor)
        findings = [*registry.misplaced(spec, source), *spec.check(name, source)]
        show_findings(name, findings)
        is_well = is_well and all(finding.level != "error" for finding in findings)
    return is_well


def show_findings(name: str, findings: Sequence[Finding]) -> None:
    """A line for each finding, with what to do."""
    for finding in findings:
        said = f"{finding.what}. {finding.remedy}" if finding.remedy else finding.what
        console.print(f"{MARKS[finding.level]} {name}: {escape(said)}", soft_wrap=True)


def sample(
    settings: Settings, source_id: str, stream: str | None, most: int, *, unmasked: bool
) -> None:
    """Show the first records of a stream as they would land; nothing lands."""
    spec = registry.source(settings.source(source_id).vendor)
    names = [each.name for each in spec.streams]
    if stream is not None and stream not in names:
        what = f"source {source_id} has no stream '{stream}'"
        raise FixConfig(what, spec.vendor, f"Its streams: {', '.join(names)}.")
    for name in [stream] if stream else names:
        chosen = spec.stream(name)
        context = reading(chosen, source_id, settings, {}, utc_now())
        pages = spec.read(replace(context, page_size=min(context.page_size, most)))
        records = islice((record for page in pages for record in page.records), most)
        console.print(f"[bold]{source_id}.{name}[/]")
        for record in records:
            _show_record(record, chosen, unmasked=unmasked)
        console.print()


def freshness(settings: Settings) -> None:
    """Show how fresh each stream is, and how its records have changed."""
    ledger = ledger_of(settings)
    manifest = LedgerManifest(ledger)
    last = runs.last_completed(ledger)
    now = as_utc(last.as_of) if settings.is_demo and last else utc_now()
    found = manifest.freshness()
    if not found:
        console.print("Nothing has landed yet. Start with `parley run daily`.")
        return
    made = table("Freshness", "stream", "rows#", "newest record", "age", "last landed")
    for each in found:
        made.add_row(*_freshness_row(each, now))
    console.print(made)
    for told in _changes(settings, manifest):
        console.print(told)


def _freshness_row(each: Freshness, now: datetime) -> tuple[str, ...]:
    newest = f"{each.newest:%Y-%m-%d %H:%M}" if each.newest else ""
    age = _age((now - as_utc(each.newest)).total_seconds()) if each.newest else ""
    name = f"{each.source_id}.{each.stream}"
    return name, f"{each.rows:,}", newest, age, f"{each.landed:%Y-%m-%d %H:%M}"


def _age(seconds: float) -> str:
    for unit, name in ((_DAY, "days"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= 2 * unit:
            return f"{seconds // unit:.0f} {name}"
    return "now"


def _changes(settings: Settings, manifest: LedgerManifest) -> list[str]:
    """When the records of a stream began to look different, and in what."""
    lines = []
    connected = {name: each.vendor for name, each in settings.connected_sources().items()}
    connected[LEDGER_SOURCE] = settings.source(LEDGER_SOURCE).vendor
    for source_id, vendor in connected.items():
        for stream in registry.source(vendor).streams:
            notes = manifest.shape(vendor, source_id, stream.name).get("notes", [])
            where = f"[yellow]changed[/] {source_id}.{stream.name}"
            lines += [f"{where}, {note['at']}: {escape(note['said'])}" for note in notes]
    return lines


def _show_record(record: Record, stream: Stream, *, unmasked: bool) -> None:
    at = f"{record.at:%Y-%m-%d %H:%M:%S}" if record.at else "without a time"
    console.print(f"  {escape(record.key)} [dim]{at}[/]")
    try:
        payload = orjson.loads(record.payload)
    except ValueError:
        payload = None
    if not unmasked and isinstance(payload, dict):
        for paths in stream.identifiers.values():
            for path in paths:
                _hide(payload, path.split("."))
    elif not unmasked:
        payload = HIDDEN
    text = orjson.dumps(payload).decode() if not unmasked else record.payload
    console.print(f"    {escape(text)}", soft_wrap=True)


def _hide(document: Any, path: Sequence[str]) -> None:  # noqa: ANN401 - JSON
    """Put dots in the place of an address or a phone number."""
    for name in path[:-1]:
        document = document.get(name) if isinstance(document, dict) else None
    if isinstance(document, dict) and document.get(path[-1]):
        document[path[-1]] = HIDDEN
