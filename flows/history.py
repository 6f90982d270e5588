"""Bring in what the previous tool knew, so that nobody is asked or mailed twice after a move."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import orjson
from pydantic import SecretStr, TypeAdapter, ValidationError
from rich.markup import escape

from connectors.core.accounts import Name, SourceSettings
from connectors.core.clock import parse_as_of
from connectors.core.errors import FixConfig
from connectors.core.history.judge import Reading
from connectors.core.history.stops import stops
from connectors.core.identifiers import IDENTIFIERS_SOURCE
from connectors.core.lake import Lake
from connectors.core.landing import land
from connectors.core.settings import LEDGER_SOURCE
from connectors.core.warehouse import writer_slot
from connectors.ledger.manifest import LedgerManifest
from connectors.ledger.suppressions import Suppression, suppress
from connectors.sources.history import VENDOR, HistoryFile, Lines, Tally
from flows.pipeline import SLOT_SECONDS
from flows.run import default_as_of, ledger_of
from flows.terminal import console

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from connectors.core.history.times import Dates
    from connectors.core.landing import Progress
    from connectors.core.settings import Settings
    from connectors.core.spec import Page, ReadContext, SourceSpec


@dataclass(frozen=True)
class Imported:
    """What an import did.

    `suppressed`: entries that the ledger's list gained; `kept_out`: rows of people who were erased,
    which did not land; `is_known`: the same file was imported
    before, so nothing was done; `is_dry`: nothing was done because that was asked for.
    """

    tally: Tally
    suppressed: int = 0
    kept_out: int = 0
    is_known: bool = False
    is_dry: bool = False


@dataclass
class _Import:
    """A file on its way in."""

    file: HistoryFile
    source_id: str
    settings: Settings
    suppressed: int = 0
    kept_out: int = 0

    def land(self, spec: SourceSpec, progress: Progress | None = None) -> None:
        """Land a stream; what must stop messages is in the ledger before its page is landed."""
        (stream,) = spec.streams

        def read(context: ReadContext) -> Iterator[Page]:
            for page in spec.read(context):
                self._stop(stream.name, page)
                yield page

        landed = land(
            replace(spec, read=read),
            stream,
            self.source_id,
            self.settings,
            LedgerManifest(ledger_of(self.settings)),
            Lake(self.settings.lake_root),
            self.file.reading.as_of,
            progress,
        )
        self.kept_out += landed.kept_out

    def _stop(self, kind: str, page: Page) -> None:
        key = self.settings.hash_key.get_secret_value()
        found = (
            Suppression(stop.node_id, stop.reason, self.source_id, stop.since)
            for record in page.records
            for stop in stops(kind, orjson.loads(record.payload), self.file.reading, key)
        )
        self.suppressed += suppress(ledger_of(self.settings), found)


def look_through(
    settings: Settings, path: Path, kind: str, as_of: str | None, dates: Dates | None,
    values: Sequence[str],
) -> HistoryFile:  # fmt: skip
    """Read a file to its end once, so that what can't be understood is refused as a whole.

    Args:
        settings: whose default country numbers without one belong to.
        path: the file.
        kind: consents, suppressions, bounces, sends or outcomes.
        as_of: the import's clock; None means now, or the demo's own clock.
        dates: how 1/2/2019 is meant; None where it isn't known.
        values: `column=value` for rows that leave a column out.

    Raises:
        FixConfig: what was found, where, and what was expected.
    """
    clock = parse_as_of(as_of) if as_of else default_as_of(settings)
    reading = Reading(clock, settings.default_country, dates)
    return HistoryFile(path, kind, reading, _constants(values))


def bring_in(
    settings: Settings, file: HistoryFile, source_id: str, progress: Progress | None = None
) -> Imported:
    """Land a file, and tell the ledger at once who must not be contacted.

    Repeated after a crash it goes on where it stopped; the same file again changes nothing.

    Raises:
        FixConfig: the source's name is taken, or the file was changed meanwhile.
        RetryLater: somebody else is writing.
    """
    settings = _with_source(settings, source_id)
    tally = Tally()
    with writer_slot(settings, SLOT_SECONDS):
        known = LedgerManifest(ledger_of(settings)).cursors(VENDOR, source_id, file.kind)
        if file.part in known and known[file.part].done:
            return Imported(tally, is_known=True)
        coming = _Import(file, source_id, settings)
        if file.kind == "suppressions":
            coming.land(file.withdrawals())
        coming.land(file.spec(tally), progress)
    return Imported(tally, coming.suppressed, coming.kept_out)


def look_at(file: HistoryFile) -> Imported:
    """What importing a file would make of its rows; nothing is written."""
    tally = Tally()
    file.count(tally)
    return Imported(tally, is_dry=True)


def _with_source(settings: Settings, source_id: str) -> Settings:
    """The settings with the import's source added, for landing alone: no run extracts it."""
    try:
        TypeAdapter(Name).validate_python(source_id)
    except ValidationError:
        is_name = False
    else:
        is_name = True
    others = {**settings.connected_sources(), **settings.sources}
    taken = {name for name, each in others.items() if each.vendor != VENDOR}
    if not is_name or source_id in {*taken, LEDGER_SOURCE, IDENTIFIERS_SOURCE}:
        what = "a connected source has this name" if is_name else "this is no name of a source"
        remedy = "Choose another: small letters, digits and _, beginning with a letter."
        raise FixConfig(what, "--source", remedy)
    source = SourceSettings(vendor=VENDOR, url=SecretStr(VENDOR))
    return settings.model_copy(update={"sources": {**others, source_id: source}})


def _constants(given: Sequence[str]) -> dict[str, str]:
    """From `column=value` texts. Raises `FixConfig` for one without a name or a value."""
    pairs = [text.partition("=") for text in given]
    if any(not (name.strip() and value.strip()) for name, _, value in pairs):
        what = "it is no column with a value"
        raise FixConfig(what, "--set", "Write it like --set state=granted.")
    return {name.strip(): value.strip() for name, _, value in pairs}


def show(name: str, done: Imported) -> None:
    """Say what became of a file's rows, by reason and line, and what is next; no values."""
    if done.is_known:
        console.print(f"{escape(name)} was imported before: nothing is done", soft_wrap=True)
        return
    tally, would = done.tally, "would be " if done.is_dry else ""
    rejected = tally.rows - tally.usable
    counts = f"{_rows(tally.rows)}, {tally.usable:,} {would}read, {rejected:,} {would}rejected"
    console.print(f"{escape(name)}: {counts}", soft_wrap=True)
    for style, told in (("red", tally.rejected), ("yellow", tally.noted)):
        for why, lines in sorted(told.items(), key=lambda item: -item[1].rows):
            said = f"[{style}]{_rows(lines.rows)}[/]: {escape(why)} ({_places(lines)})"
            console.print(f"  {said}", soft_wrap=True)
    for line in _next(done, rejected):
        console.print(line, soft_wrap=True)


def _next(done: Imported, rejected: int) -> Iterator[str]:
    if done.suppressed:
        yield f"{done.suppressed:,} more on the list of those who are not contacted, from now on"
    if done.kept_out:
        yield f"{_rows(done.kept_out)} of people who were erased stayed out"
    if rejected:
        yield "rejected rows have no effect: mend them and import the file again"
    yield "nothing was written" if done.is_dry else "next: `parley run daily` takes it in"


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _places(lines: Lines) -> str:
    told = ", ".join(map(str, lines.first))
    more = ", …" if lines.rows > len(lines.first) else ""
    return f"line{'' if lines.rows == 1 else 's'} {told}{more}"
