"""Which types of instances fulfil the requirements that EC2 and auto scaling groups take."""

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any

from addons.sim.aws.ec2.instance_types import descriptions

About = Mapping[str, Any]
_MAKERS = {"intel": "Intel", "amd": "AMD", "amazon-web-services": "AWS", "apple": "Apple"}


def matching_types(
    requirements: Mapping[str, Any],
    *,
    architectures: Collection[str] = (),
    virtualization: Collection[str] = (),
) -> list[str]:
    """The types that fulfil all requirements, those with the fewest processors and least memory first.

    Bare metal, burstable types and accelerators are left out unless they are asked for. Prices do not count.
    """
    found = [
        (about["VCpuInfo"]["DefaultVCpus"], about["MemoryInfo"]["SizeInMiB"], name)
        for name, about in descriptions().items()
        if _fulfils(name, about, requirements)
        and _meets(about["ProcessorInfo"]["SupportedArchitectures"], architectures)
        and _meets(about["SupportedVirtualizationTypes"], virtualization)
    ]
    return [name for _, _, name in sorted(found)]


def _meets(offered: Collection[str], wanted: Collection[str]) -> bool:
    return not wanted or bool(set(offered) & set(wanted))


def _fulfils(name: str, about: About, wanted: Mapping[str, Any]) -> bool:
    cores, memory = about["VCpuInfo"]["DefaultVCpus"], about["MemoryInfo"]["SizeInMiB"]
    accelerators = _accelerators(about)
    return (
        _is_within(cores, wanted.get("VCpuCount"))
        and _is_within(memory, wanted.get("MemoryMiB"))
        and _is_within(memory / 1024 / cores, wanted.get("MemoryGiBPerVCpu"))
        and _is_chosen(name, wanted)
        and _is_made_by(about, wanted.get("CpuManufacturers", ()))
        and _is_permitted(bool(about.get("BareMetal")), wanted.get("BareMetal"))
        and _is_permitted(
            bool(about.get("BurstablePerformanceSupported")), wanted.get("BurstablePerformance")
        )
        and _is_of_generation(about, wanted.get("InstanceGenerations", ()))
        and _is_within(accelerators, wanted.get("AcceleratorCount") or {"Max": 0})
    )


def _is_within(value: float, bounds: Any) -> bool:
    bounds = bounds or {}
    return float(bounds.get("Min", 0)) <= value <= float(bounds.get("Max", value))


def _is_chosen(name: str, wanted: Mapping[str, Any]) -> bool:
    allowed, excluded = wanted.get("AllowedInstanceTypes", ()), wanted.get("ExcludedInstanceTypes", ())
    is_allowed = not allowed or any(fnmatchcase(name, pattern) for pattern in allowed)
    return is_allowed and not any(fnmatchcase(name, pattern) for pattern in excluded)


def _is_made_by(about: About, makers: Collection[str]) -> bool:
    return not makers or about["ProcessorInfo"].get("Manufacturer") in {_MAKERS[each] for each in makers}


def _is_permitted(is_so: bool, rule: str | None) -> bool:
    """Included means both are right, required only those, excluded only the others, which is usual."""
    return {"included": True, "required": is_so}.get(rule or "excluded", not is_so)


def _is_of_generation(about: About, generations: Collection[str]) -> bool:
    return not generations or ("current" if about["CurrentGeneration"] else "previous") in generations


def _accelerators(about: About) -> int:
    return sum(
        int(each["Count"])
        for kind, items in (("GpuInfo", "Gpus"), ("InferenceAcceleratorInfo", "Accelerators"))
        for each in about.get(kind, {}).get(items, ())
    )
