"""Worlds for the conformance suite: a source joins by a module here that names its `WORLDS`."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from tests.conformance.worlds.base import World

MODULES = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
SOURCES: list[type[World]] = [
    world for module in MODULES for world in getattr(module, "WORLDS", ())
]
