"""What is read of an account: the streams, and which fields of each object."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.core.spec import Stream

# Forms, sent, delivered, bounced, unsubscribed, opened, clicked, bounced soft: ten at most a call.
OF_EMAILS = "2,6,7,8,9,10,11,27"
# Added to an opportunity, removed from it, opportunity updated.
OF_OPPORTUNITIES = "34,35,36"

ACTIVITIES = Stream(
    "activities", "marketoGUID", "activityDate",
    {"email": ("lead.email",)}, {"user_id": ("leadKey",)},
)  # fmt: skip
PEOPLE = Stream(
    "leads", "id", "updatedAt",
    {"email": ("email",), "phone": ("phone", "mobilePhone")}, {"user_id": ("leadKey",)},
)  # fmt: skip
COMPANIES = Stream("companies", "externalCompanyId", "updatedAt")
NAMED_ACCOUNTS = Stream("named_accounts", "marketoGUID", "updatedAt")
OPPORTUNITIES = Stream(
    "opportunities", "externalOpportunityId", "updatedAt", people={"user_id": ("leadKey",)}
)

TIMES = ("id", "createdAt", "updatedAt")
LEAD_FIELDS = (
    *TIMES, "email", "firstName", "lastName", "phone", "mobilePhone", "company", "website",
    "country", "city", "postalCode", "address", "dateOfBirth", "leadStatus", "leadScore",
    "leadSource", "unsubscribed", "doNotCall", "emailInvalid", "externalCompanyId",
    "externalSalesPersonId",
)  # fmt: skip
COMPANY_FIELDS = (
    "externalCompanyId", "company", "website", "externalSalesPersonId", "createdAt", "updatedAt",
)  # fmt: skip
ACCOUNT_FIELDS = ("marketoGUID", "name", "domainName", "createdAt", "updatedAt")
OPPORTUNITY_FIELDS = (
    "externalOpportunityId", "name", "type", "stage", "amount", "closeDate", "isWon", "isClosed",
    "externalCompanyId", "externalSalesPersonId", "createdAt", "updatedAt",
)  # fmt: skip
DESCRIBED = {
    "activities": "/rest/v1/activities/types.json",
    "leads": "/rest/v1/leads/describe2.json",
    "companies": "/rest/v1/companies/describe.json",
    "named_accounts": "/rest/v1/namedaccounts/describe.json",
    "opportunities": "/rest/v1/opportunities/describe.json",
}
OF_CRM = {"companies", "opportunities"}
"""What Marketo does not tell while it is synchronised with a CRM."""


def is_told(options: Mapping[str, str], stream: str) -> bool:
    """Whether a stream is read: not what a CRM keeps, where the option `crm` says that one does."""
    return stream not in OF_CRM or options.get("crm", "no").strip().lower() != "yes"
