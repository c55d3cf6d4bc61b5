"""Groups of a matrix as a roll looks at them: what instances were launched from, and the next one will be."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from addons.autoscaler import names
from addons.autoscaler.aws.calls import MOST_NAMES, chunks, listed
from addons.autoscaler.aws.images import images_of
from addons.autoscaler.aws.launches import TemplateRef, reference_from_group, source_from_template
from addons.autoscaler.aws.translate import UNREADABLE, group_from_api
from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.matrix import RollGroup, RollInstance
from addons.runtime.aws import AwsSession
from addons.runtime.errors import NotFound, Unavailable
from addons.runtime.permit import Permit

_LOOKED_UP: Final = "resolve:ssm:"
Item = Mapping[str, Any]


class RollGroups:
    """Reads groups one by one. What an instance was launched from cannot change, and is read once."""

    def __init__(self, aws: AwsSession) -> None:
        self._aws = aws
        self._launched: dict[str, tuple[str, str]] = {}
        """Instance -> its image, and the digest of its launch."""

    async def read(self, name: str) -> RollGroup:
        """A group as it is now, without what nodes tell. Raises OutsideError; NotFound if there is none."""
        group, reference = await self._group(name)
        await self._learn(each.id for each in group.instances)
        instances = []
        for each in group.instances:
            image, launch = self._launched.get(each.id, ("", ""))
            instances.append(RollInstance(instance=each, image=image, launch=launch))
        template, image, launch = await self._next(reference) if reference else ("", "", "")
        return RollGroup(
            name=name,
            min_size=group.min_size,
            max_size=group.max_size,
            desired=group.desired,
            instances=tuple(instances),
            launch_template=template,
            image=image,
            launch=launch,
            cannot_launch="Launch" in group.suspended,
        )

    async def raise_to(self, name: str, target: int, permit: Permit) -> None:
        """Have a group want `target` instances, and never fewer than it wants now. Raises OutsideError."""
        group, _ = await self._group(name)
        if group.desired < target:
            await self._aws.call(
                "autoscaling",
                "set_desired_capacity",
                permit=permit,
                AutoScalingGroupName=name,
                DesiredCapacity=target,
                HonorCooldown=False,
            )

    async def sizes(self, name: str) -> tuple[int, int]:
        """Minimum and desired capacity of a group now. Raises OutsideError."""
        group, _ = await self._group(name)
        return group.min_size, group.desired

    async def _group(self, name: str) -> tuple[Group, TemplateRef | None]:
        operation = "describe_auto_scaling_groups"
        reply = await self._aws.call("autoscaling", operation, AutoScalingGroupNames=[name])
        found = listed(reply, "AutoScalingGroups")
        if not found:
            raise NotFound(f"group {name}: AWS has no such auto scaling group", code=names.GROUP_NOT_FOUND)
        try:
            return group_from_api(found[0], None, 0.0), reference_from_group(found[0]).template
        except UNREADABLE as error:
            raise Unavailable(f"group {name}: cannot be read: {error}", code="GroupUnreadable") from error

    async def _next(self, reference: TemplateRef) -> tuple[str, str, str]:
        """What the next instance is launched from: version, image and digest; "" for what nobody knows."""
        which: dict[str, Any] = (
            {"LaunchTemplateId": reference.id} if reference.id else {"LaunchTemplateName": reference.name}
        )
        reply = await self._aws.call(
            "ec2", "describe_launch_template_versions", Versions=[reference.version], **which
        )
        found = listed(reply, "LaunchTemplateVersions")
        if not found:
            raise NotFound(f"launch template {reference}: no such version", code="NoSuchVersion")
        source = source_from_template(found[0])
        return source.name, await self._image(source.image), _launch_of_template(found[0])

    async def _image(self, image: str) -> str:
        if not image.startswith(_LOOKED_UP):
            return image
        parameter = image.removeprefix(_LOOKED_UP)
        return (await images_of(self._aws, [parameter])).get(parameter, "")

    async def _learn(self, instances: Iterable[str]) -> None:
        """Read what instances were launched from; those that EC2 does not show yet are read again later."""
        unknown = [each for each in instances if each not in self._launched]
        for some in chunks(unknown, MOST_NAMES):
            filters = [{"Name": "instance-id", "Values": list(some)}]
            async for page in self._aws.pages("ec2", "describe_instances", Filters=filters):
                for reservation in listed(page, "Reservations"):
                    for found in listed(reservation, "Instances"):
                        tags = _tags(found.get("Tags"))
                        launch = tags.get(names.LAUNCHED_FROM_TAG, "")
                        self._launched[found["InstanceId"]] = found.get("ImageId", ""), launch


def _launch_of_template(version: Item) -> str:
    """The digest that instances of a version get as a tag."""
    for each in version["LaunchTemplateData"].get("TagSpecifications") or ():
        if each.get("ResourceType") == "instance":
            return _tags(each.get("Tags")).get(names.LAUNCHED_FROM_TAG, "")
    return ""


def _tags(items: Iterable[Item] | None) -> dict[str, str]:
    return {each["Key"]: each.get("Value", "") for each in items or ()}
