"""People told by name, birth date and address: labelled files, and who must not be mixed up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.quality import identity

if TYPE_CHECKING:
    from pathlib import Path

    from tests.quality.identity import Placed

HOME = {"street": "1 High Street", "postcode": "SW1A 1AA", "city": "London"}
FLAT = {"street": "2 Low Street", "postcode": "EH1 1AB", "city": "Edinburgh"}
FARM = {"street": "Field Farm", "postcode": "YO1 7AA", "city": "York"}
FAMILY = {"last_name": "Moss", "email": "family.moss@home.example"}
SHOP = {
    # Born on one day under one roof, and each has a first name.
    "anna": {"first_name": "Anna", "last_name": "Archer", "born_on": "1990-03-05", **HOME},
    "berta": {"first_name": "Berta", "last_name": "Archer", "born_on": "1990-03-05", **HOME},
    # A son who is called like his father and lives with him.
    "father": {"first_name": "Ben", "last_name": "Archer", "born_on": "1960-01-20", **HOME},
    "son": {"first_name": "Ben", "last_name": "Archer", "born_on": "1990-11-02", **HOME},
    # Husband and wife, whose names are a letter apart.
    "mark": {"first_name": "Mark", "last_name": "Lind", "born_on": "1980-03-05", **FLAT},
    "mary": {"first_name": "Mary", "last_name": "Lind", "born_on": "1984-11-12", **FLAT},
    # Brothers and sisters of a house; of one nobody knows the birthday, of one not even the name.
    "carl": {"first_name": "Carl", "last_name": "Field", "born_on": "1992-02-01", **FARM},
    "dora": {"first_name": "Dora", "last_name": "Field", "born_on": "1992-11-28", **FARM},
    "emil": {"first_name": "Emil", "last_name": "Field", **FARM},
    "field": {"last_name": "Field", **FARM},
    # Five accounts on the mailbox of a family, two of them the mother's.
    "mother": {"first_name": "Maria", **FAMILY},
    "mother_too": {"first_name": "Maria", **FAMILY},
    "daughter": {"first_name": "Chloe", **FAMILY},
    "uncle": {"first_name": "David", **FAMILY},
    "grandmother": {"first_name": "Edith", **FAMILY},
    # Of names that many people have (the crowd below); nobody knows when these two were born.
    "smith": {"first_name": "John", "last_name": "Smith", "city": "Leeds"},
    "smith_too": {"first_name": "John", "last_name": "Smith", "city": "Leeds"},
    "baker": {"first_name": "Tom", "last_name": "Baker", "email": "tom.baker81@mail.example"},
    "baker_too": {"first_name": "Tom", "last_name": "Baker", "email": "tom.baker24@mail.example"},
    "hill": {
        "first_name": "Ann", "last_name": "Hill", "street": "3 High Street", "postcode": "LS1 1AA",
        "city": "Leeds",
    },
    "hill_too": {
        "first_name": "Ann", "last_name": "Hill", "street": "3 High Street", "postcode": "BA2 9XY",
        "city": "Bath",
    },
    "jones": {"first_name": "Amy", "last_name": "Jones", "born_on": "1970-01-01"},
    "jones_too": {"first_name": "Amy", "last_name": "Jones", "born_on": "1970-01-01"},
    # One woman, whose names and day were swapped, and who took her husband's name.
    "frida": {
        "first_name": "Frida", "last_name": "Öberg", "born_on": "1985-04-07",
        "street": "Storgatan 3", "postcode": "111 22", "city": "Stockholm",
    },
    "frida_swapped": {"first_name": "OBERG", "last_name": "frida", "born_on": "1985-07-04"},
    "frida_married": {
        "first_name": "Frida", "last_name": "Lind", "born_on": "1985-04-07",
        "street": "Storgatan 3", "postcode": "11122", "city": "Stockholm",
    },
}  # fmt: skip
# Twenty people of each of these names, who are nobody else.
CROWD = [
    {"first_name": first, "last_name": last, "city": "Leeds"}
    for first in ("John", "Amy", "Tom", "Ann", "Kate", "Paul", "Jane", "Mike", "Ruth", "Alan")
    for last in ("Smith", "Jones", "Baker", "Hill", "Evans", "Wood", "Green", "Clark", "Price")
    for _ in range(20)
]
FLOORS = {"febrl3": (0.975, 0.995), "fake_1000": (0.95, 0.995)}


@pytest.fixture(scope="module")
def placed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Placed]:
    """The files and the shop, landed and built once."""
    home: Path = tmp_path_factory.mktemp("fuzzy")
    people = {**SHOP, **{f"crowd{n}": said for n, said in enumerate(CROWD)}}
    shop = [{"customer_id": key, "label": None, **said} for key, said in people.items()]
    return identity.place(home, {**identity.files(), "shop": shop}, fuzzy=True)


@pytest.fixture(scope="module")
def persons(placed: dict[str, Placed]) -> dict[str, str]:
    return dict(placed["shop"].persons)


@pytest.mark.parametrize("name", FLOORS)
def test_labelled_people_are_found_and_hardly_anybody_is_taken_for_another(
    placed: dict[str, Placed], name: str
) -> None:
    found = identity.figures(identity.files()[name], placed[name])
    f1, precision = FLOORS[name]
    assert found.f1 >= f1
    assert found.precision >= precision


def test_twins_stay_two_people(persons: dict[str, str]) -> None:
    assert persons["anna"] != persons["berta"]


def test_a_son_called_like_his_father_stays_another_person(persons: dict[str, str]) -> None:
    assert persons["father"] != persons["son"]


def test_husband_and_wife_stay_two_though_their_names_are_a_letter_apart(
    persons: dict[str, str],
) -> None:
    assert persons["mark"] != persons["mary"]


def test_a_surname_and_a_home_make_nobody_of_a_house_another(persons: dict[str, str]) -> None:
    house = ("carl", "dora", "emil", "field")
    assert len({persons[each] for each in house}) == len(house)


def test_a_familys_mailbox_joins_the_accounts_of_one_name_alone(persons: dict[str, str]) -> None:
    assert persons["mother"] == persons["mother_too"]
    family = ("mother", "daughter", "uncle", "grandmother")
    assert len({persons[each] for each in family}) == len(family)


def test_a_usual_name_and_a_town_or_a_forms_default_birthday_are_not_enough(
    persons: dict[str, str],
) -> None:
    crowd = {person for key, person in persons.items() if key.startswith("crowd")}
    assert len(crowd) == len(CROWD)
    assert persons["smith"] != persons["smith_too"]
    assert persons["jones"] != persons["jones_too"]


def test_a_mailbox_called_like_its_owner_is_not_that_of_a_namesake(
    persons: dict[str, str],
) -> None:
    assert persons["baker"] != persons["baker_too"]


def test_every_town_has_a_high_street(persons: dict[str, str]) -> None:
    assert persons["hill"] != persons["hill_too"]


def test_swapped_names_and_days_and_a_new_surname_are_one_person(persons: dict[str, str]) -> None:
    assert persons["frida"] == persons["frida_swapped"] == persons["frida_married"]
