"""What fits and draws comes with the extra `calibrate`; everything else works without it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from connectors.core.errors import FixConfig


def installed(name: str) -> Any:  # noqa: ANN401 - its modules have no types
    """A module of the extra. Raises `FixConfig` where it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        what = f"calibrating needs {name.partition('.')[0]}: the extra 'calibrate' is not installed"
        remedy = "Install it: `uv sync --extra calibrate`, or `pip install 'parley[calibrate]'`."
        raise FixConfig(what, "calibrate", remedy) from None
