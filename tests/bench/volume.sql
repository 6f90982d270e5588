-- The volume's world: who is where on a run of days, what they do, and the records that tell of it.
-- Variables: seed, first_day (days since 1970), from_day and to_day (the days to invent, half open),
-- sessions_a_day, people_at_start, people_a_day. All times are milliseconds since 1970, UTC.
-- Every number comes from an MD5 of what it belongs to, so nothing depends on order or engine.

create or replace macro draw(what, id) as md5_number_lower(concat(getvariable('seed'), '/', what, '/', id));
-- One of `n` (at most 4096) equally likely numbers from the k-th (0 to 4) twelve bits of a draw.
create or replace macro die(drawn, k, n) as cast((((drawn >> (12 * k)) & 4095) * n) // 4096 as integer);
create or replace macro uuid_of(what, id) as cast(md5(concat(getvariable('seed'), '/', what, '/', id)) as uuid);
create or replace macro stamp(ms) as strftime(make_timestamp_ms(ms), '%Y-%m-%dT%H:%M:%S.%gZ');
create or replace macro field(name, value) as case when value is null then '' else concat('"', name, '":"', value, '",') end;
create or replace macro email_of(person) as concat(
    ['ada', 'bo', 'carla', 'dev', 'elsa', 'femi', 'grace', 'hugo'][1 + person % 8], '.',
    ['archer', 'baker', 'cooper', 'dyer', 'fisher'][1 + person % 5], person,
    '@example.', ['com', 'org', 'net'][1 + person % 3]
);
-- People write their own address in two ways.
create or replace macro typed(email, number) as case when number % 20 = 0 then upper(email) else email end;

create or replace temp table products as
select
    k,
    cast(20000 + k as varchar) as product_id,
    concat(
        ['Red', 'Blue', 'Vintage', 'Striped', 'Wooden', 'Paper', 'Small', 'Large'][1 + die(d, 0, 8)], ' ',
        ['Kettle', 'Lantern', 'Bunting', 'Mug', 'Clock', 'Cushion', 'Tea Towel', 'Bowl'][1 + die(d, 1, 8)], ' ', k
    ) as name,
    ['kitchen', 'lighting', 'party', 'toys', 'bags', 'garden', 'stationery', 'christmas'][1 + die(d, 2, 8)] as category,
    95 + 5 * die(d, 3, 600) as price_minor,
    -- Some are new enough for a collection of what arrived last.
    (getvariable('first_day') - 300 + k % 300) * 86400000 as created_ms
from (select k, draw('product', k) as d from range(2000) as r (k));

create or replace temp table people as
select
    person,
    cast(10000 + person as varchar) as customer_id,
    email_of(person) as email,
    -- Numbers that the regulator keeps for film and television; families share one.
    case when die(d, 0, 10) = 0 then concat(
        '+44', ['1134960', '1144960', '1164960', '1174960', '1184960', '1214960', '1314960', '1414960'][1 + die(d, 1, 8)],
        lpad(cast(die(d, 2, 1000) as varchar), 3, '0')
    ) end as phone,
    ['GB', 'GB', 'GB', 'GB', 'GB', 'GB', 'DE', 'FR', 'IE', 'US'][1 + die(d, 3, 10)] as country,
    case when die(d, 4, 3) = 0 then concat('LC', 10000000 + person) end as card,
    (getvariable('first_day') + case
        when person < getvariable('people_at_start') then -1
        else (person - getvariable('people_at_start')) // getvariable('people_a_day')
    end) * 86400000 + die(d, 2, 4096) * 8000 as created_ms
from (
    select person, draw('person', person) as d
    from range(
        getvariable('people_at_start') + (getvariable('to_day') - getvariable('first_day')) * getvariable('people_a_day')
    ) as r (person)
);

create or replace temp table sessions as
with drawn as (
    select
        s.day,
        concat(s.day, '-', s.number) as session,
        draw('session', concat(s.day, '-', s.number)) as d,
        draw('visitor', concat(s.day, '-', s.number)) as v
    from (
        select d.day, n.number
        from range(getvariable('from_day'), getvariable('to_day')) as d (day)
        cross join range(getvariable('sessions_a_day')) as n (number)
    ) as s
),

kinds as (
    select
        *,
        case
            when die(d, 0, 1000) < 20 then 'bot'
            when die(d, 0, 1000) < 90 then 'order'
            when die(d, 0, 1000) < 250 then 'cart'
            when die(d, 0, 1000) < 275 then 'content'
            else 'browse'
        end as kind,
        getvariable('people_at_start') + greatest(day - getvariable('first_day'), 0) * getvariable('people_a_day') as pool
    from drawn
),

visitors as (
    select
        *,
        case
            when kind <> 'bot' and die(v, 0, 100) < 55
                then cast(pool * ((v >> 24) % 65536 / 65536.0) * ((v >> 40) % 65536 / 65536.0) as bigint) % pool
        end as person
    from kinds
)

select
    day,
    session,
    kind,
    person,
    d,
    v,
    case kind
        when 'bot' then 20 + die(d, 1, 21)
        when 'order' then 8 + die(d, 1, 9)
        when 'cart' then 6 + die(d, 1, 7)
        when 'content' then 4 + die(d, 1, 3)
        else 2 + die(d, 1, 12)
    end as length,
    case
        when kind = 'bot' then concat('robot-', die(v, 1, 40))
        -- A shop's own tablet, on which many people log in, says nothing about any of them.
        when person is not null and die(v, 1, 500) = 0 then 'tablet-1'
        when person is not null then cast(uuid_of('device', concat(person, '-', die(v, 1, 1 + person % 3))) as varchar)
        else cast(uuid_of('device', session) as varchar)
    end as device,
    person is not null and (kind = 'order' or die(v, 2, 100) < 60) as logs_in,
    day * 86400000 + (die(d, 2, 4096) + die(d, 3, 4096)) * 10546 as start_ms,
    die(d, 4, 10) = 0 and kind <> 'bot' as pauses,
    case when person is null and (kind in ('order', 'content')) then concat('guest.', session, '@example.com') end as guest_email
from visitors;

create or replace temp table acts as
with steps as (
    select
        s.*,
        i,
        draw('act', concat(s.session, '-', i)) as a
    from sessions as s, range(s.length) as r (i)
),

told as (
    select
        *,
        case
            when kind = 'bot' then 'Product Viewed'
            when i = 1 and (logs_in or (guest_email is not null and kind = 'content')) then 'identify'
            when kind = 'order' and i = length - 1 then 'Order Completed'
            when kind = 'order' and i = length - 2 then 'Checkout Started'
            when kind = 'content' and i = length - 1 then 'Content Downloaded'
            when kind = 'content' and i = length - 2 then 'Permission Updated'
            when kind in ('order', 'cart') and i > 2 and i = length // 2 then 'Product Added'
            when kind in ('order', 'cart') and i > length // 2 and die(a, 0, 10) < 6 then 'Product Added'
            when kind = 'cart' and i = length - 1 and die(a, 1, 20) = 0 then 'Survey Answered'
            when i = 0 or die(a, 0, 100) < 35 then 'page'
            when die(a, 0, 100) < 45 then 'Product List Viewed'
            when die(a, 0, 100) < 50 then 'Products Searched'
            else 'Product Viewed'
        end as act,
        -- Some goods sell much better than others.
        cast(floor(2000 * (die(a, 1, 4096) / 4096.0) * (die(a, 2, 4096) / 4096.0)) as integer) as k,
        1 + die(a, 3, 4) as quantity,
        start_ms + i * case when kind = 'bot' then 1500000 else 45000 end + die(a, 4, 4096) * 10
            + case when pauses and i >= length // 2 then 2700000 else 0 end as at_ms,
        draw('way', concat(session, '-', i)) as w
    from steps
)

select
    t.*,
    p.product_id,
    p.name,
    p.category,
    p.price_minor,
    -- One in two hundred arrives late, by up to three days.
    t.at_ms + 120 + die(t.w, 0, 4000)
        + case when die(t.w, 1, 200) = 0 then 60000 + die(t.w, 2, 4096) * 61000 else 0 end as received_ms,
    -- The clocks of some devices are hours off.
    case when (t.v >> 60) = 0 and t.kind <> 'bot' then (die(t.v, 4, 12) - 6) * 3600000 else 0 end as skew_ms
from told as t
inner join products as p on t.k = p.k;

create or replace temp table baskets as
select
    session,
    sum(quantity * price_minor) as amount_minor
from acts
where act = 'Product Added' and kind = 'order'
group by session;

create or replace temp view calls as
select
    c.*,
    case when c.kind in ('order', 'cart') then concat('c', c.session) end as cart_id,
    case when c.person is not null and c.logs_in and c.i >= 1 then cast(10000 + c.person as varchar) end as user_id,
    coalesce(c.guest_email, typed(email_of(c.person), c.i + c.person)) as email,
    b.amount_minor,
    case c.act
        when 'page' then '/' when 'Product List Viewed' then concat('/collections/', c.category)
        when 'Products Searched' then concat('/search?q=', c.category)
        when 'Checkout Started' then '/checkout' when 'Order Completed' then '/checkout/thank-you'
        else concat('/products/', lower(replace(c.name, ' ', '-')))
    end as path
from acts as c
left join baskets as b on c.session = b.session;

create or replace macro product_of(product_id, name, category, price_minor) as concat(
    '"product_id":"', product_id, '","name":"', name, '","category":"', category, '","price":',
    price_minor // 100, '.', lpad(cast(price_minor % 100 as varchar), 2, '0'), ',"currency":"GBP"'
);

create or replace temp view bodies as
select
    *,
    case act
        when 'page' then concat('"type":"page","name":"', name, '","properties":{"path":"', path, '","title":"', name, '","url":"https://shop.example.com', path, '"}')
        when 'identify' then concat('"type":"identify","traits":{', case when user_id is null then '' else '"firstName":"Ada","lastName":"Archer",' end, '"email":"', email, '"}')
        when 'Product List Viewed' then concat('"type":"track","event":"Product List Viewed","properties":{"list_id":"list-', category, '","category":"', category, '"}')
        when 'Products Searched' then concat('"type":"track","event":"Products Searched","properties":{"query":"', category, '"}')
        when 'Content Downloaded' then concat('"type":"track","event":"Content Downloaded","properties":{"download_id":"d', session, '","content_id":"guide-', category, '","title":"Guide to ', category, '","topic":"', category, '","email":"', email, '"}')
        when 'Permission Updated' then concat('"type":"track","event":"Permission Updated","properties":{"channel":"email","purpose":"marketing","state":"granted","legal_basis":"consent","proof":"newsletter form v2","email":"', email, '"}')
        when 'Survey Answered' then concat('"type":"track","event":"Survey Answered","properties":{"response_id":"r', session, '","topic":"', category, '","answer":"', case when k % 2 = 0 then 'interested' else 'not_interested' end, '"}')
        when 'Checkout Started' then concat('"type":"track","event":"Checkout Started","properties":{"cart_id":"', cart_id, '",', field('email', guest_email), '"value":', amount_minor / 100.0, ',"currency":"GBP"}')
        when 'Order Completed' then concat('"type":"track","event":"Order Completed","properties":{"order_id":"w', session, '","cart_id":"', cart_id, '","total":', amount_minor / 100.0, ',"currency":"GBP"}')
        when 'Product Added' then concat('"type":"track","event":"Product Added","properties":{"cart_id":"', cart_id, '",', product_of(product_id, name, category, price_minor), ',"quantity":', quantity, '}')
        else concat('"type":"track","event":"Product Viewed","properties":{', product_of(product_id, name, category, price_minor), '}')
    end as body,
    concat(
        '"context":{"library":{"name":"analytics.js","version":"1.0.3"},"locale":"en-GB","timezone":"Europe/London","userAgent":"',
        case
            when kind = 'bot' then 'Mozilla/5.0 (compatible; ExampleBot/2.1; +http://bot.example.com/about)'
            when die(v, 3, 2) = 0 then 'Mozilla/5.0 (Windows NT 6.1) AppleWebKit/535.2 (KHTML, like Gecko) Chrome/15.0.874.121 Safari/535.2'
            else 'Mozilla/5.0 (iPhone; CPU iPhone OS 5_0 like Mac OS X) AppleWebKit/534.46 (KHTML, like Gecko) Mobile/9A334'
        end,
        case when die(v, 3, 100) < 12 then '","campaign":{"name":"autumn_2011","source":"newsletter","medium":"email"},' else '",' end,
        '"page":{"path":"', path, '","title":"', name, '","url":"https://shop.example.com', path, '"}}'
    ) as context
from calls;

-- A call is delivered once, one in a hundred twice: the client asked again minutes or hours later.
insert into pending
select
    'events' as stream,
    cast((received_ms + again_ms) // 86400000 as integer) as day,
    message_id as record_key,
    make_timestamp_ms(received_ms + again_ms) as record_at,
    concat(
        '{', body, ',"messageId":"', message_id, '","anonymousId":"', device, '",', field('userId', user_id),
        '"originalTimestamp":"', stamp(at_ms + skew_ms),
        '","timestamp":"', stamp(at_ms), '","sentAt":"', stamp(received_ms + again_ms - 60 + skew_ms),
        '","receivedAt":"', stamp(received_ms + again_ms), '",', context, '}'
    ) as payload
from (
    select
        *,
        cast(uuid_of('message', concat(session, '-', i)) as varchar) as message_id,
        unnest(case when die(w, 3, 100) = 0 then [0, 20000 + die(w, 4, 4096) * 2400] else [0] end) as again_ms
    from bodies
);

insert into found
select distinct
    'events' as stream,
    cast(received_ms // 86400000 as integer) as day,
    'email' as type,
    email as raw
from calls
where act in ('identify', 'Content Downloaded', 'Permission Updated') or (act = 'Checkout Started' and guest_email is not null);

create or replace temp table orders as
-- Web orders, as the tracker told of them; a guest's is known by the address alone.
select
    concat('w', c.session) as order_id,
    c.person,
    coalesce(c.guest_email, email_of(c.person)) as email,
    null as card,
    'web' as channel,
    c.cart_id,
    c.amount_minor,
    c.at_ms,
    c.session,
    c.d
from calls as c
where c.act = 'Order Completed'
union all
-- The till's: as many again for every third web order, to a card where there is one.
select
    concat('t', c.session) as order_id,
    null as person,
    null as email,
    p.card,
    'shop' as channel,
    null as cart_id,
    c.amount_minor,
    c.at_ms - 7200000 as at_ms,
    c.session,
    c.d
from calls as c
left join people as p on p.person = (c.d >> 8) % (getvariable('people_at_start'))
where c.act = 'Order Completed' and die(c.v, 1, 3) = 0;

create or replace temp view order_versions as
select *, 'completed' as status, 0 as refund_minor, at_ms as changed_ms from orders
union all
select *, 'partially_refunded' as status, amount_minor // 2 as refund_minor, at_ms + (3 + die(d, 1, 10)) * 86400000 as changed_ms
from orders
where die(d, 3, 66) = 0;

insert into pending
select
    'orders' as stream,
    cast(changed_ms // 86400000 as integer) as day,
    order_id as record_key,
    make_timestamp_ms(changed_ms) as record_at,
    concat(
        '{"order_id":"', order_id, '",', field('customer_id', 10000 + person), field('email', email), field('loyalty_card', card),
        '"channel":"', channel, '","store":null,"status":"', status, '","currency":"GBP","amount_minor":', amount_minor,
        ',"discount_minor":0,"refund_minor":', refund_minor, ',', field('cart_id', cart_id),
        '"country":"GB","ordered_at":"', stamp(at_ms), '","updated_at":"', stamp(changed_ms), '"}'
    ) as payload
from order_versions;

insert into found
select distinct 'orders' as stream, cast(changed_ms // 86400000 as integer) as day, 'email' as type, email as raw
from order_versions
where email is not null;

insert into pending
select
    'order_lines' as stream,
    cast(o.at_ms // 86400000 as integer) as day,
    concat(o.order_id, '-', a.i) as record_key,
    make_timestamp_ms(o.at_ms) as record_at,
    concat(
        '{"line_id":"', o.order_id, '-', a.i, '","order_id":"', o.order_id, '","product_id":"', a.product_id, '","quantity":', a.quantity,
        ',"price_minor":', a.price_minor, ',"amount_minor":', a.quantity * a.price_minor, ',"currency":"GBP","updated_at":"', stamp(o.at_ms), '"}'
    ) as payload
from orders as o
inner join acts as a on o.session = a.session
where a.act = 'Product Added';

create or replace temp view newcomers as
select *, greatest(cast(created_ms // 86400000 as integer), getvariable('first_day')) as day, draw('consent', person) as c
from people
where greatest(created_ms // 86400000, getvariable('first_day')) >= getvariable('from_day');

insert into pending
select
    'customers' as stream,
    day,
    customer_id as record_key,
    make_timestamp_ms(created_ms) as record_at,
    concat(
        '{"customer_id":"', customer_id, '","email":"', email, '",', field('phone', phone), '"first_name":"Ada","last_name":"Archer","country":"', country,
        '","language":"en","time_zone":"Europe/London",', field('loyalty_card', card), '"is_staff":', case when person % 2000 = 0 then 1 else 0 end,
        ',"is_test":', case when person % 5000 = 1 then 1 else 0 end, ',"created_at":"', stamp(created_ms), '","updated_at":"', stamp(created_ms), '"}'
    ) as payload
from newcomers;

insert into found
select 'customers' as stream, day, unnest(['email', 'phone']) as type, unnest([email, phone]) as raw
from newcomers;

create or replace temp view consents as
select *, 'granted' as state, created_ms as given_ms from newcomers where die(c, 0, 100) < 65
union all
select *, 'withdrawn' as state, created_ms + 5 * 86400000 as given_ms from newcomers where die(c, 0, 100) < 5;

insert into pending
select
    'consents' as stream,
    greatest(cast(given_ms // 86400000 as integer), getvariable('first_day')) as day,
    concat('p', person, '-', state) as record_key,
    make_timestamp_ms(given_ms) as record_at,
    concat(
        '{"consent_id":"p', person, '-', state, '","customer_id":"', customer_id, '","email":"', email,
        '","phone":null,"channel":"email","purpose":"marketing","state":"', state,
        '","legal_basis":"consent","proof":"checkout box v3","given_at":"', stamp(given_ms), '","updated_at":"', stamp(given_ms), '"}'
    ) as payload
from consents;

insert into found
select distinct 'consents' as stream, greatest(cast(given_ms // 86400000 as integer), getvariable('first_day')) as day, 'email' as type, email as raw
from consents;

-- All products at the start, and a changed price for a few of them each day.
insert into pending
select
    'products' as stream,
    d.day,
    p.product_id as record_key,
    make_timestamp_ms(d.day * 86400000) as record_at,
    concat(
        '{"product_id":"', p.product_id, '","name":"', p.name, '","category":"', p.category, '","price_minor":', p.price_minor + d.day % 7 * 5,
        ',"currency":"GBP","in_stock":1,"created_at":"', stamp(p.created_ms), '","updated_at":"', stamp(d.day * 86400000), '"}'
    ) as payload
from products as p
inner join range(getvariable('from_day'), getvariable('to_day')) as d (day)
    on d.day = getvariable('first_day') or (p.k + d.day) % 200 = 0;
