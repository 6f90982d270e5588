with

terms as (
    select * from {{ ref("int_campaign_terms") }}
),

weights as (
    select * from {{ ref("int_weights") }}
),

scores as (
    {{ topic_scores("terms", "weights") }}
),

final as (
    select
        person_id,
        topic as campaign_id,
        horizon_days,
        probability,
        contributions,
        weights_version
    from scores
)

select * from final
