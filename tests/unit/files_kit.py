"""What tests of sources of files share: a run of one, and the context of its next run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from connectors.core import registry
from connectors.core.accounts import SourceSettings
from connectors.core.spec import Page, ReadContext, Record

AS_OF = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)


def context_of(vendor: str, url: Path | str, page_size: int = 100, **more: object) -> ReadContext:
    """The context of a first run over an archive."""
    settings = SourceSettings.model_validate({"vendor": vendor, "url": SecretStr(str(url)), **more})
    (stream,) = registry.source(vendor).streams
    latest = AS_OF + timedelta(days=1)
    return ReadContext(
        "web", settings, stream, {}, frozenset(), AS_OF, AS_OF, page_size, latest=latest
    )


def read(given: ReadContext) -> tuple[list[Page], ReadContext]:
    """The pages of one run, and the context of the next."""
    pages = list(registry.source(given.settings.vendor).read(given))
    return pages, after(given, pages)


def after(given: ReadContext, pages: list[Page]) -> ReadContext:
    """The context of a run that follows one which gave these pages."""
    cursors = {**given.cursors, **{page.part: page.cursor or "" for page in pages}}
    done = {page.part: page.done for page in pages}
    parts = {part for part in given.done_parts if done.get(part, True)}
    parts |= {part for part, is_done in done.items() if is_done}
    return replace(given, cursors=cursors, done_parts=frozenset(parts))


def records(pages: list[Page]) -> list[Record]:
    return [record for page in pages for record in page.records]


def keys(pages: list[Page]) -> list[str]:
    return [record.key for record in records(pages)]
