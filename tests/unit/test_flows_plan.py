"""What is read from a run's plan: funnel, audiences, people, verdicts, counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from words_kit import ADA, BOB, EMAIL, GATES, write

from connectors.core import plan


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("home") / "var" / "runs" / "r1")


def test_the_funnel_counts_candidates_and_people_and_puts_what_goes_out_first(
    folder: Path,
) -> None:
    found = [
        (row.programme, row.verdict, row.reason, row.candidates, row.people)
        for row in plan.funnel(folder)
    ]
    assert found == [
        ("abandoned_cart", "send", None, 1, 1),
        ("abandoned_cart", "defer", "quiet_hours", 1, 1),
        ("abandoned_cart", "drop", "no_permission", 1, 1),
        ("new_collection", "hold", None, 1, 1),
        ("new_collection", "drop", "no_permission", 2, 1),
    ]
    of_one = plan.funnel(folder, "new_collection")
    assert {row.programme for row in of_one} == {"new_collection"}
    assert of_one[1].sentence == "nobody ever gave permission"


def test_an_audience_is_shown_without_addresses(folder: Path) -> None:
    [row] = plan.audience(folder, "abandoned_cart", 5)
    assert (row["message_key"], row["verdict"], row["value"]) == ("m-a1", "send", 30.0)
    assert "address" not in row
    assert plan.audience(folder, "abandoned_cart", 0) == []
    assert plan.audience(folder, "welcome", 5) == []
    assert plan.destinations(folder) == ["file"]


def test_a_person_is_found_by_node_by_id_and_by_the_beginning_of_it(folder: Path) -> None:
    assert EMAIL is not None
    for known in (EMAIL, "d2", ADA, ADA[:8], ADA[:12]):
        assert plan.person_of(folder, known) == ADA
    for unknown in ("", "ada", ADA[:7], "d3", f"{ADA}0", "%"):
        assert plan.person_of(folder, unknown) is None


def test_a_profile_holds_what_is_known_and_nobody_elses(folder: Path) -> None:
    ada, bob = plan.profile(folder, ADA), plan.profile(folder, BOB)
    assert (ada["lifecycle"], ada["stage"], len(ada["nodes"])) == ("active", "deciding", 3)
    assert [each["proof"] for each in ada["permissions"]] == ["box [v3]"]
    assert (bob["lifecycle"], bob["probability"]) == (None, None)
    assert (bob["permissions"], bob["memory"]) == ([], [])
    nobody = plan.profile(folder, "nobody")
    assert nobody == {"nodes": [], "permissions": [], "memory": []}


def test_each_candidate_comes_with_its_gates_in_order(folder: Path) -> None:
    found = {each["candidate_key"]: each for each in plan.verdicts(folder, BOB)}
    assert set(found) == {"b1", "b3", "b4"}
    assert [gate["gate"] for gate in found["b1"]["gates"]] == list(GATES)
    assert found["b1"]["gates"][1]["sentence"] == "nobody ever gave permission"


def test_examples_and_counts_come_from_the_plan(folder: Path) -> None:
    assert plan.example(folder, "abandoned_cart", "send", None) == ADA
    assert plan.example(folder, "new_collection", "drop", "no_permission") == BOB
    # Whose basket was ordered is no example of someone without a permission.
    assert plan.example(folder, "abandoned_cart", "drop", "no_permission") is None
    assert plan.example(folder, "abandoned_cart", "drop", "goal_reached") is None
    names = [each["programme"] for each in plan.programmes(folder)]
    assert names == ["abandoned_cart", "welcome", "new_collection"]
    assert plan.segment_counts(folder) == [{"lifecycle": "active", "people": 1, "high_value": 1}]
    [intent] = plan.intent_counts(folder)
    assert (intent["stage"], intent["mean_percent"]) == ("deciding", 25.0)
    [goal, *_] = plan.goals_reached(folder, ADA)
    assert (goal["goal"], goal["window_hours"]) == ("buy", 24)
