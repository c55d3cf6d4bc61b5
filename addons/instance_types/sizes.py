"""Processors and memory of types, and how EC2 tells them; those known when this was built are a table."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

PATH = Path(__file__).with_name("sizes.txt")
"""A line for each type: name, virtual CPUs, MiB of memory, architecture, GPUs, Neuron devices."""


class TypeSize(Struct, frozen=True):
    """What a type has. `arch` is as Kubernetes names it: amd64 or arm64; GPUs are those of NVIDIA."""

    name: str
    cpus: int
    memory_mib: int
    arch: str = "amd64"
    gpus: int = 0
    neurons: int = 0


def size_from_api(item: Mapping[str, Any]) -> TypeSize:
    """Read an element of InstanceTypes in an answer of DescribeInstanceTypes. Raises KeyError."""
    architectures = item.get("ProcessorInfo", {}).get("SupportedArchitectures") or ()
    gpus = (item.get("GpuInfo") or {}).get("Gpus") or ()
    neurons = (item.get("NeuronInfo") or {}).get("NeuronDevices") or ()
    return TypeSize(
        item["InstanceType"],
        item["VCpuInfo"]["DefaultVCpus"],
        item["MemoryInfo"]["SizeInMiB"],
        "arm64" if any(each.startswith("arm64") for each in architectures) else "amd64",
        sum(each.get("Count", 0) for each in gpus if each.get("Manufacturer") == "NVIDIA"),
        sum(each.get("Count", 0) for each in neurons),
    )


def find_sizes(names: frozenset[str]) -> dict[str, TypeSize]:
    """Look types up; those that are newer than the table are left out. The table is not kept."""
    with PATH.open(encoding="ascii") as lines:
        found = [line_to_size(line) for line in lines if line.split(" ", 1)[0] in names]
    return {size.name: size for size in found}


def line_to_size(line: str) -> TypeSize:
    """Read a line of the table."""
    name, cpus, memory_mib, arch, gpus, neurons = line.split()
    return TypeSize(name, int(cpus), int(memory_mib), arch, int(gpus), int(neurons))


def size_to_line(size: TypeSize) -> str:
    """Write a line of the table."""
    return f"{size.name} {size.cpus} {size.memory_mib} {size.arch} {size.gpus} {size.neurons}\n"
