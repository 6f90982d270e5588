{{ config(materialized="view") }}

with

final as (
    {{ category_terms(ref("int_person_terms"), ref("int_weights")) }}
)

select * from final
