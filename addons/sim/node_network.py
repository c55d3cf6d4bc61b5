"""What the metadata service tells of the network of an instance of the simulated EC2."""

from typing import Any

from addons.sim.aws.ec2.account import OWNER, REGION
from addons.sim.aws.ec2.instance_types import limits_of
from addons.sim.aws.ec2.model import Interface
from addons.sim.aws.ec2.state import Ec2
from addons.sim.imds import Instance


class NodeNetwork:
    """The network of one instance as its metadata service shows it, `lag_seconds` late.

    The lag may be changed at any time, and is ten minutes at most. An interface is shown while it is
    attached.
    """

    def __init__(self, ec2: Ec2, instance_id: str, *, lag_seconds: float = 0.0) -> None:
        self.lag_seconds = lag_seconds
        self._ec2 = ec2
        self._instance_id = instance_id

    def instance(self, **more: Any) -> Instance:
        """Give the rest that the metadata service tells, `more` of it as the caller wants it."""
        found = self._ec2.account.instance(self._instance_id)
        primary = self._ec2.account.interfaces_of(found.id)[0]
        about = {
            "instance_id": found.id,
            "instance_type": found.type,
            "account": OWNER,
            "zone": found.zone,
            "address": str(primary.addresses[0]),
            "mac": primary.mac,
            "tags": found.tags,
        }
        return Instance(**about | more)

    def leaves(self) -> dict[str, str]:
        """Give every leaf by its path below meta-data."""
        self._ec2.agenda.settle()
        account = self._ec2.account
        there = account.interfaces_of(self._instance_id, lag_seconds=self.lag_seconds)
        tree: dict[str, str] = {}
        for eni in there:
            if eni.plugged_into:
                folder = f"network/interfaces/macs/{eni.mac}"
                tree |= {f"{folder}/{name}": text for name, text in self._about(eni).items()}
        if there:
            tree |= {"mac": there[0].mac, "local-ipv4": str(there[0].addresses[0])}
        return tree

    def _about(self, eni: Interface) -> dict[str, str]:
        account, tie = self._ec2.account, eni.attachment
        assert tie is not None
        vpc = account.vpcs[eni.vpc_id]
        name = f"ip-{str(eni.addresses[0]).replace('.', '-')}.{REGION}.compute.internal"
        about = {
            "device-number": str(tie.device_index),
            "interface-id": eni.id,
            "local-hostname": name,
            "local-ipv4s": "\n".join(map(str, eni.addresses)),
            "mac": eni.mac,
            "owner-id": OWNER,
            "security-group-ids": "\n".join(eni.groups),
            "security-groups": "\n".join(account.security_groups[id_].name for id_ in eni.groups),
            "subnet-id": eni.subnet_id,
            "subnet-ipv4-cidr-block": str(account.subnets[eni.subnet_id].cidr),
            "vpc-id": eni.vpc_id,
            "vpc-ipv4-cidr-block": str(vpc.cidrs[0]),
            "vpc-ipv4-cidr-blocks": "\n".join(map(str, vpc.cidrs)),
        }
        if eni.prefixes:
            about["ipv4-prefix"] = "\n".join(map(str, eni.prefixes))
        if len(limits_of(account.instance(tie.instance_id).type).interfaces) > 1:
            about["network-card"] = str(tie.card_index)
        return about
