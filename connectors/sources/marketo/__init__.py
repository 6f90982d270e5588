"""Source `marketo`: what became of emails, forms, leads, companies and opportunities of Marketo.

Activities (sent, delivered, bounced, opened, clicked, unsubscribed, forms) are read in the order of
their time, each with its lead's address. No list of Marketo tells what of the rest changed; the
activities of leads do: leads by the changes of their fields, their companies with them, and
opportunities by the leads that they were added to, or that saw them change. Marketo forgets changes
of fields after 90 days, and most activities after 25 months: who was quiet for longer is read at
the first load from the static lists of the option `lists`. Named accounts are read as a whole from
the lists of the option `account_lists`; which leads belong to one, no API tells but by the domain.

A record is the object as the API gives it, without its place in the answer (`seq`). Leads, and what
names one, have a `leadKey`: `<source_id>:<id>`, as their ids are small numbers, which users of
other sources have too. An activity has its lead's address under `lead` and, if the option
`campaigns` tells it, its `programme`; an opportunity has its `roles`, and under `currency` what the
option says: Marketo has none.

Sources: Adobe's swagger of the lead database API; AdobeDocs/marketo-developer.en, help/rest-api
(activities, leads, companies, named-accounts, named-account-lists,
opportunities, opportunity-roles).
"""

from __future__ import annotations

from connectors.core.spec import SourceSpec
from connectors.sources.marketo.check import check
from connectors.sources.marketo.reading import read
from connectors.sources.marketo.streams import (
    ACTIVITIES,
    COMPANIES,
    NAMED_ACCOUNTS,
    OPPORTUNITIES,
    PEOPLE,
)

VENDOR = "marketo"
SPEC = SourceSpec(
    VENDOR,
    (PEOPLE, ACTIVITIES, COMPANIES, NAMED_ACCOUNTS, OPPORTUNITIES),
    read,
    check,
    "A Marketo account: activities of emails and forms, leads, companies, named accounts,"
    " opportunities."
    " url: https://<Munchkin id>.mktorest.com; user and password: client id and secret of an"
    " API-only user (Read-Only Activity, Lead, Company, Named Account, Opportunity).",
    {
        "lists": "ids of static lists that are read as a whole at the first load, with commas",
        "account_lists": "ids of named account lists, with commas; without it none is read",
        "campaigns": "ids of trigger campaigns by programme, as the destination has them",
        "crm": "yes, where a CRM is synchronised natively: companies and deals are not asked for",
        "currency": "of amounts of opportunities (ISO 4217), which Marketo does not tell",
        "since": "a date, before which the first load reads no activities: 2026-01-31",
        "calls": "how many calls in 20 seconds, 80 of the account's 100 unless told otherwise",
    },
)
