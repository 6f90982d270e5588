-- The floor: what a careful engineer would write by hand for DuckDB alone, one connection, no
-- framework, no history kept: from the lake's files straight to the public tables that the first
-- full build gives. Each payload is parsed once, each intermediate is as narrow as it can be.
-- Frozen: `floor.sha256` holds what it gives; the outputs of Parley's models must equal it.
-- Variables: as_of (timestamp), seeds (folder), and a list of files for each stream read.
-- `floor.py` runs it, and repeats the part between the two marks until nothing changes.

create or replace temp macro moment(t) as make_timestamp(epoch_us(try_cast(t as timestamptz)));
create or replace temp macro text(t) as nullif(trim(t), '');
create or replace temp macro minor(t) as cast(round(try_cast(t as decimal(18, 6)) * 100) as bigint);
create or replace temp macro event_key(id, moment_at) as md5(concat('web|', id, '|', cast(moment_at as date)));
create or replace temp macro user_node(id) as case when id is not null then md5(concat('user_id|main|', id)) end;
create or replace temp macro card_node(id) as case when id is not null then md5(concat('loyalty_card|main|', id)) end;

create temp table blocked as
select identifier_type, coalesce(value, 'null') as value
from read_csv(concat(getvariable('seeds'), '/blocked_identifiers.csv'), all_varchar = true);
create temp table limits as
select node_type, other_type, cast(max_links as integer) as max_links
from read_csv(concat(getvariable('seeds'), '/identity_limits.csv'), all_varchar = true);
create temp table rates as
select currency, cast(rate as numeric(18, 6)) as rate
from read_csv(concat(getvariable('seeds'), '/currency_rates.csv'), all_varchar = true);
create temp table weights as
select
    weights_version, goal, cast(horizon_days as integer) as horizon_days, signal,
    cast(half_life_days as integer) as half_life_days, cast(weight as numeric(18, 6)) as weight
from read_csv(concat(getvariable('seeds'), '/intent_weights.csv'), all_varchar = true);

create temp table identifiers as
select j.type as type, trim(j.raw) as raw, j.node_id as node_id, lower(j.is_valid) = 'true' as is_valid
from (
    select *, try(json_transform(payload, '{"type":"VARCHAR","raw":"VARCHAR","node_id":"VARCHAR","is_valid":"VARCHAR"}')) as j
    from read_parquet(getvariable('identifiers'))
)
where j.type is not null and j.raw is not null
qualify row_number() over (
    partition by j.type, trim(j.raw) order by landed_at desc, record_at desc nulls last, batch_id desc, seq desc
) = 1;

-- ------------------------------------------------------------------------------------ the web

