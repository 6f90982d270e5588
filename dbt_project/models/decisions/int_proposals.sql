{{ config(materialized="view") }}

{% set programmes = [
    "abandoned_browse",
    "abandoned_cart",
    "advisor_call",
    "back_in_stock",
    "benefit_by_stage",
    "bought_in_store",
    "campaign_response",
    "content_download",
    "content_nurture",
    "meeting_invitation",
    "new_collection_by_affinity",
    "newsletter",
    "price_drop",
    "reactivation",
    "replenishment",
    "seasonal_to_engaged",
    "upgrade_call",
    "welcome",
    "win_back",
] %}

with

proposed as (
    {% for programme in programmes %}
    select * from {{ ref(programme) }}
    {{ "union all" if not loop.last }}
    {% endfor %}
),

programmes as (
    select * from {{ ref("programmes") }}
    where enabled
),

channels as (
    select * from {{ ref("channels") }}
),

people as (
    select * from {{ ref("people") }}
),

final as (
    select
        p.*,
        g.kind,
        g.purpose,
        g.channel,
        g.destination,
        g.similar_products,
        h.address_type,
        h.permission_channel,
        case when g.one_per_account then w.account_id end as account_id
    from proposed as p
    inner join programmes as g on p.programme = g.programme
    inner join channels as h on g.channel = h.channel
    left join people as w on p.person_id = w.person_id
)

select * from final
