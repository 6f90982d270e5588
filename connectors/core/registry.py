"""From a vendor's name in the settings to its module; adding a vendor means adding a file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from functools import wraps
from typing import TypeVar

from connectors.core.accounts import SourceSettings
from connectors.core.audience import AudienceTarget
from connectors.core.delivery import Destination
from connectors.core.errors import FixConfig
from connectors.core.settings import OWN_VENDOR, Settings
from connectors.core.spec import Finding, SourceSpec, Stream

SOURCES = "connectors.sources"
DESTINATIONS = "connectors.destinations"
# The one source whose vendor is Parley itself is named after what it reads.
_MODULES = {OWN_VENDOR: "ledger"}

# Its lists have a module of their own.
_LISTS = {"file": "list_file"}

DestinationFactory = Callable[[Settings], Destination]
TargetFactory = Callable[[Settings], AudienceTarget]
Made = TypeVar("Made")


def known_sources() -> list[str]:
    """The vendors that can be connected as sources, sorted."""
    vendors = {module: vendor for vendor, module in _MODULES.items()}
    return sorted(vendors.get(name, name) for name in _having(SOURCES, "SPEC"))


def known_destinations() -> list[str]:
    """The names of the destinations, sorted."""
    return _having(DESTINATIONS, "create")


def source(vendor: str) -> SourceSpec:
    """The spec of a vendor.

    Raises:
        FixConfig: there is no such vendor; the message lists those there are.
    """
    spec = _find(SOURCES, _MODULES.get(vendor, vendor), "SPEC")
    if not isinstance(spec, SourceSpec) or spec.vendor != vendor:
        problem = _unknown("source vendor", vendor, known_sources())
        raise problem
    return spec


def stream(vendor: str, name: str) -> Stream | None:
    """A vendor's stream, also of one that no run extracts; None where there is none any more."""
    module = _MODULES.get(vendor, vendor)
    spec, others = (_find(SOURCES, module, attribute) for attribute in ("SPEC", "STREAMS"))
    listed = spec.streams if isinstance(spec, SourceSpec) else ()
    listed = (*listed, *(others.values() if isinstance(others, dict) else ()))
    return next((each for each in listed if each.name == name), None)


def destination(name: str) -> DestinationFactory:
    """The factory of a destination: called with the settings, it gives a `Destination`.

    It refuses an option that the destination does not have: a word that is misspelt would else be
    a wish that nobody hears of.

    Raises:
        FixConfig: there is no such destination; the message lists those there are.
    """
    create = _find(DESTINATIONS, name, "create")
    if not callable(create):
        problem = _unknown("destination", name, known_destinations())
        raise problem
    factory: DestinationFactory = _strict(name, create)
    return factory


def known_targets() -> list[str]:
    """The names of the destinations that keep lists of people, sorted."""
    own = {module: name for name, module in _LISTS.items()}
    return sorted(own.get(name, name) for name in _having(DESTINATIONS, "create_audience"))


def target(name: str) -> TargetFactory:
    """The factory of a destination's lists: called with the settings, it gives their target.

    Raises:
        FixConfig: there is no such destination, or it keeps no lists.
    """
    create = _find(DESTINATIONS, _LISTS.get(name, name), "create_audience")
    if not callable(create):
        problem = _unknown("destination with lists", name, known_targets())
        raise problem
    factory: TargetFactory = _strict(name, create)
    return factory


def destination_part(name: str, attribute: str) -> object:
    """What else a destination's module has, such as `check` or `ABOUT`; None where it has none."""
    return _find(DESTINATIONS, name, attribute)


def misplaced(spec: SourceSpec, settings: SourceSettings) -> list[Finding]:
    """An error for each option that the vendor does not have."""
    return _misplaced(spec.vendor, settings.options, spec.options)


def _strict(name: str, create: Callable[..., Made]) -> Callable[..., Made]:
    """The same factory, which refuses options that are not there."""

    @wraps(create)
    def made(settings: Settings, **others: object) -> Made:
        known = destination_part(name, "OPTIONS")
        if wrong := _misplaced(name, settings.destination(name).options, known):
            what, where = "; ".join(each.what for each in wrong), name.upper()
            raise FixConfig(what, f"PARLEY_DESTINATIONS__{where}__OPTIONS", wrong[0].remedy)
        return create(settings, **others)

    return made


def _misplaced(of: str, given: Iterable[str], known: object) -> list[Finding]:
    names = [str(each) for each in known] if isinstance(known, Iterable) else []
    remedy = f"Options of {of}: {', '.join(names) or 'none'}."
    wrong = (each for each in given if each not in names)
    return [Finding("error", f"there is no option '{each}'", remedy) for each in wrong]


def _names(package: str) -> list[str]:
    folder = importlib.import_module(package).__path__
    return sorted(m.name for m in pkgutil.iter_modules(folder) if not m.name.startswith("_"))


def _having(package: str, attribute: str) -> list[str]:
    return [name for name in _names(package) if _find(package, name, attribute) is not None]


def _find(package: str, name: str, attribute: str) -> object:
    # Only names of files that are there are imported: a setting must not choose any module.
    if name not in _names(package):
        return None
    return getattr(importlib.import_module(f"{package}.{name}"), attribute, None)


def _unknown(kind: str, name: str, known: list[str]) -> FixConfig:
    what = f"no {kind} is called '{name}'"
    return FixConfig(what, "settings", f"Known names: {', '.join(known) or 'none'}.")
