"""Whether our own node may be taken away: by its labels, or else by what EC2 says of its instance."""

from collections.abc import Mapping

from addons.autoscaler.aws.calls import in_time, listed
from addons.autoscaler.names import CAPACITY_TYPE_LABELS
from addons.runtime.aws import AwsSession

_SPOT = frozenset({"spot", "ec2spot"})


def spot_label(labels: Mapping[str, str]) -> str:
    """The label that says that a node is a spot instance, as KEY=VALUE; "" where none does."""
    return next(
        (f"{key}={labels[key]}" for key in CAPACITY_TYPE_LABELS if labels.get(key, "").lower() in _SPOT),
        "",
    )


def says_capacity_type(labels: Mapping[str, str]) -> bool:
    """Whether the labels of a node say at all what it is: then EC2 need not be asked."""
    return any(labels.get(key) for key in CAPACITY_TYPE_LABELS)


async def is_spot_instance(aws: AwsSession, instance: str) -> bool:
    """Whether EC2 calls an instance a spot instance. Raises OutsideError."""
    async with in_time(f"instance {instance}"):
        reply = await aws.call("ec2", "describe_instances", InstanceIds=[instance])
    found = [each for part in listed(reply, "Reservations") for each in part["Instances"]]
    return any(each.get("InstanceLifecycle") == "spot" for each in found)
