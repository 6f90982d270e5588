{# Scores of people about topics, as a query: person_id, topic, goal, horizon_days, probability,
   contributions (JSON), weights_version. `terms` is a relation with the columns of category_terms, of
   one moment, in which the intercept has a row like any signal; `weights` is int_weights. #}
{% macro topic_scores(terms, weights) -%}
    select
        s.person_id,
        s.topic,
        s.goal,
        i.horizon_days,
        cast(1 / (1 + exp(-sum(s.part))) as numeric(9, 6)) as probability,
        concat('{', {{ ordered_list(
            "concat('\"', s.signal, '\": ', cast(s.part as " ~ dbt.type_string() ~ "))", "s.signal", most=50
        ) }}, '}') as contributions,
        i.weights_version
    from (
        select
            t.person_id,
            t.topic,
            t.goal,
            t.signal,
            sum(cast(round(w.weight * t.term, 6) as numeric(18, 6))) as part
        from {{ terms }} as t
        inner join {{ weights }} as w
            on t.goal = w.goal and t.signal = w.signal and t.half_life_days = w.half_life_days
        group by t.person_id, t.topic, t.goal, t.signal
    ) as s
    inner join {{ weights }} as i on s.goal = i.goal and i.signal = 'intercept'
    group by s.person_id, s.topic, s.goal, i.horizon_days, i.weights_version
{%- endmacro %}
