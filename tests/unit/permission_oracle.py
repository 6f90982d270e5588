"""What permission_now must say, worked out by hand: one address after the other, by plain loops."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from permission_kit import History, landed_at
from permission_said import Declaration, Key, declarations, moment

# (asks for a confirmation, knows soft opt-in, for how many years after the last purchase)
RULES = {
    "GB": (False, True, None), "DE": (True, True, None), "CA": (False, True, 2),
    "PL": (False, False, None), None: (True, False, None),
}  # fmt: skip
STATES = {
    None: "granted", "permission_unconfirmed": "unconfirmed", "permission_expired": "expired",
}  # fmt: skip


class Answer(NamedTuple):
    """A row of permission_now."""

    state: str
    reason: str | None
    since: datetime
    valid_from: datetime
    legal_basis: str


@dataclass
class Person:
    """Who an address belongs to, as far as permission asks."""

    country: str | None = None
    purchases: tuple[datetime, ...] = ()
    addresses: tuple[str, ...] = ()


def persons_of(address: str, history: History, run: int, people: dict[str, str]) -> list[Person]:
    """The person of an address by the warehouse's own components.

    Several where the last orders have one time and were not made in one country: either will do.
    """
    mine = tuple(a for a in people if people[a] == people.get(address, "nobody"))
    bought = []
    for number, _, _, said in history.until(run, "orders"):
        buyer = said["customer_id"] or said["email"]
        at = moment(said["ordered_at"])
        # An order of days to come is none.
        is_true = at is not None and at <= landed_at(number) + timedelta(days=1)
        if at and is_true and buyer in mine and said["status"] == "paid":
            bought.append((min(at, landed_at(number)), said["country"]))
    placed = [(at, country) for at, country in bought if country]
    last = max((at for at, _ in placed), default=None)
    countries = {country for at, country in placed if at == last}
    profile = [said for _, _, _, said in history.until(run, "customers")]
    if profile and profile[-1]["customer_id"] in mine and profile[-1]["country"]:
        countries = {profile[-1]["country"]}
    known = {country if country in RULES else None for country in countries or {None}}
    purchases = tuple(at for at, _ in bought)
    return [Person(country, purchases, mine) for country in sorted(known, key=str)]


def judge(
    one: Declaration, person: Person, everything: list[Declaration], as_of: datetime
) -> Answer:
    """What a grant is worth by itself."""
    asks, _, years = RULES[person.country]
    reason, since = None, one.valid_from
    if one.basis == "consent":
        confirmed = one.confirmed_at if asks else one.valid_from
        if confirmed is None or confirmed > as_of or confirmed.date() < one.valid_from.date():
            reason = "permission_unconfirmed"
        else:
            since = max(since, confirmed)
    elif one.basis != "soft_opt_in":
        reason = "unknown_basis"
    else:
        reason = why_not_soft(one, person, everything, as_of)
        last = max(person.purchases, default=as_of)
        ends = last.replace(year=last.year + (years or 999))
        if reason is None and ends <= as_of:
            reason, since = "permission_expired", ends
    return Answer(STATES.get(reason, "unfounded"), reason, since, one.valid_from, one.basis)


def why_not_soft(
    one: Declaration, person: Person, everything: list[Declaration], as_of: datetime
) -> str | None:
    """The first condition of a soft opt-in that is not met, of those that no time heals."""
    objections = [
        other
        for other in everything
        if other.state != "granted" and other.key[1:] == one.key[1:] and other.valid_from <= as_of
    ]
    if one.key[1] != "email":
        return "soft_opt_in_by_email_only"
    if not RULES[person.country][1]:
        return "soft_opt_in_not_here"
    if not one.proof:
        return "soft_opt_in_without_proof"
    if not any(at <= one.valid_from for at in person.purchases):
        return "soft_opt_in_without_purchase"
    if any(other.key[0] in person.addresses for other in objections):
        return "soft_opt_in_after_objection"
    return None


ORDER = ("granted", "unconfirmed", "expired", "unfounded")


def answers(
    history: History, run: int, as_of: datetime, people: dict[str, str]
) -> dict[Key, set[Answer]]:
    """What may hold by address, channel and purpose; several where they are equally good."""
    everything = declarations(history, run)
    found: dict[Key, set[Answer]] = {}
    for key in {each.key for each in everything}:
        said = [each for each in everything if each.key == key and each.valid_from <= as_of]
        stops = [each for each in said if each.state != "granted"]
        last = max((each.valid_from for each in stops), default=None)
        grants = [
            each
            for each in said
            if each.state == "granted"
            and (last is None or (each.valid_from > last and each.basis != "soft_opt_in"))
        ]
        for person in persons_of(key[0], history, run, people) if grants else ():
            alive = [judge(each, person, everything, as_of) for each in grants]
            best = min(_rank(each) for each in alive)
            found.setdefault(key, set()).update(each for each in alive if _rank(each) == best)
        if stops and not grants:
            states = {each.state for each in stops if each.valid_from == last}
            state = "withdrawn" if "withdrawn" in states else "unclear"
            found[key] = {
                Answer(state, f"permission_{state}", each.valid_from, each.valid_from, each.basis)
                for each in stops
                if each.valid_from == last and each.state == state
            }
    return found


def _rank(answer: Answer) -> tuple[int, bool, float, float]:
    """Smaller is better: what holds, consent before another basis, the newest."""
    newest, soonest = -answer.valid_from.timestamp(), answer.since.timestamp()
    return ORDER.index(answer.state), answer.legal_basis != "consent", newest, soonest
