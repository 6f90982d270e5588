"""Which models a date needs: those that are looked at, what they are made from, and no others."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from flows import build
from flows.calibration.shapes import SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dbt.contracts.graph.manifest import Manifest

ALWAYS = frozenset({"applied_batches", "people_nodes", "int_customers"})
# What a calibration looks at, and what its outcome changes.
LEARNED_FROM = frozenset({"calibration_labels", "calibration_terms", "calibration_category_terms"})
WEIGHTS = "int_weights"
# Staged in either turn: what has landed by then.
STAGING = "models/staging/"


@dataclass(frozen=True)
class Need:
    """What is needed at a date: tables, and goals whose weights are to be fitted before."""

    models: frozenset[str]
    goals: frozenset[str] = frozenset()

    def __or__(self, other: Need) -> Need:
        """Both together."""
        return Need(self.models | other.models, self.goals | other.goals)


def need(models: Iterable[str], goals: Iterable[str] = ()) -> Need:
    """A need of these models, and of the goals among these that can be fitted."""
    return Need(frozenset(models), frozenset(goals) & SHAPES.keys())


def whole(now: Need, ever: Need) -> build.Invoke:
    """dbt on all that is needed now."""
    return _only(now, ever, lambda _is_of_weights: True)


def before_weights(now: Need, ever: Need) -> build.Invoke:
    """dbt on what does not depend on weights; those are fitted from it."""
    return _only(now, ever, lambda is_of_weights: not is_of_weights)


def after_weights(now: Need, ever: Need) -> build.Invoke:
    """dbt on the rest."""
    return _only(now, ever, lambda is_of_weights: is_of_weights)


def _only(now: Need, ever: Need, is_turn: Callable[[bool], bool]) -> build.Invoke:
    """dbt on a part of what is needed, as far as the stage would build it.

    What is kept up from run to run takes in each batch once: that is built whenever something is.
    """

    def invoke(args: list[str], manifest: Manifest) -> None:
        start = args.index("--select") + 1
        end = next(n for n in range(start, len(args)) if args[n].startswith("--"))
        asked = args[start:end]
        paths = tuple(
            f"{part.removeprefix('path:')}/" for part in asked if part.startswith("path:")
        )
        learned = LEARNED_FROM if ever.goals else frozenset[str]()
        kept_up = {
            node.name for node in _behind(manifest, ever.models | learned) if _is_kept_up(node)
        }
        nodes = _behind(manifest, now.models | (learned if now.goals else set()) | kept_up | ALWAYS)
        # By their paths: a name alone also means a folder of that name.
        needed = {
            f"path:{node.original_file_path}"
            for node in nodes
            if (node.original_file_path.startswith(paths) or node.name in asked)
            and (node.original_file_path.startswith(STAGING) or is_turn(_follows(manifest, node)))
        }
        build.plainly(_untested([*args[:start], *sorted(needed), *args[end:]]), manifest)

    return invoke


def _untested(args: list[str]) -> list[str]:
    """The arguments of a daily run, without its tests: they have been passed elsewhere."""
    at = args.index("--exclude-resource-type") + 1
    return [*args[:at], "test", *args[at:]]


def _is_kept_up(node: Any) -> bool:
    """Whether it is built by the first run for all later ones, or gains a part in each."""
    is_incremental = node.config.materialized == "incremental"
    return node.resource_type == "seed" or is_incremental or fnmatch(node.name, build.UNIONS)


def _follows(manifest: Manifest, node: Any) -> bool:
    """Whether weights decide what is in it."""
    return any(each.name == WEIGHTS for each in _behind(manifest, {node.name}))


def _behind(manifest: Manifest, names: Iterable[str]) -> list[Any]:
    """The models and seeds of these names, and all that they are made from."""
    wanted, found = {*names}, dict[str, Any]()
    left = [node for node in manifest.nodes.values() if node.name in wanted]
    while left:
        node = left.pop()
        if node.unique_id not in found:
            found[node.unique_id] = node
            others = map(manifest.nodes.get, getattr(node.depends_on, "nodes", ()))
            left += [other for other in others if other is not None]
    return [node for node in found.values() if node.resource_type in {"model", "seed"}]
