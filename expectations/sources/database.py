"""What a landed batch of a database has to be, beyond what every batch has to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from expectations.rules import varied

if TYPE_CHECKING:
    from collections.abc import Mapping

    from expectations.rules import Rule

# A view that gives the same key again and again hides all rows but one.
RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    stream: (varied("record_key", 0.01),)
    for stream in (
        *("customers", "products", "orders", "order_lines", "consents"),
        *("carts", "cart_lines"),
    )
}
