{{ config(
    materialized=by_key(), incremental_strategy="delete+insert", unique_key="node_id",
    pre_hook="{{ forget_unused_pairs() }}", post_hook="{{ emptied(ref('int_signal_changes')) }}",
) }}

with

pairs as (
    select distinct
        signal,
        half_life_days
    from {{ ref("int_weights") }}
    where signal <> 'intercept'
),

{% if is_incremental() %}
held as (
    select * from {{ this }}
),

-- A node of no name says which pairs are kept: of these the changes are enough.
kept as (
    select p.*
    from pairs as p
    inner join held as h on p.signal = h.signal and p.half_life_days = h.half_life_days
    where h.node_id = ''
),

added as (
    select p.*
    from pairs as p
    left join kept as k on p.signal = k.signal and p.half_life_days = k.half_life_days
    where k.signal is null
),

rows_of_pairs as (
    {% for relation, pairs in [("int_signal_changes", "kept"), ("int_signal_days", "added")] %}
    {% if relation == "int_signal_changes" or has_new_pairs() %}
    {{ "union all" if not loop.first }}
    select
        r.node_id,
        r.signal,
        r.topic,
        r.occurred_on,
        r.amount,
        p.half_life_days
    from {{ ref(relation) }} as r
    inner join {{ pairs }} as p on r.signal = p.signal
    {% endif %}
    {% endfor %}
),
{% else %}
rows_of_pairs as (
    select
        d.*,
        p.half_life_days
    from {{ ref("int_signal_days") }} as d
    inner join pairs as p on d.signal = p.signal
),
{% endif %}

parts as (
    select
        node_id,
        signal,
        topic,
        half_life_days,
        {{ era_of("occurred_on", "half_life_days") }} as era,
        {{ written_up("amount", "occurred_on", "half_life_days") }} as amount
    from rows_of_pairs
    union all
    select
        '' as node_id,
        signal,
        '' as topic,
        half_life_days,
        0 as era,
        0 as amount
    from pairs
    {% if is_incremental() %}
    union all
    select *
    from held
    where node_id in (select r.node_id from rows_of_pairs as r)
    {% endif %}
),

final as (
    select
        node_id,
        signal,
        topic,
        half_life_days,
        era,
        cast(sum(amount) as numeric(38, 6)) as amount
    from parts
    group by node_id, signal, topic, half_life_days, era
)

select * from final