create temp table parsed as
with
records as (
    select
        record_key, batch_id, seq, landed_at,
        try(json_transform(payload, '{
            "type":"VARCHAR","event":"VARCHAR","messageId":"VARCHAR","anonymousId":"VARCHAR","userId":"VARCHAR",
            "originalTimestamp":"VARCHAR","timestamp":"VARCHAR","sentAt":"VARCHAR","receivedAt":"VARCHAR",
            "properties":{"product_id":"VARCHAR","category":"VARCHAR","cart_id":"VARCHAR","order_id":"VARCHAR",
                "price":"VARCHAR","quantity":"VARCHAR","total":"VARCHAR","value":"VARCHAR","currency":"VARCHAR",
                "email":"VARCHAR","phone":"VARCHAR","channel":"VARCHAR","state":"VARCHAR","topic":"VARCHAR","answer":"VARCHAR"},
            "traits":{"email":"VARCHAR","phone":"VARCHAR"},
            "context":{"userAgent":"VARCHAR","page":{"url":"VARCHAR"},"campaign":{"name":"VARCHAR"},
                "traits":{"email":"VARCHAR","phone":"VARCHAR"}}}')) as j
    from read_parquet(getvariable('events'))
),
clocked as (
    select
        *, moment(j.originalTimestamp) as original_at, moment(j.receivedAt) as received_at,
        moment(j.timestamp) as stamped_at, moment(j.sentAt) as sent_at
    from records
),
corrected as (
    select
        *,
        least(
            coalesce(
                make_timestamp_ms(epoch_ms(received_at) - (epoch_ms(sent_at) - epoch_ms(original_at))),
                stamped_at, original_at, received_at
            ),
            coalesce(received_at, landed_at)
        ) as occurred_at
    from clocked
)
select
    coalesce(text(j.messageId), record_key) as message_id,
    batch_id, seq, landed_at, occurred_at,
    text(j.anonymousId) as device, text(j.userId) as user_id,
    case j.type
        when 'page' then 'Page Viewed' when 'screen' then 'Screen Viewed' when 'identify' then 'Identified'
        when 'alias' then 'Aliased' when 'group' then 'Grouped' else j.event
    end as event,
    j.properties.product_id as product_id, lower(j.properties.category) as category,
    nullif(j.properties.cart_id, '') as cart_id, nullif(j.properties.order_id, '') as order_id,
    minor(j.properties.price) as price_minor, try_cast(j.properties.quantity as bigint) as quantity,
    minor(coalesce(j.properties.total, j.properties.value)) as value_minor, upper(j.properties.currency) as currency,
    text(coalesce(j.traits.email, j.properties.email, j.context.traits.email)) as email,
    text(coalesce(j.traits.phone, j.properties.phone, j.context.traits.phone)) as phone,
    lower(j.properties.channel) as channel, lower(j.properties.state) as state,
    lower(j.properties.topic) as topic, lower(j.properties.answer) as answer,
    split_part(split_part(j.context.page.url, '?', 1), '#', 1) as url, j.context.campaign.name as campaign,
    coalesce(contains(lower(j.context.userAgent), 'bot') or contains(lower(j.context.userAgent), 'spider'), false) as is_bot,
    coalesce(j.type, '') in ('track', 'page', 'screen', 'identify', 'alias', 'group')
    and (j.anonymousId is not null or j.userId is not null)
    and (j.type <> 'track' or j.event is not null)
    and coalesce(received_at, stamped_at, original_at) is not null
    and occurred_at >= timestamp '2000-01-01' as is_event
from corrected;

-- Not a filter above: that would be pushed below the parsing and repeat it for each condition.
delete from parsed where is_event is not true;

-- A message again within three days: all but the copy known first. Few messages have copies.
delete from parsed
where rowid in (
    with copies as (
        select
            rowid as position, message_id, epoch_ms(occurred_at) as millis,
            row_number() over (partition by message_id order by landed_at, batch_id, seq) as copy
        from parsed
        where message_id in (select message_id from parsed group by message_id having count(*) > 1)
    )
    select c.position
    from copies as c
    inner join copies as o
        on c.message_id = o.message_id and c.copy > o.copy and abs(c.millis - o.millis) <= 3 * 86400000
);
update parsed set device = null where lower(device) in (select value from blocked where identifier_type = 'device');
update parsed set user_id = null where lower(user_id) in (select value from blocked where identifier_type = 'user_id');

create table web_events as
with
-- Windows over three columns; the wide rows come back by their position.
visits as (
    select
        rowid as position, occurred_at,
        case when device is not null then concat('d', device) when user_id is not null then concat('u', user_id) else concat('e', event_key(message_id, occurred_at)) end as visitor
    from parsed
),
flagged as (
    select *, lag(occurred_at) over (partition by visitor order by occurred_at) as before_at
    from visits
),
-- The last start so far is the last one of three days, unless it is older than that.
started as (
    select
        position, occurred_at,
        max(case when before_at >= occurred_at - interval '30 minutes' then null else occurred_at end)
            over (partition by visitor order by occurred_at rows unbounded preceding) as last_start_at
    from flagged
),
placed as (
    select
        p.*,
        case when p.device is not null then md5(concat('device|web|', p.device)) end as device_node,
        user_node(p.user_id) as user_node,
        event_key(p.message_id, p.occurred_at) as event_key,
        case
            when s.last_start_at >= s.occurred_at - interval '3 days' then s.last_start_at else date_trunc('day', s.occurred_at)
        end as session_started_at
    from parsed as p
    inner join started as s on p.rowid = s.position
)
select
    event_key, coalesce(user_node, device_node) as node_id, 'web' as source_id, event, occurred_at,
    cast(occurred_at as date) as occurred_on,
    md5(concat(coalesce(device_node, user_node, event_key), '|', epoch_ms(session_started_at))) as session_id,
    session_started_at, product_id, category, cart_id, order_id, value_minor, currency, url, campaign, is_bot,
    landed_at as known_at
from placed;

create table sessions as
select
    session_id,
    max_by(node_id, row(epoch_ms(occurred_at), event_key)) as node_id,
    'web' as source_id, min(session_started_at) as started_at, max(occurred_at) as ended_at,
    cast(min(session_started_at) as date) as started_on, count(*) as events,
    count(*) filter (where event = 'Product Viewed') as product_views,
    bool_or(event = 'Order Completed') as has_order, max(campaign) as campaign, bool_or(is_bot) as is_bot
from web_events
group by session_id;

-- ----------------------------------------------------------------------------------- the shop

create temp table customers as
select
    user_node(case when lower(j.customer_id) not in (select value from blocked where identifier_type = 'user_id') then j.customer_id end) as user_node,
    e.node_id as email_node, p.node_id as phone_node, card_node(text(j.loyalty_card)) as card_node,
    j.customer_id as customer_id, moment(j.created_at) as created_at, c.landed_at,
    row_number() over (
        partition by c.record_key order by c.landed_at desc, c.record_at desc nulls last, c.batch_id desc, c.seq desc
    ) = 1 and c.op = 'upsert' as is_current
from (
    select *, try(json_transform(payload, '{"customer_id":"VARCHAR","email":"VARCHAR","phone":"VARCHAR","loyalty_card":"VARCHAR","created_at":"VARCHAR"}')) as j
    from read_parquet(getvariable('customers'))
) as c
left join identifiers as e on text(j.email) = e.raw and e.type = 'email'
left join identifiers as p on text(j.phone) = p.raw and p.type = 'phone'
where op = 'delete' or j.customer_id is not null;

create temp table shop_orders as
with versions as (
    select
        *, least(moment(j.ordered_at), landed_at) as ordered_at,
        try_cast(j.amount_minor as bigint) as amount_minor, lower(j.channel) as channel, upper(j.currency) as currency
    from (
        select *, try(json_transform(payload, '{"order_id":"VARCHAR","customer_id":"VARCHAR","email":"VARCHAR","loyalty_card":"VARCHAR",
            "channel":"VARCHAR","store":"VARCHAR","status":"VARCHAR","currency":"VARCHAR","amount_minor":"VARCHAR",
            "discount_minor":"VARCHAR","refund_minor":"VARCHAR","cart_id":"VARCHAR","ordered_at":"VARCHAR"}')) as j
        from read_parquet(getvariable('orders'))
    )
    where
        op = 'delete' or (
            j.order_id is not null and moment(j.ordered_at) <= landed_at + interval '1 day'
            and try_cast(j.amount_minor as bigint) >= 0 and lower(j.channel) in ('web', 'shop', 'call') and length(j.currency) = 3
        )
    qualify row_number() over (partition by record_key order by landed_at desc, record_at desc nulls last, batch_id desc, seq desc) = 1
)
select
    md5(concat('shop|', j.order_id)) as order_key, j.order_id as order_id,
    user_node(case when lower(text(j.customer_id)) not in (select value from blocked where identifier_type = 'user_id') then text(j.customer_id) end) as user_node,
    card_node(text(j.loyalty_card)) as card_node, e.node_id as email_node, text(j.cart_id) as cart_id, channel, j.store as store,
    lower(j.status) as status, currency, amount_minor, coalesce(try_cast(j.refund_minor as bigint), 0) as refund_minor,
    coalesce(try_cast(j.discount_minor as bigint), 0) as discount_minor, ordered_at, landed_at as known_at
from versions
left join identifiers as e on text(j.email) = e.raw and e.type = 'email'
where op = 'upsert';

create table orders as
select
    order_key, 'shop' as source_id, order_id, coalesce(user_node, card_node, email_node) as node_id, ordered_at, channel, store,
    status, amount_minor, o.currency, cast(round(amount_minor * r.rate) as bigint) as amount_reporting_minor, refund_minor,
    discount_minor, cart_id, known_at
from shop_orders as o
left join rates as r on o.currency = r.currency;

create table order_lines as
with versions as (
    select *
    from (
        select *, try(json_transform(payload, '{"line_id":"VARCHAR","order_id":"VARCHAR","product_id":"VARCHAR","quantity":"VARCHAR",
            "price_minor":"VARCHAR","amount_minor":"VARCHAR","currency":"VARCHAR"}')) as j
        from read_parquet(getvariable('order_lines'))
    )
    where
        op = 'delete' or (
            j.line_id is not null and j.order_id is not null
            and try_cast(j.quantity as bigint) is not null and try_cast(j.amount_minor as bigint) is not null
        )
    qualify row_number() over (partition by record_key order by landed_at desc, record_at desc nulls last, batch_id desc, seq desc) = 1
)
select
    md5(concat('shop|', j.line_id)) as order_line_key, o.order_key, 'shop' as source_id, j.line_id as line_id,
    md5(concat('shop|', j.product_id)) as product_key, j.product_id as product_id, o.node_id, o.ordered_at,
    try_cast(j.quantity as bigint) as quantity, try_cast(j.price_minor as bigint) as price_minor,
    try_cast(j.amount_minor as bigint) as amount_minor, upper(j.currency) as currency,
    cast(round(try_cast(j.amount_minor as bigint) * r.rate) as bigint) as amount_reporting_minor
from versions as l
inner join orders as o on j.order_id = o.order_id
left join rates as r on upper(j.currency) = r.currency
where op = 'upsert';

create table carts as
with
told as (
    select * from parsed where cart_id is not null and not is_bot
),
lines as (
    select
        cart_id, product_id,
        greatest(sum(case event when 'Product Added' then coalesce(quantity, 1) else -coalesce(quantity, 1) end), 0) as quantity,
        max_by(price_minor, row(epoch_ms(occurred_at), event_key(message_id, occurred_at))) as price_minor
    from told
    where event in ('Product Added', 'Product Removed') and product_id is not null
    group by cart_id, product_id
),
contents as (
    select
        cart_id, count(*) as lines, cast(sum(quantity * coalesce(price_minor, 0)) as bigint) as value_minor,
        array_to_string(list(product_id order by quantity * coalesce(price_minor, 0) desc, product_id)[1:3], ', ') as top_product_ids
    from lines
    where quantity > 0
    group by cart_id
),
kept as (
    select
        cart_id, coalesce(max(user_node(user_id)), min(case when device is not null then md5(concat('device|web|', device)) end)) as node_id,
        max(currency) as currency, min(occurred_at) as started_at, max(occurred_at) as changed_at,
        min(case when event = 'Order Completed' then occurred_at end) as completed_at
    from told
    group by cart_id
),
ordered as (
    select cart_id, min(ordered_at) as ordered_at from shop_orders where cart_id is not null group by cart_id
),
joined as (
    select
        k.*, coalesce(k.completed_at, o.ordered_at) as ordered_at, coalesce(c.lines, 0) as lines,
        coalesce(c.value_minor, 0) as value_minor, c.top_product_ids
    from kept as k
    left join contents as c on k.cart_id = c.cart_id
    left join ordered as o on k.cart_id = o.cart_id
)
select
    md5(concat('main|', cart_id)) as cart_key, 'web' as source_id, 'main' as id_space, cart_id, node_id,
    case
        when ordered_at is not null then 'ordered' when lines = 0 then 'emptied'
        when changed_at <= getvariable('as_of') - interval '1 hour' then 'abandoned' else 'open'
    end as state,
    started_at, changed_at, ordered_at, lines, value_minor, currency, top_product_ids
from joined;

-- ----------------------------------------------------------------------------------- identity

create temp table links as
with
-- Few people by many events: the hashes are made of what is left.
seen as (
    select device, user_id, email, phone, min(occurred_at) as first_at, min(landed_at) as known_at
    from parsed
    where not is_bot
    group by device, user_id, email, phone
),
web as (
    select
        case when s.device is not null then md5(concat('device|web|', s.device)) end as device, user_node(s.user_id) as who,
        e.node_id as email, p.node_id as phone, s.first_at, s.known_at
    from seen as s
    left join identifiers as e on s.email = e.raw and e.type = 'email'
    left join identifiers as p on s.phone = p.raw and p.type = 'phone'
),
said as (
    select
        case when p.event = 'Survey Answered' then case when p.topic = 'phone' then 'call' else 'email' end else coalesce(p.channel, 'email') end as channel,
        case when p.event = 'Permission Updated' then p.state else 'withdrawn' end as state,
        p.email, p.phone, user_node(p.user_id) as who, p.occurred_at, p.landed_at
    from parsed as p
    where
        p.event in ('Permission Updated', 'Unsubscribed')
        or (p.event = 'Survey Answered' and p.topic in ('email', 'phone') and p.answer = 'not_interested')
),
declared as (
    select
        case when s.channel = 'call' then 'phone' else 'email' end as type,
        case
            when s.channel = 'call' then coalesce(p.node_id, c.phone_node)
            when s.state = 'withdrawn' then coalesce(e.node_id, c.email_node) else e.node_id
        end as node, s.who, s.occurred_at as seen_at, s.landed_at as known_at, s.state
    from said as s
    left join identifiers as e on s.email = e.raw and e.type = 'email'
    left join identifiers as p on s.phone = p.raw and p.type = 'phone'
    left join (select * from customers where is_current) as c on s.who = c.user_node
    union all
    select
        case when lower(j.channel) = 'call' then 'phone' else 'email' end as type,
        case
            when lower(j.channel) = 'call' then coalesce(p.node_id, case when lower(j.state) = 'withdrawn' then u.phone_node end)
            else coalesce(e.node_id, case when lower(j.state) = 'withdrawn' then u.email_node end)
        end as node,
        user_node(case when lower(j.customer_id) not in (select value from blocked where identifier_type = 'user_id') then j.customer_id end) as who,
        moment(j.given_at) as seen_at, c.landed_at as known_at, lower(j.state) as state
    from (
        select *, try(json_transform(payload, '{"consent_id":"VARCHAR","customer_id":"VARCHAR","email":"VARCHAR","phone":"VARCHAR",
            "channel":"VARCHAR","purpose":"VARCHAR","state":"VARCHAR","given_at":"VARCHAR"}')) as j
        from read_parquet(getvariable('consents'))
    ) as c
    left join identifiers as e on text(j.email) = e.raw and e.type = 'email' and e.is_valid
    left join identifiers as p on text(j.phone) = p.raw and p.type = 'phone' and p.is_valid
    left join (select * from customers where is_current) as u on j.customer_id = u.customer_id
    where
        c.op = 'upsert' and j.consent_id is not null and moment(j.given_at) is not null and j.purpose is not null
        and lower(j.channel) in ('email', 'call')
        and ((j.customer_id is not null and lower(j.state) = 'withdrawn') or text(case when lower(j.channel) = 'call' then j.phone else j.email end) is not null)
),
ends as (
    select 'device' as node_type, device as node_id, 'user_id' as other_type, who as other_id, first_at as seen_at, known_at from web
    union all select 'device', device, 'email', email, first_at, known_at from web where email is not null
    union all select 'user_id', who, 'email', email, first_at, known_at from web
    union all select 'user_id', who, 'phone', phone, first_at, known_at from web where phone is not null
    union all select 'email', email, 'phone', phone, first_at, known_at from web where phone is not null
    union all select 'user_id', user_node, 'email', email_node, created_at, landed_at from customers
    union all select 'user_id', user_node, 'phone', phone_node, created_at, landed_at from customers
    union all select 'user_id', user_node, 'loyalty_card', card_node, created_at, landed_at from customers
    union all select 'user_id', user_node, 'email', email_node, ordered_at, known_at from shop_orders
    union all select 'user_id', user_node, 'loyalty_card', card_node, ordered_at, known_at from shop_orders
    union all select 'loyalty_card', card_node, 'email', email_node, ordered_at, known_at from shop_orders
    union all select 'email', email_node, 'user_id', user_node, ordered_at, known_at from shop_orders
    union all select type, node, 'user_id', who, seen_at, known_at from declared where state in ('granted', 'withdrawn')
)
select node_type, node_id, other_type, other_id, min(seen_at) as first_at, min(known_at) as known_at
from ends
where node_id is not null
group by node_type, node_id, other_type, other_id;

create temp table nodes as
select node_id, min(node_type) as node_type, min(first_at) as first_at, min(known_at) as known_at
from (
    select node_id, node_type, first_at, known_at from links
    union all
    select other_id, other_type, first_at, known_at from links where other_id is not null
)
group by node_id;

create temp table edges as
with
directed as (
    select node_id, node_type, other_id, other_type from links where other_id is not null
    union
    select other_id, other_type, node_id, node_type from links where other_id is not null
),
shared as (
    select c.node_id, c.node_type, c.other_type
    from (select node_id, other_type, min(node_type) as node_type, count(*) as links from directed group by node_id, other_type) as c
    inner join limits as l on c.node_type = l.node_type and c.other_type = l.other_type
    where c.links > l.max_links
)
select d.node_id, d.other_id
from directed as d
where
    not exists (select 1 from shared as s where s.node_id = d.node_id and (s.node_type <> 'user_id' or s.other_type = d.other_type))
    and not exists (select 1 from shared as t where t.node_id = d.other_id and (t.node_type <> 'user_id' or t.other_type = d.node_type));

create temp table labels as
select node_id, least(node_id, min(other_id)) as label from edges group by node_id;

-- until settled: each takes its neighbours' least label, then its label's label

create or replace temp table offered as
with taken as (
    select e.node_id, min(o.label) as label
    from edges as e
    inner join labels as o on e.other_id = o.node_id
    group by e.node_id
),
least_of as (
    select l.node_id, least(l.label, t.label) as label, l.label as before
    from labels as l
    inner join taken as t on l.node_id = t.node_id
)
select a.node_id, least(a.label, b.label) as label, a.before
from least_of as a
inner join least_of as b on a.label = b.node_id;
create or replace temp table labels as select node_id, label from offered;
select count(*) from offered where label <> before;

-- settled

create table people_nodes as
with named as (
    select
        n.node_id, n.node_type, n.first_at,
        first_value(n.node_id) over (
            partition by coalesce(l.label, n.node_id) order by n.known_at, n.first_at nulls last, n.node_id
        ) as first_node
    from nodes as n
    left join labels as l on n.node_id = l.node_id
)
select
    node_id, md5(concat('person|', first_node)) as person_id, node_type, first_at as since, cast(null as timestamp) as until
from named;

-- ------------------------------------------------------------------------------------- intent

create temp table signal_days as
with
signals as (
    select
        node_id, occurred_on, true as is_counted,
        case event
            when 'Product Viewed' then 'product_view' when 'Product Added' then 'cart_addition'
            when 'Checkout Started' then 'checkout' when 'Products Searched' then 'search'
            else 'download'
        end as signal
    from web_events
    where
        not is_bot and node_id is not null and occurred_at <= getvariable('as_of')
        and event in ('Product Viewed', 'Product Added', 'Checkout Started', 'Products Searched', 'Content Downloaded')
    union all
    select node_id, cast(ordered_at as date), false, 'purchase_day'
    from orders
    where
        node_id is not null and ordered_at <= getvariable('as_of')
        and coalesce(status, '') not in ('pending', 'cancelled', 'canceled', 'failed', 'trash')
)
select n.person_id, s.node_id, s.signal, s.occurred_on, case when bool_or(s.is_counted) then count(*) else 1 end as amount
from signals as s
inner join people_nodes as n on s.node_id = n.node_id
group by n.person_id, s.node_id, s.signal, s.occurred_on;

create table intent_scores as
with
-- Decimals, rounded where Parley rounds: written up to the start of an era of ten half-lives, summed,
-- written down to the day.
numbered as (
    select
        d.*, w.goal, w.half_life_days as h, w.weight,
        date_diff('day', date '1970-01-01', d.occurred_on) as day,
        date_diff('day', date '1970-01-01', cast(getvariable('as_of') as date)) as today
    from signal_days as d
    inner join weights as w on d.signal = w.signal
    where w.goal = 'buy'
),
eras as (
    select
        person_id, node_id, signal, h, weight, today, cast(floor(day / (10.0 * h)) as bigint) as era,
        sum(cast(round(amount * power(2.0, (day - cast(floor(day / (10.0 * h)) as bigint) * 10 * h) * 1.0 / h), 6) as numeric(28, 6))) as amount
    from numbered
    group by all
),
decayed as (
    select person_id, signal, h, weight, sum(cast(round(amount * power(2.0, (era * 10 * h - today) * 1.0 / h), 6) as numeric(18, 6))) as decayed
    from eras
    group by all
),
shares as (
    select
        person_id, signal,
        sum(cast(round(weight * cast(round(ln(1 + decayed), 6) as numeric(18, 6)), 6) as numeric(18, 6))) as share
    from decayed
    where decayed > 0
    group by person_id, signal
),
summed as (
    select
        person_id, sum(share) as logit,
        array_to_string(list(concat('"', signal, '": ', cast(share as varchar)) order by signal), ', ') as contributions
    from shares
    group by person_id
),
views as (
    select person_id, sum(amount) as views
    from signal_days
    where signal = 'product_view' and occurred_on >= cast(getvariable('as_of') - interval '14 days' as date)
    group by person_id
),
bought as (
    select n.person_id, max(o.ordered_at) as last_order_at
    from orders as o
    inner join people_nodes as n on o.node_id = n.node_id
    where coalesce(o.status, '') not in ('pending', 'cancelled', 'canceled', 'failed', 'trash')
    group by n.person_id
),
left_carts as (
    select n.person_id, max(c.changed_at) as changed_at
    from carts as c
    inner join people_nodes as n on c.node_id = n.node_id
    where c.state in ('open', 'abandoned')
    group by n.person_id
),
visitors as (
    select distinct n.person_id
    from sessions as s
    inner join people_nodes as n on s.node_id = n.node_id
    where not s.is_bot
)
select
    p.person_id, i.goal, i.horizon_days, cast(1 / (1 + exp(-(i.weight + coalesce(s.logit, 0)))) as numeric(9, 6)) as probability,
    case
        when c.changed_at >= getvariable('as_of') - interval '7 days' and (b.last_order_at is null or c.changed_at > b.last_order_at) then 'deciding'
        when v.views >= 3 then 'considering'
        when cast(b.last_order_at as date) >= cast(getvariable('as_of') - interval '180 days' as date) then 'customer'
        when b.last_order_at is not null then 'lapsed'
        when w.person_id is not null then 'aware'
        else 'unaware'
    end as stage,
    concat('{"intercept": ', i.weight, case when s.contributions is not null then concat(', ', s.contributions) else '' end, '}') as contributions,
    i.weights_version
from (select distinct person_id from people_nodes) as p
inner join weights as i on i.goal = 'buy' and i.signal = 'intercept'
left join summed as s on p.person_id = s.person_id
left join bought as b on p.person_id = b.person_id
left join left_carts as c on p.person_id = c.person_id
left join views as v on p.person_id = v.person_id
left join visitors as w on p.person_id = w.person_id;
