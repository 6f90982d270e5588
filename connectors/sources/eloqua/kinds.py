"""What of Eloqua is read: streams, the fields of each, and definitions of their exports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from connectors.core.accounts import SourceSettings
from connectors.core.clock import parse_instant
from connectors.core.errors import FixConfig
from connectors.core.spec import Stream
from connectors.core.vendors.eloqua import Bulk

Fields = Mapping[str, str]
EMAIL = {"email": ("EmailAddress",)}
WHO = {"user_id": ("ContactKey",)}

ACTIVITIES = Stream("activities", "ActivityId", "ActivityDate", EMAIL, WHO)
CONTACTS = Stream(
    "contacts",
    "ContactId",
    "UpdatedAt",
    {**EMAIL, "phone": ("BusinessPhone", "MobilePhone")},
    WHO,
)
COMPANIES = Stream("companies", "AccountId", "UpdatedAt")
DEALS = Stream("deals", "DealId", "UpdatedAt", {}, WHO)

_ACTIVITY: Final[Fields] = {
    "ActivityId": "{{Activity.Id}}",
    "ActivityType": "{{Activity.Type}}",
    "ActivityDate": "{{Activity.CreatedAt}}",
    "AssetType": "{{Activity.Asset.Type}}",
    "AssetName": "{{Activity.Asset.Name}}",
    "AssetId": "{{Activity.Asset.Id}}",
    "CampaignId": "{{Activity.Campaign.Id}}",
}
_OF_EMAIL: Final[Fields] = {
    **_ACTIVITY,
    "EmailAddress": "{{Activity.Field(EmailAddress)}}",
    "EmailRecipientId": "{{Activity.Field(EmailRecipientId)}}",
}
_OF_CONTACT: Final[Fields] = {**_OF_EMAIL, "ContactId": "{{Activity.Contact.Id}}"}
TYPES: Final[Mapping[str, Fields]] = {
    "EmailSend": _OF_CONTACT,
    "EmailOpen": _OF_CONTACT,
    "EmailClickthrough": {
        **_OF_CONTACT,
        "EmailClickedThruLink": "{{Activity.Field(EmailClickedThruLink)}}",
    },
    # Not SmtpMessage: servers write addresses into it.
    "Bounceback": {
        **_OF_EMAIL,
        "SmtpErrorCode": "{{Activity.Field(SmtpErrorCode)}}",
        "SmtpStatusCode": "{{Activity.Field(SmtpStatusCode)}}",
    },
    "Unsubscribe": _OF_EMAIL,
    "Subscribe": _OF_EMAIL,
    # Not RawData: all that was written into the form.
    "FormSubmit": {
        **_ACTIVITY,
        "ContactId": "{{Activity.Contact.Id}}",
        "EmailAddress": "{{Activity.Contact.Field(C_EmailAddress)}}",
    },
}

# By internal name; those that an instance has not are left out.
CONTACT: Final[Fields] = {
    "EmailAddress": "C_EmailAddress",
    "FirstName": "C_FirstName",
    "LastName": "C_LastName",
    "Company": "C_Company",
    "Country": "C_Country",
    "BusinessPhone": "C_BusPhone",
    "MobilePhone": "C_MobilePhone",
    "Street": "C_Address1",
    "Postcode": "C_Zip_Postal",
    "City": "C_City",
    "LifecycleStage": "C_Integrated_Marketing_and_Sales_Funnel_Stage",
    "Owner": "C_Salesperson",
}
CONTACT_SYSTEM: Final[Fields] = {
    "ContactId": "{{Contact.Id}}",
    "CreatedAt": "{{Contact.CreatedAt}}",
    "UpdatedAt": "{{Contact.UpdatedAt}}",
    "IsSubscribed": "{{Contact.Email.IsSubscribed}}",
    "IsBounced": "{{Contact.Email.IsBounced}}",
    "AccountId": "{{Contact.Account.Id}}",
}
COMPANY: Final[Fields] = {"Name": "M_CompanyName", "Website": "M_Website", "Owner": "M_Owner"}
COMPANY_SYSTEM: Final[Fields] = {
    "AccountId": "{{Account.Id}}",
    "CreatedAt": "{{Account.CreatedAt}}",
    "UpdatedAt": "{{Account.UpdatedAt}}",
}
DEAL_NAMES: Final = (
    *("DealId", "Name", "Stage", "Pipeline", "Amount", "Currency", "IsWon", "IsClosed"),
    *("ClosedOn", "Owner", "AccountId"),
)


@dataclass(frozen=True)
class Exported:
    """What is exported: its kind in paths, the statement of its time, its fields, a condition.

    `doubtful` fields are done without where an instance does not export them.
    """

    kind: str
    time: str
    fields: Fields
    only: str = ""
    since: datetime | None = None
    doubtful: frozenset[str] = frozenset()

    def body(self, since: datetime | None, until: datetime) -> dict[str, Any]:
        """The definition of what changed since, up to a moment; times are those of UTC."""
        start = max(filter(None, (since, self.since)), default=None)
        terms = [self.only, f"'{self.time}' >= '{_moment(start)}'" if start else ""]
        terms.append(f"'{self.time}' <= '{_moment(until)}'")
        return {
            "name": f"parley-{self.kind.replace('/', '-')}",
            "fields": dict(self.fields),
            "filter": " AND ".join(filter(None, terms)),
            "areSystemTimestampsInUTC": True,
            "dataRetentionDuration": "P2D",
            "autoDeleteDuration": "P2D",
        }


def activities(kind: str, settings: SourceSettings) -> Exported:
    """Activities of one type. Raises `FixConfig` where the option `since` is no day."""
    since = settings.options.get("since")
    start = parse_instant(since)
    if since and start is None:
        option = "since"
        raise _wrong(option, "Write it like 2025-01-01.")
    only = f"'{{{{Activity.Type}}}}' = '{kind}'"
    return Exported("activities", _ACTIVITY["ActivityDate"], TYPES[kind], only, start)


def exported(bulk: Bulk, stream: str, settings: SourceSettings) -> Exported:
    """What of the other streams is exported, of the fields that this instance has."""
    if stream == CONTACTS.name:
        options = settings.options
        chosen = {
            "LifecycleStage": options.get("lifecycle_field", CONTACT["LifecycleStage"]),
            "Owner": options.get("owner_field", CONTACT["Owner"]),
        }
        found = _known(bulk, "contacts", {**CONTACT, **chosen})
        fields, doubtful = {**CONTACT_SYSTEM, **found}, frozenset({"AccountId"})
        return Exported("contacts", fields["UpdatedAt"], fields, doubtful=doubtful)
    if stream == COMPANIES.name:
        found = _known(bulk, "accounts", COMPANY)
        return Exported("accounts", COMPANY_SYSTEM["UpdatedAt"], {**COMPANY_SYSTEM, **found})
    return _deals(bulk, settings)


def _deals(bulk: Bulk, settings: SourceSettings) -> Exported:
    object_id = settings.options.get("deals", "")
    pairs = [each.split("=") for each in settings.options.get("deal_fields", "").split(",")]
    named = {pair[0].strip(): pair[-1].strip() for pair in pairs if pair[0].strip()}
    if not object_id.isdecimal():
        option = "deals"
        raise _wrong(option, "Set it to the number of a custom object.")
    if "DealId" not in named or not set(named) <= set(DEAL_NAMES):
        option = "deal_fields"
        raise _wrong(option, f"Name DealId, and any of {', '.join(DEAL_NAMES)}.")
    entity = f"CustomObject[{object_id}]"
    kind = f"customObjects/{object_id}"
    system = {
        "CreatedAt": f"{{{{{entity}.CreatedAt}}}}",
        "UpdatedAt": f"{{{{{entity}.UpdatedAt}}}}",
        "ContactId": f"{{{{{entity}.Contact.Id}}}}",
    }
    return Exported(kind, system["UpdatedAt"], {**system, **_known(bulk, kind, named)})


def _known(bulk: Bulk, kind: str, named: Fields) -> dict[str, str]:
    """The statements of those fields that there are."""
    there = bulk.fields(kind)
    return {name: there[field] for name, field in named.items() if field in there}


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")


def _wrong(option: str, remedy: str) -> FixConfig:
    return FixConfig(f"option {option} cannot be used", "source eloqua, options", remedy)
