"""What an Eloqua instance holds: contacts, accounts, activities, custom objects, by statements."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# By internal name, as the recorded instance has them; two that Parley's options may name.
CONTACT_FIELDS = (
    *("C_EmailAddress", "C_FirstName", "C_LastName", "C_Company", "C_Country", "C_BusPhone"),
    *("C_MobilePhone", "C_Address1", "C_Zip_Postal", "C_City", "C_Salesperson"),
    *("C_Integrated_Marketing_and_Sales_Funnel_Stage", "C_ParleySubject1", "C_Language1"),
)
ACCOUNT_FIELDS = ("M_CompanyName", "M_Country", "M_Website")
CUSTOM_FIELDS = ("Opportunity_ID1", "Opportunity_Name1", "Stage1", "Amount1", "Currency1")
CUSTOM_OBJECT = "9"
OF_EMAIL = (
    *("EmailAddress", "EmailRecipientId", "EmailClickedThruLink", "SmtpErrorCode"),
    "SmtpStatusCode",
)


def stamp(at: datetime) -> str:
    """A time as exports show it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond:06d}0Z"


@dataclass
class Contact:
    """A contact; `fields` by internal name."""

    id: str
    fields: dict[str, str]
    created: datetime
    updated: datetime
    is_subscribed: bool = True
    is_bounced: bool = False
    account: str = ""

    def row(self) -> dict[str, str]:
        """All that can be exported."""
        return {
            **{
                f"{{{{Contact.Field({name})}}}}": self.fields.get(name, "")
                for name in CONTACT_FIELDS
            },
            "{{Contact.Id}}": self.id,
            "{{Contact.CreatedAt}}": stamp(self.created),
            "{{Contact.UpdatedAt}}": stamp(self.updated),
            "{{Contact.Email.IsSubscribed}}": str(self.is_subscribed),
            "{{Contact.Email.IsBounced}}": str(self.is_bounced),
            "{{Contact.Account.Id}}": self.account,
        }


@dataclass
class Activity:
    """An activity of any type; `fields` are those of its own."""

    id: str
    type: str
    at: datetime
    fields: dict[str, str] = field(default_factory=dict)

    def row(self, contacts: dict[str, Contact]) -> dict[str, str]:
        """All that can be exported."""
        contact = contacts.get(self.fields.get("ContactId", ""))
        email = contact.fields["C_EmailAddress"] if contact else ""
        return {
            **{f"{{{{Activity.Field({name})}}}}": self.fields.get(name, "") for name in OF_EMAIL},
            "{{Activity.Id}}": self.id,
            "{{Activity.Type}}": self.type,
            "{{Activity.CreatedAt}}": stamp(self.at),
            "{{Activity.Asset.Type}}": "Form" if self.type == "FormSubmit" else "Email",
            "{{Activity.Asset.Name}}": self.fields.get("AssetName", "Kettles"),
            "{{Activity.Asset.Id}}": self.fields.get("AssetId", "77"),
            "{{Activity.Campaign.Id}}": self.fields.get("CampaignId", "12"),
            "{{Activity.Contact.Id}}": self.fields.get("ContactId", ""),
            "{{Activity.Contact.Field(C_EmailAddress)}}": email,
        }


def listed_fields(kind: str) -> list[dict[str, Any]]:
    """What the fields of a kind are, as the recorded answers tell it."""
    names, entity = {
        "contacts": (CONTACT_FIELDS, "Contact"),
        "accounts": (ACCOUNT_FIELDS, "Account"),
    }.get(kind, (CUSTOM_FIELDS, f"CustomObject[{CUSTOM_OBJECT}]"))
    return [
        {
            "name": name,
            "internalName": name,
            "dataType": "emailAddress" if name == "C_EmailAddress" else "string",
            "hasReadOnlyConstraint": False,
            "hasNotNullConstraint": name == "C_EmailAddress",
            "hasUniquenessConstraint": name == "C_EmailAddress",
            "statement": f"{{{{{entity}.Field({name})}}}}",
            "uri": f"/{kind}/fields/{100_001 + number}",
        }
        for number, name in enumerate(names)
    ]
