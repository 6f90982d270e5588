"""What a query of a Shopify store costs, and the bucket of points that pays for it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    GraphQLNamedType,
    GraphQLObjectType,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)

from tests.conformance.apis.shopify.schema import SCHEMA


@dataclass
class Bucket:
    """Points: `most` when full, filled by `rate` a second; `violations` are queries beyond them."""

    most: float = 2_000
    rate: float = 100_000
    left: float = 2_000
    at: float = field(default_factory=time.monotonic)
    violations: int = 0

    def takes(self, points: float) -> bool:
        now = time.monotonic()
        self.left, self.at = min(self.most, self.left + (now - self.at) * self.rate), now
        if points > self.left:
            self.violations += 1
            return False
        self.left -= points
        return True

    def told(self, points: int, *, is_paid: bool) -> dict[str, Any]:
        """What an answer says of them."""
        status = {
            "maximumAvailable": self.most,
            "currentlyAvailable": int(self.left),
            "restoreRate": self.rate,
        }
        return {
            "cost": {
                "requestedQueryCost": points,
                "actualQueryCost": points if is_paid else None,
                "throttleStatus": status,
            }
        }


def cost(operation: OperationDefinitionNode, variables: dict[str, Any]) -> int:
    """Points: one for an object, ten for a mutation, a list as many as it may give."""
    root = SCHEMA.get_root_type(operation.operation)
    assert root is not None
    points = _cost(operation.selection_set, root, variables)
    return points + (10 if operation.operation is OperationType.MUTATION else 0)


def _cost(
    selected: SelectionSetNode | None, of: GraphQLNamedType, variables: dict[str, Any]
) -> int:
    points = 0
    for each in selected.selections if selected else ():
        if isinstance(each, InlineFragmentNode):
            assert each.type_condition is not None
            points += _cost(
                each.selection_set, SCHEMA.type_map[each.type_condition.name.value], variables
            )
        elif isinstance(each, FieldNode) and isinstance(of, GraphQLObjectType):
            points += _field_cost(each, of, variables)
    return points


def _field_cost(field: FieldNode, of: GraphQLObjectType, variables: dict[str, Any]) -> int:
    kind = get_named_type(of.fields[field.name.value].type)
    if field.selection_set is None or kind.name == "PageInfo":
        return 0
    inside = _cost(field.selection_set, kind, variables)
    if kind.name.endswith("Connection"):
        return 2 + _first(field, variables) * inside
    return inside if kind.name.endswith("Edge") else 1 + inside


def _first(field: FieldNode, variables: dict[str, Any]) -> int:
    for argument in field.arguments:
        if argument.name.value == "first":
            if isinstance(argument.value, VariableNode):
                return int(variables[argument.value.name.value])
            assert isinstance(argument.value, IntValueNode)
            return int(argument.value.value)
    return 1
