"""EC2 asked about a type of instance that is newer than our table of them."""

from addons.cni.aws.described import limits_from_api
from addons.cni.model.enis import InstanceLimits
from addons.runtime.aws import AwsSession
from addons.runtime.errors import NotFound


async def read_limits(aws: AwsSession, instance_type: str) -> InstanceLimits:
    """What a type of instance can hold. Raises OutsideError, Invalid or NotFound for an unknown one."""
    reply = await aws.call("ec2", "describe_instance_types", InstanceTypes=[instance_type])
    if not reply["InstanceTypes"]:
        raise NotFound(
            f"{instance_type}: EC2 does not know this type of instance", code="InvalidInstanceType"
        )
    return limits_from_api(reply["InstanceTypes"][0])
