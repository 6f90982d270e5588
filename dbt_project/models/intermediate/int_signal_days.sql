-- depends_on: {{ ref("int_signal_changes") }}
{{ config(
    materialized="incremental", incremental_strategy=by_day(), partition_by="occurred_on",
    pre_hook=[
        "{{ note_signal_changes(-1, signal_days()) }}",
        "{{ clear_days('occurred_on', signal_days()) }}",
    ],
    post_hook="{{ note_signal_changes(1, signal_days()) }}",
) }}
{% set days = signal_days() %}

with

signals as (
    select * from {{ ref("int_order_signals") }}
    union all
    select * from {{ ref("int_web_signals") }}
),

final as (
    select
        node_id,
        signal,
        topic,
        cast(case when bool_or(is_daily) then max(amount) else sum(amount) end as numeric(18, 6)) as amount,
        occurred_on
    from signals
    where {{ in_days("occurred_on", days) }}
    group by node_id, signal, topic, occurred_on
    {{ in_day_order("occurred_on") }}
)

select * from final
