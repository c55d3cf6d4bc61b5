"""What the next instance of a group is launched from, as AWS has it now."""

from typing import Any

import msgspec

from addons.autoscaler.aws.answers import Answers
from addons.autoscaler.aws.calls import in_time, listed
from addons.autoscaler.aws.launches import (
    Launch,
    LaunchReference,
    Source,
    TemplateRef,
    least_of,
    source_from_configuration,
    source_from_template,
)
from addons.runtime.aws import AwsSession
from addons.runtime.errors import NotFound, OutsideError

MOVING_SECONDS = 600.0
"""So long it is believed which version $Latest and $Default are."""

_TYPES_SECONDS = 3600.0
_MOVING = ("$Latest", "$Default")
_ARM_ONLY = ["amazon-web-services"]


class LaunchTemplates:
    """Reads launch templates and configurations. What cannot change is read once."""

    def __init__(self, aws: AwsSession) -> None:
        self._aws = aws
        self._sources: Answers[TemplateRef | str, Source] = Answers()
        self._types: Answers[str, tuple[str, ...]] = Answers()

    async def launch_of(self, reference: LaunchReference) -> Launch:
        """Read what a group's reference means now. Raises OutsideError."""
        source = await self._source(reference)
        others = [await self._template(each) for each in reference.templates]
        types, requirements = reference.types, reference.requirements
        if not (types or requirements):
            types = (source.type,) if source.type else ()
            requirements = (source.requirements,) if source.requirements else ()
        floor, problem = None, ""
        for each in requirements:
            try:
                types += await self._types_of(each)
            except OutsideError as error:
                floor = least_of(requirements)
                problem = f"types by attributes: the least of their ranges is assumed: {error.message}"
        return Launch(
            types=() if problem else tuple(dict.fromkeys(types)),
            launch_template="+".join(dict.fromkeys(each.name for each in (source, *others))),
            image=source.image,
            capacity_type=reference.spread or ("spot" if source.is_spot else "on-demand"),
            floor=floor,
            problem=problem,
        )

    async def _source(self, reference: LaunchReference) -> Source:
        if reference.template:
            return await self._template(reference.template)
        name = reference.configuration
        return await self._sources.get(name, lambda: self._ask_configuration(name))

    async def _template(self, reference: TemplateRef) -> Source:
        seconds = MOVING_SECONDS - 1 if reference.version in _MOVING else float("inf")
        return await self._sources.get(reference, lambda: self._ask_template(reference), seconds=seconds)

    async def _ask_template(self, reference: TemplateRef) -> Source:
        which: dict[str, Any] = (
            {"LaunchTemplateId": reference.id} if reference.id else {"LaunchTemplateName": reference.name}
        )
        async with in_time(f"launch template {reference}"):
            reply = await self._aws.call(
                "ec2", "describe_launch_template_versions", Versions=[reference.version], **which
            )
        found = listed(reply, "LaunchTemplateVersions")
        if not found:
            raise NotFound(f"launch template {reference}: no such version", code="NoSuchVersion")
        return source_from_template(found[0])

    async def _ask_configuration(self, name: str) -> Source:
        async with in_time(f"launch configuration {name}"):
            reply = await self._aws.call(
                "autoscaling", "describe_launch_configurations", LaunchConfigurationNames=[name]
            )
        found = listed(reply, "LaunchConfigurations")
        if not found:
            raise NotFound(f"launch configuration {name}: there is none", code="NoSuchConfiguration")
        return source_from_configuration(found[0])

    async def _types_of(self, requirements: str) -> tuple[str, ...]:
        return await self._types.get(
            requirements, lambda: self._ask_types(requirements), seconds=_TYPES_SECONDS
        )

    async def _ask_types(self, requirements: str) -> tuple[str, ...]:
        """The types that EC2 finds, in its order; those that are of ARM where only these are asked for."""
        wanted: dict[str, Any] = msgspec.json.decode(requirements)
        arch = "arm64" if wanted.get("CpuManufacturers") == _ARM_ONLY else "x86_64"
        async with in_time("types by attributes"):
            return tuple(
                [
                    item["InstanceType"]
                    async for page in self._aws.pages(
                        "ec2",
                        "get_instance_types_from_instance_requirements",
                        ArchitectureTypes=[arch],
                        VirtualizationTypes=["hvm"],
                        InstanceRequirements=wanted,
                    )
                    for item in listed(page, "InstanceTypes")
                ]
            )
