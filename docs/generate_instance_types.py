"""Write addons/instance_types/types.txt from answers of DescribeInstanceTypes, or from what moto has of it.

aws ec2 describe-instance-types > types.json && python docs/generate_instance_types.py types.json
"""

import gzip
import json
import sys
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from addons.instance_types.network import network_from_api
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


def table(items: Iterable[Mapping[str, Any]]) -> str:
    """Give the text of the table, in the order of names."""
    networks = {network.name: network for network in map(line_to_network, OLDER.splitlines())}
    networks |= {network.name: network for network in map(network_from_api, items)}
    return "".join(network_to_line(networks[name]) for name in sorted(networks))


def moto_types() -> list[Mapping[str, Any]]:
    """The types that moto has, as EC2 describes them."""
    packed = (files("moto.ec2") / "resources" / "instance_types.json.gz").read_bytes()
    return list(json.loads(gzip.decompress(packed)).values())


def main(arguments: list[str]) -> None:
    """Write the table."""
    read = [json.loads(Path(name).read_text())["InstanceTypes"] for name in arguments]
    PATH.write_text(table([item for part in read for item in part] or moto_types()))


if __name__ == "__main__":
    main(sys.argv[1:])
