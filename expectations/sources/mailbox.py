"""What a landed batch of a mailbox has to be, beyond what every batch has to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from expectations.rules import mostly_present

if TYPE_CHECKING:
    from collections.abc import Mapping

    from expectations.rules import Rule

# When a letter arrived the mailbox tells; if most do not, what it says is read in the wrong way.
RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    stream: (mostly_present("record_at", 0.5),) for stream in ("reports", "replies", "unsubscribes")
}
