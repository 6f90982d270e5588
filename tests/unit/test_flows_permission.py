"""`parley permission`: what holds, since when, by which proof, and what was known when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.text import Text
from typer.testing import CliRunner

from connectors.core.clock import iso_z
from connectors.core.errors import FixConfig
from connectors.core.identifiers import normalise_email, normalise_phone
from connectors.core.settings import Settings
from connectors.ledger import runs
from connectors.ledger.runs import Versions
from flows import permission
from flows.cli import app
from flows.run import ledger_of

AS_OF = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
THEN = datetime(2011, 12, 1, 10, 0)  # noqa: DTZ001 - a snapshot's times have no zone
ADA, BOB = "ada00000" * 4, "bob00000" * 4
EMAIL = str(normalise_email("ada@example.com", "parley-demo").node_id)
OTHER = str(normalise_email("ada@example.org", "parley-demo").node_id)
PHONE = str(normalise_phone("+442079460001", "GB", "parley-demo").node_id)


def holds(node: str, channel: str, state: str, key: str, **changes: Any) -> dict[str, Any]:
    return {
        "address_node": node, "channel": channel, "purpose": "marketing", "state": state,
        "reason": None, "since": THEN, "valid_from": THEN, "expires_at": None,
        "legal_basis": "consent", "permission_key": key, **changes,
    }  # fmt: skip


def declared(key: str, node: str, channel: str, state: str, **changes: Any) -> dict[str, Any]:
    return {
        "permission_key": key, "node_id": node, "channel": channel, "purpose": "marketing",
        "state": state, "legal_basis": "consent", "source_id": "shop", "proof": "box [v3]",
        "valid_from": THEN, "confirmed_at": None, "known_at": THEN, **changes,
    }  # fmt: skip


DAY, HOUR = timedelta(days=1), timedelta(hours=1)
END = THEN + 700 * DAY
TABLES: dict[str, list[dict[str, Any]]] = {
    "people": [{"person_id": ADA}, {"person_id": BOB}],
    "people_nodes": [
        {"node_id": node, "person_id": person, "node_type": kind, "since": THEN}
        for node, person, kind in (
            (EMAIL, ADA, "email"), (OTHER, ADA, "email"), (PHONE, ADA, "phone"),
            ("d1", ADA, "device"), ("d2", BOB, "device"),
        )
    ],
    "permission_now": [
        holds(EMAIL, "email", "granted", "p1", legal_basis="soft_opt_in", expires_at=END),
        holds(PHONE, "call", "withdrawn", "p3", reason="permission_withdrawn", since=THEN + DAY),
    ],
    "permissions": [
        declared("p1", EMAIL, "email", "granted", legal_basis="soft_opt_in"),
        declared("p2", PHONE, "call", "granted", confirmed_at=THEN + HOUR, proof=None),
        declared("p3", PHONE, "call", "withdrawn", valid_from=THEN + DAY, known_at=THEN + 3 * DAY),
        declared("p4", PHONE, "call", "unclear", valid_from=THEN - DAY),
    ],
    "late_withdrawals": [
        {
            "permission_key": "p3", "node_id": PHONE, "message_key": key, "programme": "advisor",
            "occasion": "cart [/b] 7", "sent_at": THEN + DAY + n * HOUR, "message_state": state,
        }
        for n, (key, state) in enumerate((("m1", "accepted"), ("m2", "unknown")))
    ],
    "permission_rejects": [
        {
            "declaration_key": "r1", "node_id": EMAIL, "state": "granted", "purpose": "profiling",
            "channel": "email", "source_id": "shop", "declaration_id": "consent 7",
            "problem": "its purpose is not known", "known_at": THEN,
        }
    ],
    "reasons": [
        {"gate": "permission", "reason": "permission_withdrawn", "sentence": "it was withdrawn"},
        {"gate": "memory", "reason": "permission_withdrawn", "sentence": "another gate's word"},
    ],
}  # fmt: skip


@pytest.fixture
def published(own_settings: Settings) -> Settings:
    """A completed run with that snapshot."""
    ledger = ledger_of(own_settings)
    run_id = runs.start(ledger, "daily", AS_OF, Versions())
    runs.finish(ledger, run_id, "completed")
    folder = own_settings.runs_dir / run_id
    write(folder)
    return own_settings


def write(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, rows in TABLES.items():
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")


def told(settings: Settings, who: str, *rest: str | None) -> list[str]:
    """Lines as a terminal shows them; wrong markup is an error."""
    return [Text.from_markup(line).plain for line in permission.lines(settings, who, *rest)]


def test_what_holds_is_told_by_address_with_the_proof(published: Settings) -> None:
    lines = told(published, "Ada@Example.com ")
    assert lines[0].startswith(f"Person {ADA} at 2011-12-06T11:05:00Z (run ")
    assert lines[lines.index(f"email {EMAIL[:8]} (the one asked for)") + 1] == (
        "  marketing by email: granted since 2011-12-01T10:00:00Z;"
        " until 2013-10-31T10:00:00Z (soft_opt_in, box [v3], shop)"
    )
    assert lines[lines.index(f"email {OTHER[:8]}") + 1] == "  nothing was ever declared: no"
    assert lines[lines.index(f"phone {PHONE[:8]}") + 1] == (
        "  marketing by call: withdrawn since 2011-12-02T10:00:00Z: no, it was withdrawn"
        " (consent, box [v3], shop)"
    )


def test_the_history_has_both_clocks_and_what_a_late_withdrawal_missed(published: Settings) -> None:
    lines = told(published, ADA[:12])
    history = lines[lines.index("What was declared") + 1 :]
    phone = f"phone {PHONE[:8]}"
    assert history == [
        (
            "  valid 2011-11-30T10:00:00Z, known 2011-12-01T10:00:00Z:"
            f" unclear, marketing by call ({phone}; consent, box [v3], shop)"
        ),
        "    1 day, 0:00:00 late; no message was sent in between",
        (
            "  valid 2011-12-01T10:00:00Z, known 2011-12-01T10:00:00Z:"
            f" granted, marketing by email (email {EMAIL[:8]}; soft_opt_in, box [v3], shop)"
        ),
        (
            "  valid 2011-12-01T10:00:00Z, known 2011-12-01T10:00:00Z:"
            f" granted, marketing by call ({phone}; consent, no proof, shop,"
            " confirmed 2011-12-01T11:00:00Z)"
        ),
        (
            "  valid 2011-12-02T10:00:00Z, known 2011-12-04T10:00:00Z:"
            f" withdrawn, marketing by call ({phone}; consent, box [v3], shop)"
        ),
        "    2 days, 0:00:00 late; 2 messages were sent in between",
        "    advisor cart [/b] 7 on 2011-12-02T10:00:00Z",
        "    advisor cart [/b] 7 on 2011-12-02T11:00:00Z (unknown)",
        (
            "  does not count: its purpose is not known"
            " (granted, profiling by email; shop, consent 7; known 2011-12-01T10:00:00Z)"
        ),
    ]


def test_who_has_no_address_has_allowed_nothing(published: Settings) -> None:
    assert told(published, BOB)[1:] == [
        "  no address is known: there is nothing that could be allowed"
    ]


def test_as_of_takes_the_last_run_of_before_then(published: Settings) -> None:
    ledger = ledger_of(published)
    later = runs.start(ledger, "daily", AS_OF + DAY, Versions())
    runs.finish(ledger, later, "completed")
    write(published.runs_dir / later)
    assert iso_z(AS_OF + DAY) in told(published, ADA)[0]
    assert iso_z(AS_OF) in told(published, ADA, None, iso_z(AS_OF + DAY - timedelta(seconds=1)))[0]
    assert iso_z(AS_OF + DAY) in told(published, ADA, None, iso_z(AS_OF + DAY))[0]
    with pytest.raises(FixConfig):
        told(published, ADA, None, "2011-12-06T11:04:59Z")


def test_no_error_and_no_line_holds_the_address(published: Settings) -> None:
    said = CliRunner().invoke(app, ["permission", "ada@example.com"])
    assert said.exit_code == 0
    assert "@" not in said.output
    with pytest.raises(FixConfig, match="nobody is known by this address") as raised:
        told(published, "eve@example.com")
    assert "eve" not in str(raised.value)
