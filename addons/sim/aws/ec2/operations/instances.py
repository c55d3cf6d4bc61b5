"""RunInstances and TerminateInstances."""

from typing import Any

from addons.sim.aws.ec2.account import OWNER
from addons.sim.aws.ec2.errors import Ec2Error, conflicting, invalid, missing
from addons.sim.aws.ec2.instances import NewInterface
from addons.sim.aws.ec2.model import Instance
from addons.sim.aws.ec2.operations.interfaces import read_tags, read_wish
from addons.sim.aws.ec2.operations.shapes import instance_shape, state_shape
from addons.sim.aws.ec2.state import Ec2

Call = dict[str, Any]


def run_instances(ec2: Ec2, call: Call) -> Call:
    """Launch between MinCount and MaxCount instances: as many as there is room for."""
    least, most = call["MinCount"], call["MaxCount"]
    if not 1 <= least <= most:
        raise invalid(f"Value ({least}) for parameter minCount is invalid; maxCount is {most}")
    launched: list[Instance] = []
    try:
        while len(launched) < most:
            launched.append(_launch(ec2, call))
    except Ec2Error:
        if len(launched) < least:
            for instance in launched:
                ec2.instances.forget(instance.id)
            raise
    reservation = launched[0].id.removeprefix("i-")
    return {
        "ReservationId": f"r-{reservation}",
        "OwnerId": OWNER,
        "Instances": [
            instance_shape(ec2.account, instance, ec2.account.interfaces_of(instance.id))
            for instance in launched
        ],
    }


def terminate_instances(ec2: Ec2, call: Call) -> Call:
    """End instances, all of them or none."""
    before = [ec2.account.instance(id_) for id_ in call["InstanceIds"]]
    for instance in before:
        ec2.instances.terminate(instance.id)
    items = [
        {
            "CurrentState": state_shape(ec2.account.instance(instance.id)),
            "InstanceId": instance.id,
            "PreviousState": state_shape(instance),
        }
        for instance in before
    ]
    return {"TerminatingInstances": items}


def _launch(ec2: Ec2, call: Call) -> Instance:
    return ec2.instances.launch(
        call.get("InstanceType", "m1.small"),
        interfaces=_read_interfaces(call),
        tags=read_tags(call, "instance"),
        interface_tags=read_tags(call, "network-interface"),
        image_id=call.get("ImageId", "ami-0abcdef1234567890"),
    )


def _read_interfaces(call: Call) -> tuple[NewInterface, ...]:
    if "NetworkInterfaces" not in call:
        if "SubnetId" not in call:
            raise missing("SubnetId")
        primary, _ = read_wish({key: call[key] for key in ("PrivateIpAddress",) if key in call})
        groups = tuple(call.get("SecurityGroupIds", ()))
        return (NewInterface(call["SubnetId"], groups=groups, primary=primary),)
    if "SubnetId" in call or "SecurityGroupIds" in call or "PrivateIpAddress" in call:
        raise conflicting(
            "Network interfaces and an instance-level subnet, security groups or address "
            "may not be specified on the same request"
        )
    return tuple(map(_read_interface, call["NetworkInterfaces"]))


def _read_interface(each: Call) -> NewInterface:
    if "NetworkInterfaceId" in each:
        return NewInterface(
            id=each["NetworkInterfaceId"],
            device_index=each.get("DeviceIndex", 0),
            card_index=each.get("NetworkCardIndex", 0),
        )
    for name in ("SubnetId", "DeviceIndex"):
        if name not in each:
            raise missing(f"NetworkInterface.{name}")
    primary, wish = read_wish(each)
    return NewInterface(
        each["SubnetId"],
        each["DeviceIndex"],
        each.get("NetworkCardIndex", 0),
        wish=wish,
        primary=primary,
        groups=tuple(each.get("Groups", ())),
        description=each.get("Description", ""),
        delete_on_termination=each.get("DeleteOnTermination", True),
    )
