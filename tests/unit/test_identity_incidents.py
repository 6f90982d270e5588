"""What once made several people one: a tablet in a shop, a family's mailbox, an agent's email."""

from __future__ import annotations

import json
from collections import Counter

import duckdb
import pytest
from days_kit import Record, land
from dbt_kit import build
from identity_kit import Day, Seen, landed, node_id

AS_OF = "2011-12-16T11:05:00Z"
MODELS = ("+people_nodes", "+int_order_lines", "identity_history", "applied_batches")
ORDERS = 5_000
TABLET, MAILBOX, AGENT = ("device", "till"), ("email", "family"), ("email", "agent")


def order(key: str, *nodes: tuple[str, str]) -> Seen:
    return Seen("order", key, nodes)


def taken_by_the_agent(numbers: range) -> list[Seen]:
    """Orders over the phone: the agent's own email, and what the customer is known by."""
    types = ("phone", "user_id", "loyalty_card")
    return [
        order(f"call{n}", AGENT, (types[n % 3], f"caller{n}")) for n in numbers
    ]  # fmt: skip


def lines(numbers: range) -> list[Record]:
    """One line of each of these orders."""
    about = {"product_id": "kettle", "quantity": "1", "amount_minor": "100"}
    return [
        (f"l{n}", "upsert", json.dumps({**about, "line_id": f"l{n}", "order_id": f"call{n}"}))
        for n in numbers
    ]


# The first day gives each of them away for one person's; the second tells better.
FIRST = Day([
    Seen("event", "t1", (TABLET, ("user_id", "ada"))),
    Seen("customer", "c1", (MAILBOX, ("user_id", "father"))),
    Seen("customer", "c2", (MAILBOX, ("user_id", "mother"))),
    order("gift", ("user_id", "father"), ("phone", "aunt")),
    *taken_by_the_agent(range(2)),
])  # fmt: skip
SECOND = Day([
    *(Seen("event", f"t{n}", (TABLET, ("user_id", f"visitor{n}"))) for n in range(2, 6)),
    Seen("event", "t6", (TABLET, ("email", "newcomer"))),
    *(Seen("customer", f"c{n}", (MAILBOX, ("user_id", f"child{n}"))) for n in (3, 4)),
    *taken_by_the_agent(range(2, ORDERS)),
])  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> list[duckdb.DuckDBPyConnection]:
    """The warehouse after the first day, after the second, and as the second is built at once."""
    folder = tmp_path_factory.mktemp("incidents")
    first = [*landed(folder, 0, [FIRST]), land(folder, 0, "order_lines", lines(range(2)))]
    rest = land(folder, 1, "order_lines", lines(range(2, ORDERS)))
    both = [*first, *landed(folder, 1, [SECOND]), rest]
    after = []
    for number, (name, batches) in enumerate((("days", first), ("days", both), ("built", both))):
        build(folder / f"{name}.duckdb", batches, AS_OF, *MODELS)
        with duckdb.connect(str(folder / f"{name}.duckdb")) as connection:
            connection.execute("checkpoint")
        kept = folder / f"{number}.duckdb"
        kept.write_bytes((folder / f"{name}.duckdb").read_bytes())
        after.append(duckdb.connect(str(kept), read_only=True))
    return after


def person(connection: duckdb.DuckDBPyConnection, node: tuple[str, str]) -> str:
    query = "select person_id from marts.people_nodes where node_id = ?"
    [[found]] = connection.execute(query, [node_id(node)]).fetchall()
    return str(found)


def test_a_tablet_in_a_shop_makes_nobody_one_person(shop: list[duckdb.DuckDBPyConnection]) -> None:
    """Ada registered on it; by the evening five more had, and she would have got their baskets."""
    visitors = [("user_id", "ada"), ("email", "newcomer"), TABLET]
    visitors += [("user_id", f"visitor{n}") for n in range(2, 6)]
    assert len({person(shop[1], visitor) for visitor in visitors}) == len(visitors)


def test_a_family_with_one_mailbox_stays_a_family(shop: list[duckdb.DuckDBPyConnection]) -> None:
    """Four accounts with one address: mother is not told what father bought."""
    family = [("user_id", name) for name in ("father", "mother", "child3", "child4")]
    assert len({person(shop[1], each) for each in (*family, MAILBOX)}) == 5


def test_five_thousand_orders_of_an_agents_email_are_their_customers(
    shop: list[duckdb.DuckDBPyConnection],
) -> None:
    orders = shop[1].execute(
        "select node_id from intermediate.int_orders where order_id like 'call%'"
    )
    owners = Counter(node for (node,) in orders.fetchall())
    types = ("phone", "user_id", "loyalty_card")
    assert owners == Counter(node_id((types[n % 3], f"caller{n}")) for n in range(ORDERS))
    people = {person(shop[1], (types[n % 3], f"caller{n}")) for n in range(0, ORDERS, 50)}
    assert len(people) == ORDERS // 50
    assert person(shop[1], AGENT) not in people


def test_orders_of_the_day_before_go_to_their_customers_when_the_email_proves_an_agents(
    shop: list[duckdb.DuckDBPyConnection],
) -> None:
    """With two orders it could have been a customer's; by the third day of calls it was not."""
    for table in ("int_orders", "int_order_lines"):
        query = f"""
            select t.node_id from intermediate.{table} as t
            inner join intermediate.int_orders as o on t.order_key = o.order_key
            where o.order_id = 'call0'
            """
        owner = [each.execute(query).fetchall()[0][0] for each in shop]
        assert owner == [node_id(AGENT), *[node_id(("phone", "caller0"))] * 2], table


def test_the_history_tells_of_each_who_left_and_which_identifier_proved_shared(
    shop: list[duckdb.DuckDBPyConnection],
) -> None:
    query = "select node_id, person_id from marts.people_nodes"
    before, after = (dict(each.execute(query).fetchall()) for each in shop[:2])
    moved = {(node, was, after[node]) for node, was in before.items() if after[node] != was}
    assert len(moved) >= 4
    told = shop[1].execute("from marts.identity_history").to_arrow_table().to_pylist()
    assert {(row["node_id"], row["from_person_id"], row["person_id"]) for row in told} == moved
    assert {(row["kind"], row["reason"]) for row in told} == {("unmerged", "shared")}
    shared = {node_id(each) for each in (TABLET, MAILBOX, AGENT)}
    assert {row["shared_id"] for row in told} == shared
    assert all(row["shared_id"] in {row["link_node_id"], row["link_other_id"]} for row in told)
    for connection in (shop[0], shop[2]):
        assert not connection.execute("from marts.identity_history").fetchall()


def test_days_one_after_the_other_and_all_at_once_give_the_same(
    shop: list[duckdb.DuckDBPyConnection],
) -> None:
    for table in ("marts.people_nodes", "intermediate.int_orders", "intermediate.int_order_lines"):
        days, built = (each.execute(f"from {table} order by all").fetchall() for each in shop[1:])
        assert days == built, table
