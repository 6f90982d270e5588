"""What sqlfluff needs to render the models without dbt: stand-ins that look like the real SQL.

Every name here is visible in the templates. Engine macros become a call of their own name: the
linter checks the shape of a statement, not what an engine makes of it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence


def _texts(value: object) -> list[str]:
    """The SQL expressions in an argument of a macro."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _texts(item) if item != "text"]
    return []


class _Adapter:
    def dispatch(self, name: str) -> Callable[..., str]:
        """An engine's macro, as a call of its name."""

        def call(*args: object) -> str:
            if name == "ordered_list":  # its second argument is no expression, but an order
                args = args[:1]
            if name == "field_where":  # the text that is looked for is no expression
                args = (args[0], args[1], args[3])
            if name == "field_named":  # a name, with signs that no bare word has
                args = (args[0], str(args[1]).lstrip("$"))
            return f"{name}({', '.join(text for arg in args for text in _texts(arg))})"

        return call


class _Dbt:
    """The cross-database macros of dbt that the models use."""

    def __getattr__(self, name: str) -> Callable[[], str]:
        types = {"type_string": "varchar", "type_bigint": "bigint", "type_timestamp": "timestamp"}
        return lambda: types[name]

    def concat(self, parts: str | Sequence[str]) -> str:
        """Joined texts; a list that a macro returned arrives as its text."""
        pieces = ast.literal_eval(parts) if isinstance(parts, str) else parts
        return f"concat({', '.join(pieces)})"

    def hash(self, text: str) -> str:
        """The key of a text."""
        return f"md5({text})"

    def dateadd(self, unit: str, count: str | int, moment: str) -> str:
        """A moment, moved."""
        return f"date_add({moment}, '{unit}', {count})"


CALIBRATION = {
    "goal": "buy",
    "scope": "person",
    "horizon_days": 7,
    "moments": ["1970-01-01T00:00:00Z"],
    "pairs": [{"signal": "purchase_day", "half_life_days": 28}],
    "most_people": 1000,
    "most_subjects": 1000,
}


def var(name: str, default: object = "") -> object:
    """A run's parameter: no batches, something to calibrate, and any text for the others."""
    return {"batches": [], "calibration": CALIBRATION}.get(name, default or name)


def lake(vendor: str, stream: str | Sequence[str]) -> str:
    """The records of a stream, or of several."""
    return f"lake.{vendor}_{stream if isinstance(stream, str) else '_'.join(stream)}"


def staged_entries(vendor: str, kind: str, entries: str, **_: object) -> str:
    """The entries of a list in a vendor's records."""
    return f"staging.{vendor}_{kind}_{entries}"


def staged_here() -> dict[str, list[str]]:
    """Which vendor gives which kinds: one will do."""
    return {"segment": ["events"]}


def versions_of(kind: str) -> str:
    """The records of a kind."""
    return " ".join(("select * from", f"staging.{kind}"))


def touched_days(*_: object, **__: object) -> list[str]:
    """No day: everything is read."""
    return []


def in_days(day: str, *_: object, **__: object) -> str:
    """A condition on a day."""
    return f"{day} is not null"


def in_day_order(day: str) -> str:
    """The order in which a full build writes."""
    return f"order by {day}"


def component_labels(*_: object, **__: object) -> str:
    """The table of labels."""
    return "intermediate.identity_labels"


def affected_nodes(*_: object, **__: object) -> str:
    """The table of nodes whose component may have changed."""
    return "intermediate.identity_affected"


def identity_from_scratch() -> bool:
    """All is read."""
    return True


def clear_if_from_scratch() -> str:
    """Nothing goes before."""
    return ""


def fresh_days() -> list[str]:
    """No day."""
    return []


def in_fresh_batches() -> str:
    """A condition on a batch."""
    return "batch_id is not null"


def is_since_fresh(moment: str) -> str:
    """A condition on a moment."""
    return f"{moment} is not null"


def days_of_newly_shared() -> list[str]:
    """No day."""
    return []


def signal_days() -> list[str]:
    """No day."""
    return []


def note_signal_changes(*_: object) -> str:
    """Nothing is noted."""
    return ""


def forget_unused_pairs() -> str:
    """Nothing is dropped."""
    return ""


def has_new_pairs() -> bool:
    """New pairs are read, too."""
    return True


def people_before() -> str:
    """The people of the last run."""
    return "marts.people_nodes"


def by_key() -> str:
    """The materialization of a table that is kept by key."""
    return "incremental"


def by_day() -> str:
    """The strategy of a table that is rewritten by day."""
    return "delete+insert"


class _Pytz:
    all_timezones = ("UTC",)


class _Modules:
    pytz = _Pytz


adapter = _Adapter()
dbt = _Dbt()
modules = _Modules
# Macros say `return(…)`, a name that Python does not lend.
globals()["return"] = lambda value: value
