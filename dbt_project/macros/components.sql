{# Connected components by label propagation with hooking and pointer jumping, until nothing changes.
   `edges` holds every edge in both directions (node_id, other_id): a relation or a query in brackets,
   read once. Each round, a node takes the least of its label's label and of what its neighbours' labels
   are labelled, and so does the node that is its label; the number of rounds grows with the logarithm
   of the longest path. Writes <schema>.<name> (node_id, label) and returns its name; label is the least
   node_id of the component. #}
{% macro component_labels(edges, name="identity_labels") -%}
    {%- set labels = this.schema ~ "." ~ name -%}
    {%- if execute and flags.WHICH in ("run", "build") -%}
        {%- set next = labels ~ "_next" -%}
        {%- set kept = labels ~ "_edges" -%}
        {%- do _write(kept, "select node_id, other_id from " ~ edges ~ " as e") -%}
        {%- do _write(labels, "select node_id, least(node_id, min(other_id)) as label from "
            ~ kept ~ " group by node_id") -%}
        {%- set state = namespace(changed=1) -%}
        {%- for round in range(64) if state.changed > 0 -%}
            {%- do _write(next, _spread_labels(kept, labels)) -%}
            {%- set state.changed = run_query(
                "select count(*) from " ~ labels ~ " as a inner join " ~ next
                ~ " as b on a.node_id = b.node_id where a.label <> b.label"
            ).columns[0].values()[0] | int -%}
            {%- do _write(labels, "select * from " ~ next) -%}
        {%- endfor -%}
        {%- do drop_tables([next, kept]) -%}
        {%- if state.changed > 0 -%}
            {{ exceptions.raise_compiler_error("identity components did not settle in 64 rounds") }}
        {%- endif -%}
    {%- endif -%}
    {{ return(labels) }}
{%- endmacro %}

{# The nodes whose component may have changed in `this`, as a table <schema>.<name> (node_id) that is
   written here: the `touched` ones (a relation), and all that were in a component with one of them. An
   edge that is new, or no more, has both its ends there. #}
{% macro affected_nodes(touched, name="identity_affected") -%}
    {%- set affected = this.schema ~ "." ~ name -%}
    {%- if execute and flags.WHICH in ("run", "build") -%}
        {%- set parts = affected ~ "_parts" -%}
        {%- do _write(parts, "select distinct component from " ~ this
            ~ " where node_id in (select node_id from " ~ touched ~ ")") -%}
        {%- do _write(affected, "select node_id from " ~ this ~ " where component in (select component from "
            ~ parts ~ ") union select node_id from " ~ touched) -%}
        {%- do drop_tables([parts]) -%}
    {%- endif -%}
    {{ return(affected) }}
{%- endmacro %}

{% macro drop_tables(tables) -%}
    {%- for table in tables -%}{%- do run_query("drop table if exists " ~ table) -%}{%- endfor -%}
{%- endmacro %}

{% macro _write(table, select) -%}
    {%- for statement in replace_table(table, select) -%}{%- do run_query(statement) -%}{%- endfor -%}
{%- endmacro %}

{# One round of FastSV (Zhang, Azad, Hu 2020). A label is a node too: hooking it is what spares waiting
   until news has walked along a whole path. #}
{% macro _spread_labels(edges, labels) -%}
    with
    grand as (
        select l.node_id, l.label, j.label as grand
        from {{ labels }} as l
        inner join {{ labels }} as j on l.label = j.node_id
    ),
    offered as (
        select e.node_id, min(g.grand) as label
        from {{ edges }} as e
        inner join grand as g on e.other_id = g.node_id
        group by e.node_id
    ),
    hooked as (
        select g.label as node_id, min(o.label) as label
        from grand as g
        inner join offered as o on g.node_id = o.node_id
        group by g.label
    )
    select g.node_id, least(g.grand, o.label, coalesce(h.label, g.grand)) as label
    from grand as g
    inner join offered as o on g.node_id = o.node_id
    left join hooked as h on g.node_id = h.node_id
{%- endmacro %}
