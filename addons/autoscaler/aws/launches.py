"""What a group says of its launches, and what launch templates and configurations say: values, and how the
API tells them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from addons.autoscaler.model.resources import CPU, MEMORY, Amounts

Item = Mapping[str, Any]
CapacityType = Literal["spot", "on-demand", "mixed"]


class WeightsUsed(ValueError):
    """A group counts units of capacity, not instances."""


@dataclass(frozen=True, slots=True)
class TemplateRef:
    """A launch template as a group names it; `version` is a number, $Latest or $Default."""

    id: str
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.id or self.name}:{self.version}"


@dataclass(frozen=True, slots=True)
class LaunchReference:
    """What a group says of its launches: a template or a configuration, and of a mixed policy the rest.

    `types` are those of overrides, in their order; `requirements` are attributes that types must have, as
    JSON. `spread` is how a mixed policy parts spot and on-demand, None where the template says it.
    """

    template: TemplateRef | None = None
    configuration: str = ""
    types: tuple[str, ...] = ()
    templates: tuple[TemplateRef, ...] = ()
    requirements: tuple[str, ...] = ()
    spread: CapacityType | None = None


@dataclass(frozen=True, slots=True)
class Launch:
    """What the next instance is launched from; the fields are those of Group. `problem` says what of it is
    not known, in words."""

    types: tuple[str, ...]
    launch_template: str
    image: str = ""
    capacity_type: CapacityType = "on-demand"
    floor: Amounts | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A version of a launch template, or a launch configuration."""

    name: str
    type: str
    image: str
    is_spot: bool
    requirements: str = ""


def reference_from_group(item: Item) -> LaunchReference:
    """Read what DescribeAutoScalingGroups says of launches. Raises KeyError, TypeError or ValueError."""
    if policy := item.get("MixedInstancesPolicy"):
        return _reference_from_policy(policy)
    if template := item.get("LaunchTemplate"):
        return LaunchReference(template=template_ref(template))
    if name := item.get("LaunchConfigurationName"):
        return LaunchReference(configuration=name)
    raise ValueError("it has neither launch template nor launch configuration")


def _reference_from_policy(policy: Item) -> LaunchReference:
    overrides: Sequence[Item] = policy["LaunchTemplate"].get("Overrides") or ()
    if weighted := [each for each in overrides if each.get("WeightedCapacity", "1") != "1"]:
        raise WeightsUsed(f"its types have weights ({weighted[0]['InstanceType']}), so that it counts units")
    own = [each["LaunchTemplateSpecification"] for each in overrides if "LaunchTemplateSpecification" in each]
    wishes = [each["InstanceRequirements"] for each in overrides if "InstanceRequirements" in each]
    return LaunchReference(
        template=template_ref(policy["LaunchTemplate"]["LaunchTemplateSpecification"]),
        types=tuple(dict.fromkeys(each["InstanceType"] for each in overrides if "InstanceType" in each)),
        templates=tuple(dict.fromkeys(map(template_ref, own))),
        requirements=tuple(map(_text, wishes)),
        spread=_spread(policy.get("InstancesDistribution") or {}),
    )


def _spread(said: Item) -> CapacityType:
    base, percent = (
        said.get("OnDemandBaseCapacity") or 0,
        said.get("OnDemandPercentageAboveBaseCapacity", 100),
    )
    if percent == 100:
        return "on-demand"
    return "mixed" if base or percent else "spot"


def template_ref(item: Item) -> TemplateRef:
    """Read a LaunchTemplateSpecification; without a version it is $Default."""
    id_, name = item.get("LaunchTemplateId") or "", item.get("LaunchTemplateName") or ""
    if not (id_ or name):
        raise ValueError("its launch template has neither id nor name")
    return TemplateRef(id_, name, item.get("Version") or "$Default")


def source_from_template(item: Item) -> Source:
    """Read an element of LaunchTemplateVersions."""
    data = item["LaunchTemplateData"]
    wishes = data.get("InstanceRequirements")
    return Source(
        name=f"{item['LaunchTemplateId']}:{item['VersionNumber']}",
        type=data.get("InstanceType") or "",
        image=data.get("ImageId") or "",
        is_spot=(data.get("InstanceMarketOptions") or {}).get("MarketType") == "spot",
        requirements=_text(wishes) if wishes else "",
    )


def source_from_configuration(item: Item) -> Source:
    """Read an element of LaunchConfigurations."""
    return Source(
        name=item["LaunchConfigurationName"],
        type=item.get("InstanceType") or "",
        image=item.get("ImageId") or "",
        is_spot=bool(item.get("SpotPrice")),
    )


def least_of(requirements: Sequence[str]) -> Amounts:
    """What any type that fits one of the requirements has at least."""
    wishes: list[dict[str, Any]] = [msgspec.json.decode(each) for each in requirements]
    return {
        CPU: min(each.get("VCpuCount", {}).get("Min", 0) for each in wishes) * 1000,
        MEMORY: min(each.get("MemoryMiB", {}).get("Min", 0) for each in wishes) << 20,
    }


def _text(value: Any) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()
