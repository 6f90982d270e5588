"""What a landed batch of Marketo has to be, beyond what every batch has to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from expectations.rules import mostly_present, varied

if TYPE_CHECKING:
    from collections.abc import Mapping

    from expectations.rules import Rule

# If most records lose their time of change, the API was changed: look before it is used.
RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    stream: (mostly_present("record_at", 0.5), varied("record_key", 0.01))
    for stream in ("activities", "leads")
}
