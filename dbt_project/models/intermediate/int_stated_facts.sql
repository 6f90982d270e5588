{{ config(materialized="view") }}

with

statements as (
    select * from {{ ref("int_statements") }}
    where source not in ('search', 'download')
),

-- One event may say several things: how a call ended, and what was answered in it.
words as (
    select
        *,
        choice as word,
        false as is_result
    from statements
    where choice is not null
    union all
    select
        *,
        call_result as word,
        true as is_result
    from statements
    where call_result is not null
),

read as (
    select
        *,
        case
            when word in ('not_by_email', 'not_by_phone', 'not_by_post') then substr(word, 8)
            when topic in ('email', 'phone', 'post') then topic
        end as channel
    from words
),

facts as (
    select
        said_key,
        person_id,
        source_id,
        case
            when channel is not null then 'contact'
            when topic = 'frequency' then 'frequency'
            when has_topic and word in ('interested', 'not_interested') then 'interest'
            when is_result then 'outcome'
            else 'opinion'
        end as fact,
        case
            when channel is not null then channel
            when topic = 'frequency' then 'newsletter'
            else topic
        end as topic,
        case when channel is null and topic <> 'frequency' then product_key end as product_key,
        case when word like 'not_by_%' then 'not_interested' else word end as value,
        said_at,
        known_at
    from read
    union all
    select
        said_key,
        person_id,
        source_id,
        'rating' as fact,
        topic,
        product_key,
        cast(rating as {{ dbt.type_string() }}) as value,
        said_at,
        known_at
    from statements
    where rating is not null
),

final as (
    select
        person_id,
        topic,
        product_key,
        fact,
        'said' as kind,
        value,
        source_id,
        said_at,
        known_at,
        -- Of two statements of the same moment the refusal counts.
        concat(case when value = 'not_interested' then '0' else '1' end, said_key, value) as tie
    from facts
)

select * from final
