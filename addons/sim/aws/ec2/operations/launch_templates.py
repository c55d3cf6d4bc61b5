"""CreateLaunchTemplate and all else about launch templates and their versions."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from addons.sim.aws.ec2.account import OWNER
from addons.sim.aws.ec2.errors import Ec2Error, invalid, missing, no_launch_template_version
from addons.sim.aws.ec2.filters import Values, narrow, page
from addons.sim.aws.ec2.model import LaunchTemplate
from addons.sim.aws.ec2.operations.interfaces import read_tags
from addons.sim.aws.ec2.operations.shapes import tag_items
from addons.sim.aws.ec2.state import Ec2

Call = dict[str, Any]
_CREATOR = f"arn:aws:iam::{OWNER}:root"


def create_launch_template(ec2: Ec2, call: Call) -> Call:
    """Make a template with its first version."""
    name = call["LaunchTemplateName"]
    if any(each.name == name for each in ec2.account.launch_templates.values()):
        raise Ec2Error(
            "InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use."
        )
    id_ = ec2.account.new_id("lt")
    template = LaunchTemplate(
        id_,
        name,
        ec2.agenda.time(),
        {1: call["LaunchTemplateData"]},
        tags=read_tags(call, "launch-template"),
    )
    ec2.account.launch_templates[id_] = template
    return {"LaunchTemplate": _shape(template)}


def create_launch_template_version(ec2: Ec2, call: Call) -> Call:
    """Make a newer version, of what a source version has and what is given."""
    template = _wanted(ec2, call)
    data: Mapping[str, Any] = call["LaunchTemplateData"]
    if source := call.get("SourceVersion"):
        data = {**template.versions[resolve(template, source)], **data}
    number = template.latest + 1
    changed = replace(template, versions={**template.versions, number: data})
    ec2.account.launch_templates[template.id] = changed
    return {"LaunchTemplateVersion": _version_shape(changed, number)}


def modify_launch_template(ec2: Ec2, call: Call) -> Call:
    """Make another version the default."""
    template = _wanted(ec2, call)
    changed = replace(template, default=resolve(template, call.get("DefaultVersion", "")))
    ec2.account.launch_templates[template.id] = changed
    return {"LaunchTemplate": _shape(changed)}


def delete_launch_template(ec2: Ec2, call: Call) -> Call:
    """Delete a template with all its versions."""
    template = _wanted(ec2, call)
    del ec2.account.launch_templates[template.id]
    return {"LaunchTemplate": _shape(template)}


_TEMPLATE: Mapping[str, Values[LaunchTemplate]] = {
    "launch-template-name": lambda template: [template.name],
}


def describe_launch_templates(ec2: Ec2, call: Call) -> Call:
    """Show templates."""
    ids, names = call.get("LaunchTemplateIds", ()), call.get("LaunchTemplateNames", ())
    found = [ec2.account.launch_template(id_) for id_ in ids]
    found += [ec2.account.launch_template(name=name) for name in names]
    if not ids and not names:
        found = list(ec2.account.launch_templates.values())
    found = narrow(found, call.get("Filters", ()), _TEMPLATE)
    shown, following = page(found, call, lambda template: template.id, largest=200)
    return {"LaunchTemplates": list(map(_shape, shown)), "NextToken": following}


def describe_launch_template_versions(ec2: Ec2, call: Call) -> Call:
    """Show versions of one template, or, with $Latest or $Default alone, of all templates."""
    wanted = call.get("Versions", ())
    if not call.get("LaunchTemplateId") and not call.get("LaunchTemplateName"):
        if not wanted or not set(wanted) <= {"$Latest", "$Default"}:
            raise missing("LaunchTemplateId or LaunchTemplateName")
        templates: Iterable[LaunchTemplate] = ec2.account.launch_templates.values()
    else:
        templates = (_wanted(ec2, call),)
    found = [(template, number) for template in templates for number in _numbers(template, call)]
    shown, following = page(found, call, lambda pair: f"{pair[0].id}/{pair[1]:06}", largest=200)
    return {
        "LaunchTemplateVersions": [_version_shape(*pair) for pair in shown],
        "NextToken": following,
    }


def resolve(template: LaunchTemplate, version: str) -> int:
    """The number of a version: itself, $Latest or $Default. Raises VersionNotFound."""
    if version in ("$Latest", "$Default"):
        return template.latest if version == "$Latest" else template.default
    if not version.isdecimal():
        raise invalid(f"Invalid launch template version: either '{version}' is not a number")
    if int(version) not in template.versions:
        raise no_launch_template_version(template.id, version)
    return int(version)


def _wanted(ec2: Ec2, call: Call) -> LaunchTemplate:
    id_, name = call.get("LaunchTemplateId", ""), call.get("LaunchTemplateName", "")
    if bool(id_) == bool(name):
        raise missing("LaunchTemplateId or LaunchTemplateName, but not both")
    return ec2.account.launch_template(id_, name)


def _numbers(template: LaunchTemplate, call: Call) -> list[int]:
    if wanted := call.get("Versions"):
        return list(dict.fromkeys(resolve(template, version) for version in wanted))
    least, most = int(call.get("MinVersion", 1)), int(call.get("MaxVersion", template.latest))
    return [number for number in sorted(template.versions, reverse=True) if least <= number <= most]


def _shape(template: LaunchTemplate) -> Call:
    return {
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "CreateTime": template.created,
        "CreatedBy": _CREATOR,
        "DefaultVersionNumber": template.default,
        "LatestVersionNumber": template.latest,
        "Tags": tag_items(template.tags),
    }


def _version_shape(template: LaunchTemplate, number: int) -> Call:
    return {
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "VersionNumber": number,
        "CreateTime": template.created,
        "CreatedBy": _CREATOR,
        "DefaultVersion": number == template.default,
        "LaunchTemplateData": template.versions[number],
    }
