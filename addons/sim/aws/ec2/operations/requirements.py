"""GetInstanceTypesFromInstanceRequirements: the types that have certain attributes."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from addons.sim.aws.ec2.filters import page
from addons.sim.aws.ec2.instance_types import descriptions
from addons.sim.aws.ec2.state import Ec2

Call = dict[str, Any]
_MAKERS = {"intel": "Intel", "amd": "AMD", "amazon-web-services": "AWS"}


def get_instance_types_from_instance_requirements(ec2: Ec2, call: Call) -> Call:
    """Show the names of the types that fit, as far as processors, memory and names go."""
    wanted = call["InstanceRequirements"]
    found = [
        {"InstanceType": name}
        for name, about in descriptions().items()
        if set(call["ArchitectureTypes"]) & set(about["ProcessorInfo"]["SupportedArchitectures"])
        and set(call["VirtualizationTypes"]) & set(about.get("SupportedVirtualizationTypes", ()))
        and _fits(name, about, wanted)
    ]
    shown, following = page(found, call, lambda each: each["InstanceType"], largest=1000)
    return {"InstanceTypes": shown, "NextToken": following}


def _fits(name: str, about: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    makers = [_MAKERS[each] for each in wanted.get("CpuManufacturers", ())]
    return (
        _is_within(about["VCpuInfo"]["DefaultVCpus"], wanted["VCpuCount"])
        and _is_within(about["MemoryInfo"]["SizeInMiB"], wanted["MemoryMiB"])
        and (not makers or about["ProcessorInfo"].get("Manufacturer") in makers)
        and (not about.get("BareMetal") or wanted.get("BareMetal", "excluded") != "excluded")
        and _is_burstable_as_wanted(about, wanted)
        and not _is_one_of(name, wanted.get("ExcludedInstanceTypes", ()))
        and _is_one_of(name, wanted.get("AllowedInstanceTypes", ("*",)))
    )


def _is_burstable_as_wanted(about: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    wish = wanted.get("BurstablePerformance", "excluded")
    if about.get("BurstablePerformanceSupported"):
        return bool(wish != "excluded")
    return bool(wish != "required")


def _is_within(value: int, limits: Mapping[str, int]) -> bool:
    return limits.get("Min", 0) <= value <= limits.get("Max", value)


def _is_one_of(name: str, patterns: Any) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
