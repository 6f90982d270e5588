"""Source `eloqua`: Oracle Eloqua, by exports of its Bulk API 2.0.

Each stream is read in windows of what changed: an export is defined and synced, and its records
are read page by page; a run that ends in between goes on with the same export. What emails met
with (activities) has an export for each type. Bounces are recorded late: their window ends an hour
ago, and once a day those of the last days are read again.

A record is what was exported, by the names of `kinds`. What names a contact has a `ContactKey`
too: `<source_id>:<ContactId>`, as their ids are small numbers, which users of other sources have.

Not seen: what was deleted at Eloqua, and what a form was filled with beyond whose it is. Eloqua
exports no opportunities; deals are a custom object, which the options name.

Sources: Oracle Eloqua Developer Help Center, Bulk API (activity fields, exporting activities,
filtering, markup language); its OpenAPI description.
"""

from __future__ import annotations

from typing import Final

from connectors.core.spec import SourceSpec
from connectors.sources.eloqua.check import check
from connectors.sources.eloqua.kinds import ACTIVITIES, COMPANIES, CONTACTS, DEAL_NAMES, DEALS
from connectors.sources.eloqua.reading import read

OPTIONS: Final = {
    "since": "activities before this day are not read: 2025-01-01",
    "lifecycle_field": "the contact field with the lifecycle stage",
    "owner_field": "the contact field with the owner",
    "deals": "the id of the custom object that holds deals; none without it",
    "deal_fields": f"its fields: DealId=Opportunity_ID1, Stage=Stage1; of {', '.join(DEAL_NAMES)}",
}

SPEC = SourceSpec(
    "eloqua",
    (ACTIVITIES, CONTACTS, COMPANIES, DEALS),
    read,
    check,
    (
        "Oracle Eloqua: what emails met with, contacts, accounts, deals of a custom object. url:"
        r" https://login.eloqua.com; user: Company\user, and password; or token (OAuth);"
        " or both, the token an app's client id:client secret."
    ),
    OPTIONS,
)
