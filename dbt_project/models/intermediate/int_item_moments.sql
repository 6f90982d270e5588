{{ config(materialized="view") }}

with

-- The earlier one leaves the fourteen whole days before the run's day for its answers.
final as (
    select
        true as is_now,
        {{ day_of(as_of()) }} as on_day,
        {{ day_of(ago(365, "day")) }} as bought_since,
        {{ day_of(ago(180, "day")) }} as baskets_since
    union all
    select
        false as is_now,
        {{ day_of(ago(15, "day")) }} as on_day,
        {{ day_of(ago(380, "day")) }} as bought_since,
        {{ day_of(ago(195, "day")) }} as baskets_since
)

select * from final
