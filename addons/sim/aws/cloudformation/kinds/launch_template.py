"""AWS::EC2::LaunchTemplate: a change makes a new version; which one is the default stays as it is.

The type takes no tags from its stack.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from addons.sim.aws.cloudformation.errors import HandlerFailed
from addons.sim.aws.cloudformation.kinds.kind import Kind, Properties, Request
from addons.sim.aws.cloudformation.kinds.typed import typed
from addons.sim.aws.cloudformation.model import Recreation
from addons.sim.aws.ec2.operations import launch_templates
from addons.sim.aws.ec2.state import Ec2

_LONGEST_NAME = 128


class LaunchTemplateKind(Kind):
    """Launch templates of the simulated EC2; Ref gives the id."""

    type = "AWS::EC2::LaunchTemplate"
    properties: ClassVar[Mapping[str, Recreation]] = {
        "LaunchTemplateData": "Never",
        "LaunchTemplateName": "Always",
        "TagSpecifications": "Never",
        "VersionDescription": "Never",
    }
    required = ("LaunchTemplateData",)
    identity = ("LaunchTemplateName",)
    attributes = ("LaunchTemplateId", "LatestVersionNumber", "DefaultVersionNumber")

    def __init__(self, ec2: Ec2) -> None:
        self._ec2 = ec2

    def create(self, request: Request) -> str:
        """Make a launch template with its first version; its id."""
        given = request.properties
        name = str(given.get("LaunchTemplateName", f"{request.logical_id}_{request.suffix}"))
        if not 3 <= len(name) <= _LONGEST_NAME:
            raise HandlerFailed(
                f"Launch template name {name} must be between 3 and {_LONGEST_NAME} characters"
            )
        call = {
            "LaunchTemplateName": name,
            "LaunchTemplateData": _data(given),
            "TagSpecifications": given.get("TagSpecifications", []),
        }
        made = launch_templates.create_launch_template(self._ec2, call)
        return str(made["LaunchTemplate"]["LaunchTemplateId"])

    def update(self, physical_id: str, before: Request, after: Request) -> None:
        """Make a new version with the whole of the data."""
        call = {"LaunchTemplateId": physical_id, "LaunchTemplateData": _data(after.properties)}
        launch_templates.create_launch_template_version(self._ec2, call)

    def delete(self, physical_id: str, properties: Properties) -> Iterator[float]:
        """Delete all versions."""
        self._ec2.account.launch_templates.pop(physical_id, None)
        yield from ()

    def read(self, physical_id: str) -> Mapping[str, str]:
        """Give id and version numbers."""
        template = self._ec2.account.launch_template(physical_id)
        return {
            "LaunchTemplateId": physical_id,
            "LatestVersionNumber": str(template.latest),
            "DefaultVersionNumber": str(template.default),
        }

    def actual(self, physical_id: str, expected: Properties) -> Properties | None:
        """The data cannot be read back by the type, so that only a template that is gone counts as drift."""
        return dict(expected) if physical_id in self._ec2.account.launch_templates else None


def _data(properties: Properties) -> dict[str, Any]:
    data = typed("ec2", "RequestLaunchTemplateData", properties["LaunchTemplateData"])
    if not data:
        raise HandlerFailed("LaunchTemplateData must have at least one property")
    return data
