"""The table of processors and memory, and how EC2's answer about others is read."""

from typing import Any

import pytest

from addons.instance_types.sizes import PATH, TypeSize, find_sizes, line_to_size, size_from_api
from addons.instance_types.table import PATH as NETWORKS
from docs.generate_instance_types import moto_types, size_table


@pytest.mark.parametrize(
    "expected",
    [
        TypeSize("m5.large", 2, 8192),
        TypeSize("m6g.large", 2, 8192, "arm64"),
        TypeSize("g4dn.xlarge", 4, 16384, gpus=1),
        TypeSize("p4d.24xlarge", 96, 1179648, gpus=8),
        TypeSize("p3.2xlarge", 8, 62464, gpus=1),
        TypeSize("inf2.xlarge", 4, 16384, neurons=1),
        TypeSize("t3.nano", 2, 512),
    ],
)
def test_types_are_known(expected: TypeSize) -> None:
    assert find_sizes(frozenset({expected.name, "z99.large"})) == {expected.name: expected}


def test_it_is_what_the_script_writes() -> None:
    assert PATH.read_text() == size_table(moto_types())


def test_it_has_the_types_of_the_table_of_networks_each_once() -> None:
    names = [line_to_size(line).name for line in PATH.read_text().splitlines()]
    assert names == [line.split()[0] for line in NETWORKS.read_text().splitlines()]


def test_gpus_of_other_makers_are_not_counted() -> None:
    item: dict[str, Any] = {
        "InstanceType": "z9.large",
        "VCpuInfo": {"DefaultVCpus": 4},
        "MemoryInfo": {"SizeInMiB": 1024},
        "GpuInfo": {"Gpus": [{"Manufacturer": "AMD", "Count": 2}, {"Manufacturer": "NVIDIA", "Count": 1}]},
    }
    assert size_from_api(item) == TypeSize("z9.large", 4, 1024, gpus=1)


@pytest.mark.parametrize("missing", ["VCpuInfo", "MemoryInfo"])
def test_what_says_nothing_is_refused(missing: str) -> None:
    item = {
        "InstanceType": "z9.large",
        "VCpuInfo": {"DefaultVCpus": 4},
        "MemoryInfo": {"SizeInMiB": 1024},
    }
    del item[missing]
    with pytest.raises(KeyError, match=missing):
        size_from_api(item)
