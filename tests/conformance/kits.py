"""What the unit tests have that the conformance suite uses too."""

from __future__ import annotations

import sys
from pathlib import Path

UNIT = str(Path(__file__).parents[1] / "unit")
if UNIT not in sys.path:
    sys.path.append(UNIT)

import audiences_kit  # noqa: E402 - found by the path above
import outbox_kit  # noqa: E402
import smtp_kit  # noqa: E402

__all__ = ["audiences_kit", "outbox_kit", "smtp_kit"]
