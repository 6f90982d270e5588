"""Takes records out of the lake's files; what stays keeps its place, so doing it twice is once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from connectors.core.batch import SCHEMA
from connectors.core.erasure.sought import subjects_of
from connectors.core.subjects import Named, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.core.erasure.sought import Found, LakeFile, Sought
    from connectors.core.lake import Lake
    from connectors.core.settings import Settings
    from connectors.core.spec import Batch
    from connectors.core.subjects import Subjects


def rewrite(
    lake: Lake, file: LakeFile, found: Found, sought: Sought, settings: Settings
) -> Batch | None:
    """Write a file anew without what was found in it; the batch as it is now.

    A batch that is left with nothing stays, as an empty file: runs have read it. A file that no
    batch names is removed once it is empty, and gives None like any such file.

    Raises:
        RetryLater: the filesystem refused; the file is as it was.
    """
    kept = list(_kept(lake, file, found, sought, settings))
    if file.batch is not None:
        return lake.rewrite(file.batch, kept)
    if sum(part.num_rows for part in kept):
        lake.replace(file.path, kept)
    else:
        lake.remove(file.path)
    return None


def _kept(
    lake: Lake, file: LakeFile, found: Found, sought: Sought, settings: Settings
) -> Iterator[pa.RecordBatch]:
    gone = pa.array(sorted(found.remove.get(file.path, ())), pa.int64())
    redact = found.redact.get(file.path, set())
    subjects = subjects_of(file, settings)
    # Numbers in sentences are known by how they are written elsewhere.
    phones = [Named("phone", phone, "") for phone in found.phones]
    for part in lake.read(file.path):
        kept = part.filter(pc.invert(pc.is_in(part["seq"], gone)))
        yield _without(kept, redact, subjects, sought, phones) if redact else kept


def _without(
    part: pa.RecordBatch, redact: set[int], subjects: Subjects, sought: Sought, phones: list[Named]
) -> pa.RecordBatch:
    payloads = part["payload"].to_pylist()
    for place, seq in enumerate(part["seq"].to_pylist()):
        if seq in redact:
            payload = payloads[place]
            named = [*subjects.named(parsed(payload)), *subjects.mentioned(payload)]
            mine = [each for each in named if each.node_id in sought]
            payloads[place] = subjects.without(payload, [*mine, *phones])
    columns = {name: part[name] for name in SCHEMA.names}
    columns["payload"] = pa.array(payloads, pa.string())
    return pa.RecordBatch.from_pydict(columns, schema=SCHEMA)
