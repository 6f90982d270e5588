"""What an audience must be before a message leaves: this suite failing stops the emission."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from expectations.marts import CHANNELS, PURPOSES
from expectations.rules import Check, key, no_rows, not_null, one_of

if TYPE_CHECKING:
    from pathlib import Path

VERDICTS: Final = frozenset({"send", "hold"})

AUDIENCE: Final = """
select
    message_key,
    person_id,
    address_node,
    -- The address itself stays where it is; that there is one is all that is checked.
    case when length(trim(address)) > 0 then 1 end as address,
    channel,
    purpose,
    kind,
    verdict,
from {0}
"""

IN_BOTH: Final = """
select 1 as one
from (select message_key from {0}) as triggered
inner join (select message_key from {1}) as mass using (message_key)
"""

WITHOUT_PERMISSION: Final = """
with messages as (
    select address_node, channel, purpose, verdict from {0}
    union all
    select address_node, channel, purpose, verdict from {1}
),
sends as (
    -- An invitation to a meeting comes as an email. Said here besides the seed `channels`:
    -- whoever changes that must not move this guard by it.
    select * replace (case channel when 'meeting' then 'email' else channel end as channel)
    from messages
)
select 1 as one
from sends
where
    sends.verdict = 'send'
    and sends.purpose = 'marketing'
    and not exists (
        select 1
        from {2} as permission_now
        where
            permission_now.address_node = sends.address_node
            and permission_now.channel = sends.channel
            and permission_now.purpose = sends.purpose
            and permission_now.state = 'granted'
    )
"""

TWICE: Final = """
with sends as (
    select person_id, purpose, verdict from {0}
    union all
    select person_id, purpose, verdict from {1}
)
select 1 as one
from sends
where verdict = 'send' and purpose = 'marketing'
group by person_id
having count(*) > 1
"""


def checks(staged_dir: Path) -> list[Check]:
    """The suite for the audiences of a staged snapshot, each and both together."""
    triggered, mass, permission_now = (
        str(staged_dir / f"{table}.parquet")
        for table in ("audience_triggered", "audience_mass", "permission_now")
    )
    both = (triggered, mass)
    return [
        _audience("triggered", triggered),
        _audience("mass", mass),
        Check(
            name="messages_in_both_audiences",
            rules=(no_rows("{n} messages are in both audiences"),),
            files=both,
            query=IN_BOTH,
        ),
        Check(
            name="marketing_without_permission",
            rules=(no_rows("{n} marketing messages would go out without a permission"),),
            files=(*both, permission_now),
            query=WITHOUT_PERMISSION,
        ),
        Check(
            name="people_with_two_marketing_messages",
            rules=(no_rows("{n} people would get two marketing messages or more"),),
            files=both,
            query=TWICE,
        ),
    ]


def _audience(kind: str, path: str) -> Check:
    return Check(
        name=f"audience_{kind}",
        rules=(
            *key("message_key"),
            not_null("person_id"),
            not_null("address"),
            not_null("address_node"),
            not_null("verdict"),
            one_of("verdict", VERDICTS),
            not_null("channel"),
            one_of("channel", CHANNELS),
            not_null("purpose"),
            one_of("purpose", PURPOSES),
            not_null("kind"),
            one_of("kind", {kind}),
        ),
        files=(path,),
        query=AUDIENCE,
    )
