"""What a landed batch of Snowplow events has to be, beyond what every batch has to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from expectations.rules import mostly_present, varied

if TYPE_CHECKING:
    from collections.abc import Mapping

    from expectations.rules import Rule

# If most events lose their time, or share an id, the tracker was changed: look before use.
RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "events": (mostly_present("record_at", 0.5), varied("record_key", 0.01))
}
