-- Guards against talking over oneself: a campaign left in the same minute as the answer to a cart.
-- Held messages count, or the holdout would be of other people than the send.
with

planned as (
    select
        person_id,
        message_key,
        purpose
    from {{ ref("audience_triggered") }}
    union all
    select
        person_id,
        message_key,
        purpose
    from {{ ref("audience_mass") }}
)

select
    person_id,
    count(*) as messages
from planned
where purpose = 'marketing'
group by person_id
having count(*) > 1
