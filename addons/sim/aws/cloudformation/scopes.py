"""What names mean in the template of a stack: its parameters, AWS's own, and its resources."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from addons.sim.aws.cloudformation.model import Parameter, Resource, Stack, Wish
from addons.sim.aws.cloudformation.values import Scope, resolve
from addons.sim.aws.ec2.account import OWNER, REGION


def scope_of(
    stack: Stack,
    wish: Wish,
    resources: Mapping[str, Resource],
    *,
    replaced: AbstractSet[str] = frozenset(),
    modified: AbstractSet[str] = frozenset(),
) -> Scope:
    """Give the scope for the values of a wish, over resources as they are."""
    refs: dict[str, Any] = {
        "AWS::AccountId": OWNER,
        "AWS::Partition": "aws",
        "AWS::Region": REGION,
        "AWS::StackId": stack.id,
        "AWS::StackName": stack.name,
        "AWS::URLSuffix": "amazonaws.com",
    }
    for name, value in wish.parameters.items():
        refs[name] = _listed(wish.template.parameters[name], value)
    refs |= {id_: each.physical_id for id_, each in resources.items()}
    attributes = {id_: each.attributes for id_, each in resources.items()}
    return Scope(refs, attributes, replaced, modified)


def outputs_of(stack: Stack, wish: Wish) -> dict[str, str]:
    """Give the outputs of a stack whose resources are all there."""
    scope = scope_of(stack, wish, stack.resources)
    return {name: str(resolve(each.get("Value", ""), scope)) for name, each in wish.template.outputs.items()}


def _listed(parameter: Parameter, value: str) -> str | list[str]:
    if parameter.type == "CommaDelimitedList" or parameter.type.startswith("List<"):
        return [part.strip() for part in value.split(",")]
    return value
