"""What every type of resource can do, and what all of them share."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from addons.sim.aws.cloudformation.errors import HandlerFailed
from addons.sim.aws.cloudformation.model import Recreation

Properties = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """A resource as it is to be. `tags` are those of the stack; `suffix` makes a given name unique.

    With `keeps_sizes` what an update does not change of a group's sizes is left as the group has it.
    """

    stack_id: str
    stack_name: str
    logical_id: str
    properties: Properties
    tags: Mapping[str, str]
    suffix: str
    keeps_sizes: bool = False


class Kind:
    """A type. `properties` says of each property what a change of it does to the resource.

    No two resources have equal properties of `identity`; `attributes` are those for Fn::GetAtt.
    Methods raise `HandlerFailed`, or what the service below refuses with.
    """

    type: ClassVar[str]
    properties: ClassVar[Mapping[str, Recreation]]
    required: ClassVar[tuple[str, ...]]
    identity: ClassVar[tuple[str, ...]]
    attributes: ClassVar[tuple[str, ...]] = ()
    is_taggable: ClassVar[bool] = False

    def check(self, logical_id: str, properties: Properties) -> None:
        """Refuse properties that the type does not have, or that lack."""
        for name in properties:
            if name not in self.properties:
                raise HandlerFailed(
                    f"Properties validation failed for resource {logical_id} with message:\n"
                    f"[#: extraneous key [{name}] is not permitted]"
                )
        for name in self.required:
            if name not in properties:
                raise HandlerFailed(
                    f"Properties validation failed for resource {logical_id} with message:\n"
                    f"[#: required key [{name}] not found]"
                )

    def create(self, request: Request) -> str:
        """Make the resource; its physical id."""
        raise NotImplementedError

    def stabilize(self, physical_id: str) -> Iterator[float]:
        """Give how many seconds to wait, again and again, until the resource is usable."""
        yield from ()

    def update(self, physical_id: str, before: Request, after: Request) -> None:
        """Change the resource in place."""
        raise NotImplementedError

    def delete(self, physical_id: str, properties: Properties) -> Iterator[float]:
        """Delete the resource if it is there, and give how many seconds to wait, until it is gone."""
        raise NotImplementedError

    def read(self, physical_id: str) -> Mapping[str, str]:
        """Give the attributes."""
        return {}

    def actual(self, physical_id: str, expected: Properties) -> Properties | None:
        """Give the expected properties as they really are; None when the resource is gone."""
        raise NotImplementedError


def system_tags(request: Request) -> dict[str, str]:
    """The tags that CloudFormation puts on what it makes."""
    return {
        "aws:cloudformation:stack-id": request.stack_id,
        "aws:cloudformation:stack-name": request.stack_name,
        "aws:cloudformation:logical-id": request.logical_id,
    }


def generated_name(request: Request, longest: int = 255) -> str:
    """A name for a resource that is given none: stack, logical id and a suffix."""
    return f"{f'{request.stack_name}-{request.logical_id}'[: longest - 13]}-{request.suffix}"
