"""Source `eloqua`: exports that a later run goes on with, late bounces, missing fields."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest
from eloqua_kit import assert_described, says
from pydantic import SecretStr

from connectors.core import landing
from connectors.core.accounts import SourceSettings
from connectors.core.errors import FixConfig, RetryLater
from connectors.core.http import HttpClient
from connectors.core.lake import Lake
from connectors.core.settings import Settings
from connectors.core.spec import Finding
from connectors.core.vendors import eloqua
from connectors.ledger.db import open_ledger
from connectors.ledger.manifest import LedgerManifest
from connectors.sources.eloqua import SPEC
from tests.conformance.apis.eloqua.records import Activity, stamp
from tests.conformance.apis.eloqua.site import PASSWORD, USER, EloquaSite
from tests.conformance.http_kit import Server, Told

AS_OF = datetime(2011, 12, 6, 11, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
DEALS = {
    "deals": "9",
    "deal_fields": "DealId=Opportunity_ID1, Stage=Stage1, Amount=Amount1, Owner=Nobody1",
}


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eloqua, "POLLS", (0.001,))
    monkeypatch.setitem(HttpClient.__init__.__kwdefaults__, "sleep", lambda _: None)


class Connected:
    """An instance, connected to a lake and a ledger."""

    def __init__(self, home: Path) -> None:
        self.site = EloquaSite()
        self.server = Server(self.site)
        self.home, self.options = home, dict[str, str]()
        self.lake = Lake(self.settings.lake_root)
        self.manifest = LedgerManifest(open_ledger(f"sqlite:///{home}/ledger.db"))

    @property
    def source(self) -> SourceSettings:
        return SourceSettings(
            vendor="eloqua", url=SecretStr(self.server.url), page_size=5, options=self.options,
            user=SecretStr(USER), password=SecretStr(PASSWORD),
        )  # fmt: skip

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, sources={"crm": self.source})

    def land(self, stream: str, as_of: datetime = AS_OF) -> int:
        told = SPEC.stream(stream), "crm", self.settings
        return landing.land(SPEC, *told, self.manifest, self.lake, as_of).rows

    def rows(self, stream: str) -> list[dict[str, str]]:
        batches = [batch for batch in self.manifest.unchecked() if batch.stream == stream]
        files = [pq.ParquetFile(self.lake.url(batch.path)).read() for batch in batches]
        return [row for file in files for row in file.to_pylist()]

    def check(self) -> list[Finding]:
        return SPEC.check("crm", self.source)

    def happens(self, id_: str, kind: str, at: datetime, **fields: str) -> None:
        told = {"EmailAddress": "ada@example.com", **fields}
        self.site.activities[f"{kind} {id_}"] = Activity(id_, kind, at, told)


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[Connected]:
    made = Connected(tmp_path)
    yield made
    made.server.close()


def test_what_emails_met_with_lands_by_type_and_id(crm: Connected) -> None:
    ada = crm.site.contact("ada@example.com", AS_OF - HOUR)
    for kind in ("EmailSend", "EmailOpen", "EmailClickthrough", "Unsubscribe", "Subscribe"):
        crm.happens("7", kind, AS_OF - HOUR)
    crm.happens("7", "FormSubmit", AS_OF - HOUR, ContactId=ada.id)
    crm.happens("7", "PageView", AS_OF - HOUR)
    assert crm.land("activities") == 6
    rows = {row["record_key"]: orjson.loads(row["payload"]) for row in crm.rows("activities")}
    assert rows["FormSubmit 7"]["EmailAddress"] == "ada@example.com"
    assert rows["FormSubmit 7"]["ContactKey"] == f"crm:{ada.id}"
    assert "ContactKey" not in rows["Subscribe 7"]
    assert set(rows) >= {"EmailSend 7", "Unsubscribe 7", "Subscribe 7"}
    assert crm.land("activities", AS_OF + HOUR) == 0
    assert_described(crm.server.asked)


def test_bounces_end_an_hour_ago_and_those_of_the_last_days_are_read_again(crm: Connected) -> None:
    crm.happens("1", "Bounceback", AS_OF - timedelta(minutes=30))
    crm.happens("2", "Bounceback", AS_OF - 2 * HOUR)
    crm.happens("3", "EmailSend", AS_OF - timedelta(minutes=30))
    crm.happens("5", "Bounceback", AS_OF - timedelta(days=10))
    assert crm.land("activities") == 3
    assert crm.land("activities", AS_OF + HOUR) == 1
    # Recorded a day late, with the time when it happened.
    crm.happens("4", "Bounceback", AS_OF - 20 * HOUR)
    assert crm.land("activities", AS_OF + 24 * HOUR) == 3
    keys = [row["record_key"] for row in crm.rows("activities")]
    assert (keys.count("Bounceback 4"), keys.count("Bounceback 5")) == (1, 1)
    assert crm.land("activities", AS_OF + 25 * HOUR) == 0


def test_an_export_that_takes_its_time_is_gone_on_with(
    crm: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        crm.site.contact(f"k{number}@example.com", AS_OF - HOUR)
    crm.site.looks = 5
    monkeypatch.setattr(eloqua, "POLLS", (1_000.0,))
    for _ in range(3):
        with pytest.raises(RetryLater):
            crm.land("contacts")
    assert len(crm.site.syncs) == 1
    assert crm.land("contacts") == 12
    assert len(crm.site.syncs) == 1


@pytest.mark.parametrize("is_gone", [False, True])
def test_an_export_that_broke_off_is_read_on_and_one_that_is_gone_begun_anew(
    crm: Connected, *, is_gone: bool
) -> None:
    for number in range(12):
        crm.site.contact(f"k{number}@example.com", AS_OF - HOUR)
    app = crm.server.app
    busy = Told(None, 503)
    crm.server.app = lambda asked: busy if asked.query.get("offset") == "5" else app(asked)
    with pytest.raises(RetryLater):
        crm.land("contacts")
    crm.server.app = app
    if is_gone:
        crm.site.syncs.clear()
    # What landed before is known only where it is recent; it may land again.
    assert crm.land("contacts") == (12 if is_gone else 7)
    assert len({row["record_key"] for row in crm.rows("contacts")}) == 12
    begun = [a for a in crm.server.asked if (a.method, a.path[-6:]) == ("POST", "/syncs")]
    assert len(begun) == 1 + is_gone


def test_an_export_that_fails_is_begun_anew_by_the_next_run(crm: Connected) -> None:
    crm.site.contact("k1@example.com", AS_OF - HOUR)
    crm.site.fails = "parley.*"
    with pytest.raises(RetryLater):
        crm.land("contacts")
    crm.site.fails = ""
    assert crm.land("contacts") == 1


def test_fields_that_an_instance_has_not_are_left_out(crm: Connected) -> None:
    crm.options = {"lifecycle_field": "C_Language1", "owner_field": "C_None"}
    crm.site.contact("ada@example.com", AS_OF - HOUR, C_Language1="MQL")
    crm.site.accounts.append({
        "{{Account.Id}}": "5", "{{Account.UpdatedAt}}": stamp(AS_OF - HOUR),
        "{{Account.Field(M_CompanyName)}}": "Acme",
    })  # fmt: skip
    assert (crm.land("contacts"), crm.land("companies")) == (1, 1)
    [contact], [company] = crm.rows("contacts"), crm.rows("companies")
    assert orjson.loads(contact["payload"])["LifecycleStage"] == "MQL"
    assert orjson.loads(contact["payload"])["ContactKey"] == "crm:1000"
    assert "Owner" not in orjson.loads(contact["payload"])
    assert orjson.loads(company["payload"])["Name"] == "Acme"
    assert_described(crm.server.asked)


def test_an_account_that_is_not_exported_is_done_without(crm: Connected) -> None:
    crm.site.contact("ada@example.com", AS_OF - HOUR).account = "5"
    crm.site.unknown = "{{Contact.Account.Id}}"
    assert crm.land("contacts") == 1
    crm.site.unknown = ""
    crm.site.contact("ada@example.com", AS_OF)
    assert crm.land("contacts", AS_OF + HOUR) == 1
    told = [orjson.loads(row["payload"]).get("AccountId") for row in crm.rows("contacts")]
    assert told == [None, "5"]
    crm.site.unknown = "{{Contact.Id}}"
    with pytest.raises(FixConfig):
        crm.land("contacts", AS_OF + 2 * HOUR)


def test_deals_are_those_of_the_custom_object_that_is_named(crm: Connected) -> None:
    crm.site.customs.append({
        "{{CustomObject[9].UpdatedAt}}": stamp(AS_OF - HOUR),
        "{{CustomObject[9].Field(Opportunity_ID1)}}": "D1",
        "{{CustomObject[9].Field(Stage1)}}": "Closed Won",
    })  # fmt: skip
    assert crm.land("deals") == 0
    crm.options = DEALS
    assert crm.land("deals") == 1
    [deal] = crm.rows("deals")
    assert (deal["record_key"], orjson.loads(deal["payload"])["Stage"]) == ("D1", "Closed Won")
    assert_described(crm.server.asked)


@pytest.mark.parametrize(
    ("stream", "options"),
    [
        ("deals", {"deals": "nine", "deal_fields": "DealId=x"}),
        ("deals", {"deals": "9"}),
        ("deals", {"deals": "9", "deal_fields": "DealId=x, Colour=y"}),
        ("activities", {"since": "long ago"}),
    ],
)
def test_options_that_cannot_be_used_are_told(
    crm: Connected, stream: str, options: dict[str, str]
) -> None:
    crm.options = options
    with pytest.raises(FixConfig):
        crm.land(stream)
    assert "error" in [finding.level for finding in crm.check()]


def test_activities_before_a_day_are_not_asked_for(crm: Connected) -> None:
    crm.options = {"since": "2011-12-01"}
    crm.happens("1", "EmailSend", datetime(2011, 11, 30, tzinfo=UTC))
    crm.happens("2", "EmailSend", datetime(2011, 12, 1, tzinfo=UTC))
    assert crm.land("activities") == 1


def test_whether_it_can_be_read_is_told(crm: Connected) -> None:
    assert [finding.level for finding in crm.check()] == ["ok", "ok", "ok", "warning"]
    crm.options = DEALS
    assert [finding.level for finding in crm.check()] == ["ok"] * 4
    app = crm.server.app
    denied = says(403)
    crm.server.app = lambda a: denied(a, app) if a.path.endswith("contacts/fields") else app(a)
    assert [finding.level for finding in crm.check()] == ["ok", "error", "ok", "ok"]
