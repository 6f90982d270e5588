"""The people of the stories: by their names nobody is held out, unless the story wants it."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

from dbt_kit import PROJECT

from connectors.core.identifiers import normalise_email, normalise_phone

KEY = "stories"


def md5(*parts: str) -> str:
    """As the macro `key`."""
    return hashlib.md5("|".join(parts).encode(), usedforsecurity=False).hexdigest()


@lru_cache
def _holdouts() -> dict[str, int]:
    with (PROJECT / "seeds/programmes.csv").open() as file:
        shares = {row["programme"]: int(row["holdout_percent"]) for row in csv.DictReader(file)}
    with (PROJECT / "seeds/contact_policy.csv").open() as file:
        percents = {row["rule"]: row["percent"] for row in csv.DictReader(file)}
    return {**shares, "global_holdout": int(percents["global_holdout"])}


def is_held_out(node: str, split: str) -> bool:
    """Whether a person whose first identifier is this node is in a holdout."""
    person = md5("person", node)
    return int(md5(person, split)[:7], 16) % 100 < _holdouts()[split]


@dataclass(frozen=True)
class Who:
    """A person: a login, a mailbox and a phone, by none of which they are held out of anything."""

    user: str
    email: str
    phone: str

    @property
    def nodes(self) -> tuple[str, ...]:
        """The ids of the login and the mailbox."""
        return md5("user_id", "main", self.user), str(normalise_email(self.email, KEY).node_id)


def _named(form: str, node_of: Callable[[str], str], *, held_out: bool, start: int = 0) -> str:
    def fits(node: str) -> bool:
        if held_out:
            return is_held_out(node, "global_holdout")
        return not any(is_held_out(node, split) for split in _holdouts())

    return next(name for n in count(start) if fits(node_of(name := form.format(n))))


def named(name: str, story: str, domain: str, *, held_out: bool) -> Who:
    """Names for somebody of a story."""
    user = _named(
        f"{story}-{name}-{{}}", lambda each: md5("user_id", "main", each), held_out=held_out
    )
    home = domain or f"{name}-{story.replace('_', '-')}.example"
    email = _named(
        f"{name}{{}}@{home}",
        lambda each: str(normalise_email(each, KEY).node_id),
        held_out=held_out,
    )
    phone = _named(
        "+1 212 5{:06}",
        lambda each: str(normalise_phone(each, "US", KEY).node_id),
        held_out=held_out,
        start=int(md5(user)[:6], 16) % 900_000,
    )
    return Who(user, email, phone)
