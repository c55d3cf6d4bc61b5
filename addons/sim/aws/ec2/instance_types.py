"""What instance types can do, from the table of DescribeInstanceTypes answers that moto ships."""

import gzip
import json
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from addons.sim.aws.ec2.errors import Ec2Error


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a type. `interfaces`: how many each network card takes, card 0 first."""

    type: str
    interfaces: tuple[int, ...]
    addresses_per_interface: int
    has_prefixes: bool


@cache
def descriptions() -> dict[str, dict[str, Any]]:
    """Give every InstanceTypeInfo by its type."""
    spec = find_spec("moto")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("moto is not installed, whose table of instance types is needed")
    table = Path(spec.origin).with_name("ec2") / "resources" / "instance_types.json.gz"
    found: dict[str, dict[str, Any]] = json.loads(gzip.decompress(table.read_bytes()))
    return found


def description(type_: str) -> dict[str, Any]:
    """Give the InstanceTypeInfo of a type. Raises InvalidInstanceType."""
    try:
        return descriptions()[type_]
    except KeyError:
        message = f"The following supplied instance types do not exist: [{type_}]"
        raise Ec2Error("InvalidInstanceType", message) from None


@cache
def limits_of(type_: str) -> Limits:
    """Give the limits of a type. Raises InvalidInstanceType.

    Prefixes are for those on Nitro: the hypervisor, or bare metal.
    """
    about = description(type_)
    network = about["NetworkInfo"]
    cards = sorted(network["NetworkCards"], key=lambda card: int(card["NetworkCardIndex"]))
    return Limits(
        type=type_,
        interfaces=tuple(card["MaximumNetworkInterfaces"] for card in cards),
        addresses_per_interface=network["Ipv4AddressesPerInterface"],
        has_prefixes=about.get("Hypervisor") == "nitro" or bool(about.get("BareMetal")),
    )


def check_size(limits: Limits, size: int, has_prefixes: bool) -> None:
    """Refuse more addresses and prefixes than an interface of the type takes."""
    if size > limits.addresses_per_interface:
        raise Ec2Error("PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit.")
    if has_prefixes and not limits.has_prefixes:
        message = f"The instance type {limits.type} does not support prefixes"
        raise Ec2Error("OperationNotPermitted", message)
