"""Write the tables of addons/instance_types from answers of DescribeInstanceTypes, or what moto has of it.

aws ec2 describe-instance-types > types.json && python docs/generate_instance_types.py types.json
"""

import gzip
import json
import sys
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from addons.instance_types import sizes
from addons.instance_types.network import network_from_api
from addons.instance_types.sizes import line_to_size, size_from_api, size_to_line
from addons.instance_types.table import PATH, line_to_network, network_to_line

OLDER = """\
c5a.metal 15 50 metal 1
c5ad.metal 15 50 metal 1
dl1.24xlarge 15 50 nitro 4
f1.16xlarge 8 50 xen 1
f1.2xlarge 4 15 xen 1
f1.4xlarge 8 30 xen 1
g4ad.16xlarge 8 30 nitro 1
g4ad.2xlarge 2 4 nitro 1
g4ad.4xlarge 3 10 nitro 1
g4ad.8xlarge 4 15 nitro 1
g4ad.xlarge 2 4 nitro 1
p3.16xlarge 8 30 xen 1
p3.2xlarge 4 15 xen 1
p3.8xlarge 8 30 xen 1
u-12tb1.metal 5 30 metal 1
u-18tb1.metal 15 50 metal 1
u-24tb1.metal 15 50 metal 1
u-6tb1.metal 5 30 metal 1
u-9tb1.metal 5 30 metal 1
"""
"""Types that EC2 no longer offers in the regions which moto reads, and that are still in use."""

OLDER_SIZES = """\
c5a.metal 96 196608 amd64 0 0
c5ad.metal 96 196608 amd64 0 0
dl1.24xlarge 96 786432 amd64 0 0
f1.16xlarge 64 999424 amd64 0 0
f1.2xlarge 8 124928 amd64 0 0
f1.4xlarge 16 249856 amd64 0 0
g4ad.16xlarge 64 262144 amd64 0 0
g4ad.2xlarge 8 32768 amd64 0 0
g4ad.4xlarge 16 65536 amd64 0 0
g4ad.8xlarge 32 131072 amd64 0 0
g4ad.xlarge 4 16384 amd64 0 0
p3.16xlarge 64 499712 amd64 8 0
p3.2xlarge 8 62464 amd64 1 0
p3.8xlarge 32 249856 amd64 4 0
u-12tb1.metal 448 12582912 amd64 0 0
u-18tb1.metal 448 18874368 amd64 0 0
u-24tb1.metal 448 25165824 amd64 0 0
u-6tb1.metal 448 6291456 amd64 0 0
u-9tb1.metal 448 9437184 amd64 0 0
"""
"""The same for what they have."""


def table(items: Iterable[Mapping[str, Any]]) -> str:
    """Give the text of the table, in the order of names."""
    networks = {network.name: network for network in map(line_to_network, OLDER.splitlines())}
    networks |= {network.name: network for network in map(network_from_api, items)}
    return "".join(network_to_line(networks[name]) for name in sorted(networks))


def size_table(items: Iterable[Mapping[str, Any]]) -> str:
    """Give the text of the table of sizes, in the order of names."""
    found = {size.name: size for size in map(line_to_size, OLDER_SIZES.splitlines())}
    found |= {size.name: size for size in map(size_from_api, items)}
    return "".join(size_to_line(found[name]) for name in sorted(found))


def moto_types() -> list[Mapping[str, Any]]:
    """The types that moto has, as EC2 describes them."""
    packed = (files("moto.ec2") / "resources" / "instance_types.json.gz").read_bytes()
    return list(json.loads(gzip.decompress(packed)).values())


def main(arguments: list[str]) -> None:
    """Write the tables."""
    read = [json.loads(Path(name).read_text())["InstanceTypes"] for name in arguments]
    items = [item for part in read for item in part] or moto_types()
    PATH.write_text(table(items))
    sizes.PATH.write_text(size_table(items))


if __name__ == "__main__":
    main(sys.argv[1:])
