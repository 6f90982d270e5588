"""Who was erased stays out: records of theirs do not land again, whatever the source still holds.

Nothing is known of them but hashes, so a record is judged by the hashes of what it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from connectors.core.settings import Settings
from connectors.core.spec import Manifest, Page, Record, Stream
from connectors.core.subjects import Named, Subjects, parsed


@dataclass(slots=True)
class Admission:
    """Judges the records of one stream by the erased nodes (true: others' records name it too).

    `kept_out`: how many records it kept out.
    """

    erased: Mapping[str, bool]
    subjects: Subjects
    kept_out: int = 0

    def admit(self, page: Page) -> Page:
        """The page without what is an erased person's; costs nothing while nobody is erased."""
        if not self.erased or not page.records:
            return page
        judged = [self.judge(record) for record in page.records]
        records = [record for record in judged if record is not None]
        self.kept_out += len(judged) - len(records)
        return replace(page, records=records)

    def judge(self, record: Record) -> Record | None:
        """The record as it may land: None where it is an erased person's, or names nobody else.

        What others' records say of an erased person is taken out of them.
        """
        named = self.subjects.named(parsed(record.payload))
        erased = self._of_erased(named)
        is_own = any(not self.erased[each.node_id] for each in erased)
        if is_own or (erased and len(erased) == len(named)):
            return None
        erased += self._of_erased(self.subjects.mentioned(record.payload))
        if not erased:
            return record
        return record._replace(payload=self.subjects.without(record.payload, erased))

    def _of_erased(self, named: list[Named]) -> list[Named]:
        return [each for each in named if each.node_id in self.erased]


def admission_to(
    stream: Stream, source_id: str, settings: Settings, manifest: Manifest
) -> Admission:
    """What judges the records of a connected source's stream."""
    key, space = settings.hash_key.get_secret_value(), settings.source(source_id).id_space
    subjects = Subjects(stream, source_id, space, key, settings.default_country)
    return Admission(manifest.erased(), subjects)
