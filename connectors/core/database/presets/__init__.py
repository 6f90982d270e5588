"""Presets of source `database`: what a shop's own software keeps, as the documented columns.

A preset is values: for each stream one query over the vendor's tables, written so that SQLite,
PostgreSQL and MySQL each get it in their own words. Another preset is a module here and a line in
`PRESETS`.
"""

from __future__ import annotations

from connectors.core.database.presets.oscar import OSCAR
from connectors.core.database.presets.vendure import VENDURE
from connectors.core.database.presets.view import Preset, View

__all__ = ["PRESETS", "Preset", "View"]

PRESETS: dict[str, Preset] = {preset.name: preset for preset in (OSCAR, VENDURE)}
