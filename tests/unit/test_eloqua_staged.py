"""What Eloqua tells, from its API through the lake to staging: nothing is rejected, all is read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dbt_kit
import duckdb
import pytest
from pydantic import SecretStr

from connectors.core import landing
from connectors.core.accounts import SourceSettings
from connectors.core.clock import iso_z
from connectors.core.http import HttpClient
from connectors.core.lake import Lake
from connectors.core.settings import Settings
from connectors.ledger.db import open_ledger
from connectors.ledger.manifest import LedgerManifest
from connectors.sources.eloqua import SPEC, kinds
from tests.conformance.apis.eloqua.records import Activity, stamp
from tests.conformance.apis.eloqua.site import PASSWORD, USER, EloquaSite
from tests.conformance.http_kit import Server

AS_OF = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
AT = AS_OF - timedelta(hours=2)
KINDS = ("feedback", "contacts", "customers", "consents", "events", "companies", "deals")
DEAL = "{{CustomObject[9]."


class House:
    """An instance, a lake, a warehouse."""

    def __init__(self, home: Path) -> None:
        self.home, self.site = home, EloquaSite()
        self.server = Server(self.site)
        source = SourceSettings(
            vendor="eloqua", url=SecretStr(self.server.url), user=SecretStr(USER),
            password=SecretStr(PASSWORD),
            options={"deals": "9", "deal_fields": "DealId=Opportunity_ID1, Stage=Stage1,"
                     " Amount=Amount1, Currency=Currency1"},
        )  # fmt: skip
        self.settings = Settings(home=home, sources={"crm": source})
        self.lake = Lake(self.settings.lake_root)
        self.manifest = LedgerManifest(open_ledger(f"sqlite:///{home}/ledger.db"))

    def run(self, as_of: datetime) -> None:
        for stream in SPEC.streams:
            landing.land(SPEC, stream, "crm", self.settings, self.manifest, self.lake, as_of)
        batches = [
            {
                "vendor": batch.vendor, "source_id": batch.source_id, "stream": batch.stream,
                "batch_id": batch.batch_id, "path": self.lake.url(batch.path),
                "landed_at": iso_z(batch.landed_at), "id_space": "main",
            }
            for batch in self.manifest.unchecked() if batch.vendor == "eloqua"
        ]  # fmt: skip
        told = self.home / "warehouse.duckdb", batches, iso_z(as_of)
        dbt_kit.build(*told, "path:models/staging/eloqua")

    def rows(self, kind: str) -> list[dict[str, Any]]:
        with duckdb.connect(str(self.home / "warehouse.duckdb")) as connection:
            found = connection.execute(f"select * from staging.stg_eloqua__{kind}")
            names = [column[0] for column in found.description or []]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setitem(HttpClient.__init__.__kwdefaults__, "sleep", lambda _: None)
    made = House(tmp_path)
    yield made
    made.server.close()


def told(site: EloquaSite) -> None:
    """Something of everything."""
    ada = site.contact("ada@example.com", AT, C_FirstName="Ada", C_Salesperson="grace")
    site.contact("bob@example.com", AT).is_subscribed = False
    for number, kind in enumerate(
        ("EmailSend", "EmailOpen", "EmailClickthrough", "Bounceback", "Unsubscribe", "Subscribe")
    ):
        fields = {"EmailAddress": "ada@example.com", "SmtpStatusCode": "5.1.1"}
        site.activities[kind] = Activity(str(number), kind, AT, fields)
    site.activities["form"] = Activity("9", "FormSubmit", AT, {"ContactId": ada.id})
    site.accounts.append({
        "{{Account.Id}}": "5", "{{Account.UpdatedAt}}": stamp(AT),
        "{{Account.Field(M_CompanyName)}}": "Acme",
    })  # fmt: skip
    site.customs.append({
        f"{DEAL}UpdatedAt}}}}": stamp(AT), f"{DEAL}Field(Opportunity_ID1)}}}}": "D1",
        f"{DEAL}Field(Stage1)}}}}": "Closed Won", f"{DEAL}Field(Amount1)}}}}": "12.50",
        f"{DEAL}Field(Currency1)}}}}": "GBP", f"{DEAL}Contact.Id}}}}": ada.id,
    })  # fmt: skip


def test_all_that_eloqua_tells_is_read_and_read_on(house: House) -> None:
    told(house.site)
    house.run(AS_OF)
    rows = {kind: house.rows(kind) for kind in KINDS}
    assert {kind: len(found) for kind, found in rows.items()} == {
        "feedback": 5, "contacts": 2, "customers": 2, "consents": 4, "events": 1,
        "companies": 1, "deals": 1,
    }  # fmt: skip
    assert not [row["reject_reason"] for found in rows.values() for row in found
                if row["reject_reason"]]  # fmt: skip
    kinds = {row["kind"]: row for row in rows["feedback"]}
    assert set(kinds) == {"sent", "opened", "clicked", "bounced", "unsubscribed"}
    assert (kinds["bounced"]["is_hard"], kinds["bounced"]["reason"]) == (True, "5.1.1")
    assert {row["occurred_at"] for row in rows["feedback"]} == {AT.replace(tzinfo=None)}
    states = sorted((row["email_raw"], row["state"]) for row in rows["consents"])
    ada, bob = "ada@example.com", "bob@example.com"
    assert states == [(ada, "granted"), (ada, "none"), (ada, "withdrawn"), (bob, "withdrawn")]
    assert {row["owner"] for row in rows["contacts"]} == {"grace", None}
    assert rows["events"][0]["email_raw"] == "ada@example.com"
    # Ids that no customer of a shop has in the same id space.
    known = {"crm:1000", "crm:1001"}
    assert {row["contact_id"] for row in rows["contacts"]} == known
    assert {row["customer_id"] for row in rows["customers"]} == known
    assert {row["customer_id"] for row in rows["consents"]} == {*known, None}
    named = rows["events"][0]["user_id"], rows["deals"][0]["contact_id"]
    assert named == ("crm:1000", "crm:1000")
    assert (rows["deals"][0]["amount_minor"], rows["deals"][0]["is_won"]) == (1250, True)
    house.site.contact("bob@example.com", AS_OF, C_FirstName="Bob")
    house.site.activities["more"] = Activity("10", "EmailOpen", AS_OF, {"EmailAddress": "x@y.z"})
    house.run(AS_OF + timedelta(hours=1))
    assert [len(house.rows(kind)) for kind in ("feedback", "contacts", "consents")] == [6, 3, 5]


def test_what_is_staged_is_what_is_asked_for() -> None:
    """A field that staging reads and no export asks for would be null for ever."""
    models = Path(__file__).parents[2] / "dbt_project" / "models" / "staging" / "eloqua"
    read = {
        name
        for model in models.glob("*.sql")
        for name in re.findall(r"\bj\.([A-Za-z]+)", model.read_text(encoding="utf-8"))
    }
    asked = {*kinds.CONTACT, *kinds.CONTACT_SYSTEM, *kinds.COMPANY, *kinds.COMPANY_SYSTEM}
    asked |= {*kinds.DEAL_NAMES}
    for fields in kinds.TYPES.values():
        asked |= set(fields)
    # A contact's own id is read as the key that its source makes of it.
    assert read <= {*asked, "ContactKey"}
    assert asked - read == {"AssetType", "IsBounced", "ContactId"}
