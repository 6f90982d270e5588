"""Imports of files: two run at a time, ten are in the queue at most; each look moves them on."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.conformance.apis.marketo.rules import TYPES, Refusal
from tests.conformance.http_kit import Asked, Told

if TYPE_CHECKING:
    from tests.conformance.apis.marketo.store import Marketo

MOST_BYTES = 10_000_000


@dataclass
class Job:
    """An import; `looks`: how often it was asked after while it ran."""

    list_id: int
    rows: list[dict[str, str]]
    status: str = "Queued"
    looks: int = 0
    failures: list[list[str]] = field(default_factory=list)
    warnings: list[list[str]] = field(default_factory=list)


@dataclass
class Imports:
    """All imports by their number. `stuck`: none moves on. `fails`: each fails as a whole."""

    account: Marketo
    jobs: dict[int, Job] = field(default_factory=dict)
    stuck: bool = False
    fails: bool = False

    def waiting(self) -> list[Job]:
        return [job for job in self.jobs.values() if job.status in {"Queued", "Importing"}]

    def begin(self, asked: Asked) -> dict[str, Any]:
        if len(asked.body) >= MOST_BYTES:
            raise Refusal(413, "too large")
        if len(self.waiting()) >= 10:
            raise Refusal(1016, "Too many imports")
        if asked.query.get("format") != "csv" or "listId" not in asked.query:
            raise Refusal(1003, "Invalid data")
        self.account.members_of(asked.query["listId"])
        number = 1022 + len(self.jobs)
        rows = list(csv.DictReader(io.StringIO(file_in(asked).decode())))
        self.jobs[number] = Job(int(asked.query["listId"]), rows)
        self._move()
        return {"result": [{"batchId": number, "importId": str(number), "status": "Queued"}]}

    def state(self, number: int) -> dict[str, Any]:
        job = self.jobs[number]
        if not self.stuck:
            job.looks += job.status == "Importing"
            if job.looks > 1:
                self._run(job)
            self._move()
        told = {"batchId": number, "status": job.status, "numOfLeadsProcessed": len(job.rows)}
        told |= {"numOfRowsFailed": len(job.failures), "numOfRowsWithWarning": len(job.warnings)}
        return {"result": [told | {"message": "Import of Ada"}]}

    def file(self, number: int, kind: str) -> Told:
        job = self.jobs[number]
        heading = [*job.rows[0], "Import Failure Reason"]
        written = io.StringIO()
        rows = job.failures if kind == "failures" else job.warnings
        csv.writer(written).writerows([heading, *rows])
        return Told(written.getvalue().encode(), headers={"Content-Type": "text/csv"})

    def _move(self) -> None:
        running = [job for job in self.jobs.values() if job.status == "Importing"]
        queued = [job for job in self.jobs.values() if job.status == "Queued"]
        for job in queued[: 2 - len(running)]:
            job.status = "Importing"

    def _run(self, job: Job) -> None:
        if self.fails or any(name not in TYPES for name in job.rows[0]):
            job.status = "Failed"
            return
        for row in job.rows:
            lead: dict[str, Any] = {name: value for name, value in row.items() if value}
            if not lead.get("parleyScore", "1").isdecimal():
                # The rest of the row is taken.
                text = f"Invalid value for field parleyScore of {lead['email']}"
                job.warnings.append([*row.values(), text])
                del lead["parleyScore"]
            if "parleyScore" in lead:
                lead["parleyScore"] = int(lead["parleyScore"])
            told = self.account.upserted(lead)
            if told["status"] == "skipped":
                text = f"{told['reasons'][0]['message']} (email {lead['email']}\nof Ada)"
                job.failures.append([*row.values(), text])
                continue
            self.account.members[job.list_id][told["id"]] = None
        job.status = "Complete"


def file_in(asked: Asked) -> bytes:
    """The file of a form with one field."""
    boundary = asked.headers["content-type"].partition("boundary=")[2].encode()
    part = asked.body.split(b"--" + boundary)[1]
    heading, _, file = part.partition(b"\r\n\r\n")
    assert b'name="file"' in heading
    assert b"filename=" in heading
    return file.removesuffix(b"\r\n")
