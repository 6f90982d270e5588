-- Guards replays and clocks from the future: an order of the year 2099 made its buyer 'active' for
-- ninety years. Nothing that a run knows happened or was learned after its clock.
{% set moments = [
    ("orders", "ordered_at"), ("orders", "known_at"), ("order_lines", "ordered_at"),
    ("web_events", "occurred_at"), ("web_events", "known_at"), ("sessions", "ended_at"),
    ("carts", "changed_at"), ("permissions", "known_at"), ("permission_now", "since"),
    ("memory", "said_at"), ("memory", "known_at"), ("conversions", "occurred_at"),
    ("crm_contacts", "known_at"), ("deals", "changed_at"), ("deals", "known_at"), ("deals", "closed_at"),
    ("candidates", "occurred_at"),
] %}
{% for model, moment in moments %}
select
    '{{ model }}.{{ moment }}' as moment,
    count(*) as later
from {{ ref(model) }}
where {{ moment }} > {{ as_of() }}
having count(*) > 0
{{ "union all" if not loop.last }}
{% endfor %}
